"""A lock on a folder, so that only one process writes into it at a time."""

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
    """Lock a folder against other processes and against other threads of this one.

    The lock is on the folder itself: it needs no file, and the kernel releases it however the process ends. If the
    system has no flock on folders (Windows, some network file systems), or the folder cannot be opened, the block runs
    without a lock: each file still appears complete, but files of two writers may be mixed.

    Args:
        folder: an existing folder.
        wait: seconds to wait for another process that holds the lock; 0 for not waiting.
        hint: what to do if that process does not release it in time.

    Raises:
        BadInput: another process held the lock for the whole time.
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
            return  # this file system has no such locks
        else:
            return
