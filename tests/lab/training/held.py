"""Run as a script: the command line, whose fit stands still after some steps until a signal or a file `go` comes.

So the test has all the time that it needs to send one. A file `held-RANK` says that it stands still.
"""

import os
import signal
import time
from pathlib import Path

from aetk.cli.main import main
from aetk.lab.training import loop as fit
from aetk.lab.training.signals import SIGNALS

STEPS = 20


def stand_still():
    """A received signal is seen by its handler, which the fit puts back to what it was."""
    handlers = [signal.getsignal(number) for number in SIGNALS]
    Path(f"held-{os.environ.get('RANK', '0')}").touch()
    while handlers == [signal.getsignal(number) for number in SIGNALS] and not Path("go").exists():
        time.sleep(0.01)


def agree(loop, received, saves):
    """As in the fit, which agrees on signals after each step."""
    if loop.progress.step == STEPS:
        stand_still()
    return as_it_is(loop, received, saves)


as_it_is = fit._Loop._agree

if __name__ == "__main__":
    fit._Loop._agree, fit._SAVE_EVERY = agree, float("inf")
    main()
