"""Keeps two processes from writing one folder at a time."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from aetk.base.errors import BadInput

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None  # type: ignore[assignment]

FOLDER_WAIT = 30.0
"""Seconds to wait for another process that writes a model into the same folder."""
_BETWEEN_TRIES = 0.02


@contextlib.contextmanager
def locked(folder: Path, wait: float, hint: str = "Try again when it has ended.") -> Iterator[None]:
    """Hold a folder against every other holder, threads of this process among them.

    The lock is on the folder itself: no file is made, and the kernel releases it however the process ends. Without
    flock on folders (Windows, some network file systems), or where the folder cannot be opened, there is no lock, and
    the block runs all the same: each file still appears whole, but of several the last writer's may be mixed.

    Args:
        folder: an existing one.
        wait: seconds for another holder to end; 0 for no waiting.
        hint: what to do where that one does not.

    Raises:
        BadInput: another one held it all the time.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield
        return
    try:
        _lock(folder, descriptor, time.monotonic() + wait, hint)
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path, descriptor: int, until: float, hint: str) -> None:
    while fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise BadInput(f"{folder} is being written by another aetk.", hint) from None
            time.sleep(_BETWEEN_TRIES)
        except OSError:
            return  # not on this file system
        else:
            return
