"""Opens what a table is read from, line by line or in blocks: a file in large ones, a stream as its rows arrive."""

import io
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from aetk.base.errors import BadInput
from aetk.base.files import check_source
from aetk.base.streams import STANDARD, Input, Stop, open_input, title
from aetk.contract.dialect import ROW_BYTES
from aetk.edge.tables.chunk import check_unchanged

BLOCK_BYTES = 2**22

_UNPACK = "compressed", "Unpack it first."
_OTHERS = {
    b"PAR1": ("a Parquet file", "Let its name end with .parquet."),
    b"PK\x03\x04": ("an archive or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    b"\x1f\x8b": _UNPACK,
    b"\x28\xb5\x2f\xfd": _UNPACK,
    b"BZh": _UNPACK,
    b"\xfd7zXZ": _UNPACK,
}
"""What is taken for a table of lines by mistake, by its first bytes, and what to do."""


class Source(Protocol):
    """An open table of lines.

    Attributes:
        name: how messages name it.
        share: how much of it has been read, from 0 to 1; None where its size is unknown.
    """

    name: Path

    @property
    def share(self) -> float | None:
        """See above."""

    def lines(self) -> Iterator[bytes]:
        """The lines to come; of one that is longer than `ROW_BYTES`, no more than shows that."""

    def block(self) -> bytes:
        """Whole lines, of a line that is too long as in `lines`; empty at the end.

        Raises:
            BadInput: a file was changed while it was read.
        """

    def close(self) -> None:
        """Read no more."""


def open_source(path: Path, stop: Stop | None = None) -> Source:
    """Open a file, a pipe, or standard input for `-`; `stop` ends the waits for a pipe.

    Raises:
        BadInput: there is no such file, or it is a folder or a device; standard input is closed.
    """
    if path != STANDARD:
        check_source(path, once=True)
    descriptor = open_input(path)
    name, status = Path(title(path, "standard input")), os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return _File(name, os.fdopen(descriptor, "rb"), status)
    return _Stream(name, Input(io.FileIO(descriptor), stop))


class _File:
    """A file, in blocks of about `BLOCK_BYTES`."""

    def __init__(self, name: Path, file: BinaryIO, status: os.stat_result) -> None:
        self.name, self._file, self._before = name, file, status

    @property
    def share(self) -> float | None:
        return min(self._file.tell() / self._before.st_size, 1.0) if self._before.st_size else None

    def lines(self) -> Iterator[bytes]:
        return iter(partial(self._file.readline, ROW_BYTES + 1), b"")

    def block(self) -> bytes:
        block = self._file.read(BLOCK_BYTES) + self._file.readline(ROW_BYTES + 1)
        check_unchanged(self.name, self._before, os.fstat(self._file.fileno()))
        return block

    def close(self) -> None:
        self._file.close()


class _Stream:
    """A pipe or the like, in blocks of the whole lines that have arrived, about `BLOCK_BYTES` of them at most."""

    share = None

    def __init__(self, name: Path, stream: Input) -> None:
        self.name, self._stream = name, stream
        self._held = bytearray()
        self._searched = 0
        self._has_ended = False

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
        """Receive until a line is whole, or too long; returns where it ends."""
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
        taken = bytes(self._held[:size])
        del self._held[:size]
        self._searched = 0
        return taken

    def close(self) -> None:
        self._stream.close()


def decoded(name: Path, line: bytes, number: int, kind: str) -> str:
    """A line as text, without a byte-order mark; `kind` is what the source ought to be, for messages.

    Raises:
        BadInput: it is not UTF-8.
    """
    try:
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        for start, (found, remedy) in _OTHERS.items():
            if number == 1 and line.startswith(start):
                raise BadInput(f"{name} is {found}; expected a {kind} file.", remedy) from None
        raise BadInput(f"{name}, line {number}: not UTF-8 text.", "Save the table as UTF-8.") from None
