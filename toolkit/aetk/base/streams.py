"""Standard input and output, pipes and devices, which are read and written in place and never replaced by a new file.

The other end of a stream may never answer, so another thread can end a wait for it.
"""

import contextlib
import errno
import io
import os
import re
import select
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aetk.base.errors import BadInput, Unavailable

STANDARD = Path("-")
"""The path that means standard input for reading and standard output for writing."""

_OPEN_FILES = re.compile(r"/proc/(\d+)(?:/task/\d+)?/fd|/dev/fd")
_LINKS = 40
_RECEIVED = 2**20


class Stopped(Exception):
    """`Stop.set` ended a wait."""


class Stop:
    """Ends all present and future waits of the streams that were given it. Close it after those streams.

    If the system cannot wait for several files at a time (Windows), it has no effect on a wait.
    """

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def set(self) -> None:
        """End all waits."""
        os.write(self._writing, b"!")

    def wait(self, descriptor: int, *, to_write: bool = False) -> None:
        """Wait until a descriptor can be read or written; raise Stopped if `set` is called first."""
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
    """The descriptor of this process that an output's path names, 1 for `-`; None for a path of another kind."""
    if path == STANDARD:
        return 1
    owner, number = _open_file(path)
    return number if owner == _self() else None


def is_stream(path: Path) -> bool:
    """Whether a path names a stream: `-`, an open file of a process, a pipe, a device or a socket."""
    if path == STANDARD or _open_file(path)[0] is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _open_file(path: Path) -> tuple[str | None, int]:
    """The process and the descriptor that a path names, links resolved; (None, -1) if it is an ordinary path."""
    for _ in range(_LINKS):
        folder = Path(os.path.realpath(path.parent))
        match = _OPEN_FILES.fullmatch(str(folder))
        if match and path.name.isdecimal():
            return match[1] or _self(), int(path.name)
        try:
            path = folder / (folder / path.name).readlink()
        except OSError:  # not a link
            break
    return None, -1


def _self() -> str:
    """The number of this process in /proc, which in a container can differ from its own process id."""
    try:
        return Path("/proc/self").readlink().name
    except OSError:
        return str(os.getpid())


class Input:
    """A stream that is read as its bytes arrive.

    Args:
        file: an unbuffered file; closed with the stream.
        stop: ends the stream's waits.
    """

    def __init__(self, file: io.FileIO, stop: Stop | None) -> None:
        self._file, self._stop = file, stop

    def receive(self) -> bytes:
        """The bytes that have arrived, at most 1 MiB; waits for the first one. Empty at the end of the stream."""
        received = None
        while received is None:  # another program may have made the file non-blocking
            if self._stop is not None:
                self._stop.wait(self._file.fileno())
            received = self._file.read(_RECEIVED)
        return received

    @property
    def is_ready(self) -> bool:
        """Whether `receive` would return at once; False if the system cannot say."""
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._file.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Output(io.RawIOBase):
    """A stream that sends every write at once.

    Args:
        descriptor: a descriptor that is open for writing; closed with the stream.
        title: the stream's name in messages.
        stop: ends the stream's waits.
    """

    def __init__(self, descriptor: int, title: str, stop: Stop | None) -> None:
        super().__init__()
        self._descriptor, self._title, self._stop = descriptor, title, stop
        # a file takes any number of bytes; a pipe takes only PIPE_BUF of them without blocking
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._piece = sys.maxsize if is_file or stop is None else getattr(select, "PIPE_BUF", 512)

    def writable(self) -> bool:
        """Always true."""
        return True

    def write(self, content: Any) -> int:
        """Send all bytes of `content`.

        Raises:
            Unavailable: the disk is full.
            BrokenPipeError: the reader has closed its end.
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
    """The name of a path in messages; for `-` it is `standard`."""
    return standard if path == STANDARD else str(path)


def open_input(path: Path) -> int:
    """Open `-` or a path for reading; an open stream of this process is read on from where it stands.

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
    """Open `-` or a path as a stream to write.

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
        # in append mode, because other processes may write to the same file
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | _NO_TERMINAL) if number is None else os.dup(number)
    except OSError as error:
        error.filename = name
        raise
    return Output(descriptor, name, stop)


@contextlib.contextmanager
def native_prints_on_stderr() -> Iterator[None]:
    """Send what native libraries print on standard output meanwhile to standard error: our output is data.

    It holds for the whole process; what another thread prints on standard output meanwhile goes there, too.
    """
    import ctypes

    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # one of them is closed
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(OSError, AttributeError, TypeError):  # no C library can be asked by name (Windows)
            ctypes.CDLL(None).fflush(None)  # it keeps what it prints until a buffer is full
        os.dup2(kept, 1)
        os.close(kept)


_BINARY = getattr(os, "O_BINARY", 0)
_NO_TERMINAL = getattr(os, "O_NOCTTY", 0)
