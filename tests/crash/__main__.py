"""`python -m tests.crash`."""

import os

if __name__ == "__main__":
    os.environ.setdefault(
        "OMP_NUM_THREADS", "1"
    )  # threads that wait for each other make the times of small steps random
    from .harness import main

    main()
