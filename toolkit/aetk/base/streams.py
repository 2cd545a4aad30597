"""Streams: standard input and output, pipes and devices, which are read and written as they are, never replaced.

Their other end may be silent for ever, so a wait for it can be ended from another thread.
"""

import errno
import io
import os
import re
import select
import stat
import sys
from pathlib import Path
from typing import Any

from aetk.base.errors import BadInput, Unavailable

STANDARD = Path("-")
"""Standard input where something is read, standard output where something is written."""

_OPEN_FILES = re.compile(r"/proc/(\d+)(?:/task/\d+)?/fd|/dev/fd")
_LINKS = 40
_RECEIVED = 2**20


class Stopped(Exception):
    """A wait was ended by `Stop.set`."""


class Stop:
    """Ends every wait for a stream that knows it, those to come among them; to be closed when all of them have ended.

    Where the system cannot wait for several files at a time (Windows), a wait ends with what it waits for.
    """

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def set(self) -> None:
        """End all waits."""
        os.write(self._writing, b"!")

    def wait(self, descriptor: int, *, to_write: bool = False) -> None:
        """Wait until a descriptor can be read, or written; Stopped where `set` is called first."""
        if not hasattr(select, "poll"):
            return
        poll = select.poll()
        poll.register(self._reading, select.POLLIN)
        poll.register(descriptor, select.POLLOUT if to_write else select.POLLIN)
        if any(ready == self._reading for ready, _ in poll.poll()):
            raise Stopped

    def __enter__(self) -> "Stop":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._reading)
        os.close(self._writing)


def open_file_number(path: Path) -> int | None:
    """The descriptor of this process that a path names, 1 for `-` of an output and `/dev/stdout`; else None."""
    if path == STANDARD:
        return 1
    owner, number = _open_file(path)
    return number if owner == _self() else None


def is_stream(path: Path) -> bool:
    """Whether a path leads to what is never replaced: `-`, an open file of a process, a pipe, a device, a socket."""
    if path == STANDARD or _open_file(path)[0] is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _open_file(path: Path) -> tuple[str | None, int]:
    """The process and the descriptor that a path names, by whatever links; None where it names a file by its name."""
    for _ in range(_LINKS):
        folder = Path(os.path.realpath(path.parent))
        match = _OPEN_FILES.fullmatch(str(folder))
        if match and path.name.isdecimal():
            return match[1] or _self(), int(path.name)
        try:
            path = folder / (folder / path.name).readlink()
        except OSError:  # no link
            break
    return None, -1


def _self() -> str:
    """This process, as /proc calls it: in a container that may be another number than its own."""
    try:
        return Path("/proc/self").readlink().name
    except OSError:
        return str(os.getpid())


class Input:
    """A stream to read, as it arrives.

    Args:
        file: without a buffer; closed with the stream.
        stop: ends its waits.
    """

    def __init__(self, file: io.FileIO, stop: Stop | None) -> None:
        self._file, self._stop = file, stop

    def receive(self) -> bytes:
        """What has arrived, at most a mebibyte; waits where nothing has. Empty at the end."""
        received = None
        while received is None:  # where another program made it one that does not wait
            if self._stop is not None:
                self._stop.wait(self._file.fileno())
            received = self._file.read(_RECEIVED)
        return received

    @property
    def is_ready(self) -> bool:
        """Whether `receive` would not wait, as far as the system can tell."""
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._file.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Output(io.RawIOBase):
    """A stream to write: whatever is written is sent at once.

    Args:
        descriptor: open for writing; closed with the stream.
        title: how messages name it.
        stop: ends its waits.
    """

    def __init__(self, descriptor: int, title: str, stop: Stop | None) -> None:
        super().__init__()
        self._descriptor, self._title, self._stop = descriptor, title, stop
        # a file takes all; of what waits for its reader only so little can be written for sure without a wait
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._piece = sys.maxsize if is_file or stop is None else getattr(select, "PIPE_BUF", 512)

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, content: Any) -> int:
        """Send all of it.

        Raises:
            Unavailable: there is no room.
            BrokenPipeError: the reader went away.
        """
        left = memoryview(content).cast("B")
        size = len(left)
        while left:
            try:
                if self._stop is not None:
                    self._stop.wait(self._descriptor, to_write=True)
                left = left[os.write(self._descriptor, left[: self._piece]) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise Unavailable(
                        f"Cannot write {self._title}: {error.strerror}.",
                        "Free some space, or send the output elsewhere.",
                    ) from None
                error.filename = self._title
                raise
        return size

    def close(self) -> None:
        """Close the descriptor."""
        if not self.closed:
            super().close()
            os.close(self._descriptor)


def title(path: Path, standard: str) -> str:
    """How messages name what is read or written: the path, or for `-` the words `standard ...`."""
    return standard if path == STANDARD else str(path)


def open_input(path: Path) -> int:
    """A descriptor for `-` or a path, standard input and other open files of this process as they are, from here on.

    Raises:
        BadInput: standard input is closed.
    """
    if path != STANDARD:
        number = open_file_number(path)
        is_open = number is not None and not stat.S_ISREG(os.fstat(number).st_mode)
        return os.dup(number) if is_open and number is not None else os.open(path, os.O_RDONLY | _BINARY)
    if sys.__stdin__ is None:
        raise BadInput("Standard input is closed.", "Name a file, or send a table through a pipe.")
    return os.dup(0)


def open_output(path: Path, stop: Stop | None) -> Output:
    """A stream to write.

    Raises:
        BadInput: standard output is closed.
    """
    number = open_file_number(path)
    if number == 1 and sys.__stdout__ is None:
        raise BadInput("Standard output is closed.", "Name a file with --out.")
    for printed in (sys.stdout, sys.stderr):
        if printed is not None and number in (1, 2):
            printed.flush()
    name = title(path, "standard output")
    try:
        # appended, for there are open files of other processes
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | _NO_TERMINAL) if number is None else os.dup(number)
    except OSError as error:
        error.filename = name
        raise
    return Output(descriptor, name, stop)


_BINARY = getattr(os, "O_BINARY", 0)
_NO_TERMINAL = getattr(os, "O_NOCTTY", 0)
