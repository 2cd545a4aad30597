"""Opens the source of a table, to read lines or blocks: large blocks of a file, rows of a stream as they arrive."""

import io
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from aetk.base.errors import BadInput
from aetk.base.files import check_source
from aetk.base.streams import STANDARD, Input, Stop, open_input, title
from aetk.contract.dialect import ROW_BYTES
from aetk.edge.tables.chunk import check_unchanged
from aetk.edge.tables.transcode import Transcoded
from aetk.edge.tables.unpack import LONGEST_MAGIC, MAGIC, Receiver, Unpacked, ZipMember

BLOCK_BYTES = 2**22

_UNPACK = "compressed", "Unpack it first."
_OTHERS = {
    b"PAR1": ("a Parquet file", "Let its name end with .parquet."),
    b"\x28\xb5\x2f\xfd": _UNPACK,
}
"""Files that are mistaken for a table of lines: their first bytes, what they are, and what to do."""


class Source(Protocol):
    """An open table of lines.

    Attributes:
        name: its name in messages.
        share: the share of it that has been read, from 0 to 1; None if its size is unknown.
    """

    name: Path

    @property
    def share(self) -> float | None:
        """The share of the table that has been read."""

    def lines(self) -> Iterator[bytes]:
        """The remaining lines; a line longer than `ROW_BYTES` is cut off after that length."""

    def block(self) -> bytes:
        """The next whole lines; a line that is too long is cut as in `lines`. Empty at the end.

        Raises:
            BadInput: a file was changed while it was read.
        """

    def close(self) -> None:
        """Close the source."""


def open_source(path: Path, stop: Stop | None = None, encoding: str = "utf-8") -> Source:
    """Open a file, a pipe, or standard input for `-`; `stop` ends the wait for a pipe.

    Compressed data are unpacked, and text of another encoding becomes UTF-8.

    Raises:
        BadInput: there is no such file, or it is a folder or a device; standard input is closed; a zip archive holds
            several files.
    """
    if path != STANDARD:
        check_source(path, once=True)
    descriptor = open_input(path)
    name, status = Path(title(path, "standard input")), os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return _stream(name, Unpacked(name, Input(io.FileIO(descriptor), stop)), encoding, lambda: None)
    file = os.fdopen(descriptor, "rb")
    try:
        start = file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC]
        if encoding == "utf-8" and not start.startswith(MAGIC):
            return _File(name, file, status)
        pieces = _Pieces(name, file, status)
        is_zip = start.startswith(b"PK") and start.startswith(MAGIC)
        return _stream(name, ZipMember(name, file) if is_zip else Unpacked(name, pieces), encoding, pieces.share)
    except BaseException:
        file.close()
        raise


def _stream(name: Path, received: Receiver, encoding: str, share: Callable[[], float | None]) -> Source:
    return _Stream(name, received if encoding == "utf-8" else Transcoded(name, received, encoding), share)


class _Pieces:
    """A file as a receiver."""

    is_ready = True

    def __init__(self, name: Path, file: BinaryIO, status: os.stat_result) -> None:
        self._name, self._file, self._before = name, file, status

    def receive(self) -> bytes:
        received = self._file.read(BLOCK_BYTES >> 2)
        check_unchanged(self._name, self._before, os.fstat(self._file.fileno()))
        return received

    def share(self) -> float | None:
        return _share(self._file, self._before)

    def close(self) -> None:
        self._file.close()


def _share(file: BinaryIO, status: os.stat_result) -> float | None:
    return min(file.tell() / status.st_size, 1.0) if status.st_size else None


class _File:
    """A file, read in blocks of about `BLOCK_BYTES`."""

    def __init__(self, name: Path, file: BinaryIO, status: os.stat_result) -> None:
        self.name, self._file, self._before = name, file, status

    @property
    def share(self) -> float | None:
        return _share(self._file, self._before)

    def lines(self) -> Iterator[bytes]:
        return iter(partial(self._file.readline, ROW_BYTES + 1), b"")

    def block(self) -> bytes:
        block = self._file.read(BLOCK_BYTES) + self._file.readline(ROW_BYTES + 1)
        check_unchanged(self.name, self._before, os.fstat(self._file.fileno()))
        return block

    def close(self) -> None:
        self._file.close()


class _Stream:
    """A pipe or another stream, read in blocks of the whole lines that have arrived, about `BLOCK_BYTES` at most."""

    def __init__(self, name: Path, stream: Receiver, share: Callable[[], float | None]) -> None:
        self.name, self._stream, self._share = name, stream, share
        self._held = bytearray()
        self._searched = 0
        self._has_ended = False

    @property
    def share(self) -> float | None:
        return self._share()

    def lines(self) -> Iterator[bytes]:
        return iter(self._line, b"")

    def block(self) -> bytes:
        self._wait_for_line()
        while len(self._held) < BLOCK_BYTES and not self._has_ended and self._stream.is_ready:
            self._receive()
        return self._take(self._held.rfind(b"\n") + 1 or len(self._held))

    def _line(self) -> bytes:
        return self._take(self._wait_for_line())

    def _wait_for_line(self) -> int:
        """Receive until a line is complete or too long; return where it ends."""
        while (end := self._held.find(b"\n", self._searched) + 1) == 0:
            self._searched = len(self._held)
            if self._has_ended or self._searched > ROW_BYTES:
                break
            self._receive()
        return end or len(self._held)

    def _receive(self) -> None:
        try:
            received = self._stream.receive()
        except OSError as error:
            error.filename = str(self.name)
            raise
        self._held += received
        self._has_ended = not received

    def _take(self, size: int) -> bytes:
        with memoryview(self._held) as held:
            taken = bytes(held[:size])
        del self._held[:size]
        self._searched = 0
        return taken

    def close(self) -> None:
        self._stream.close()


def decoded(name: Path, line: bytes, number: int, kind: str) -> str:
    """Decode a line, without a byte-order mark; `kind` is the expected format, for messages.

    Raises:
        BadInput: the line is not UTF-8.
    """
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        for start, (found, remedy) in _OTHERS.items():
            if number == 1 and line.startswith(start):
                raise BadInput(f"{name} is {found}; expected a {kind} file.", remedy) from None
        raise BadInput(f"{name}, line {number}: not UTF-8 text.", "Save the table as UTF-8.") from None
