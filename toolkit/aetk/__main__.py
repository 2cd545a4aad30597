"""`python -m aetk` is `aetk`."""

from aetk.cli.main import main

if __name__ == "__main__":
    main()
