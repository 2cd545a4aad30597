"""Reads CSV block by block: through pyarrow where that is proven to read as we do, else cell by cell."""

import csv
import io
import itertools
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import numpy as np

from aetk.contract.dialect import ROW_BYTES, parse_cell, parse_plain
from aetk.contract.errors import BadInput
from aetk.contract.files import check_source
from aetk.edge import fastcsv
from aetk.edge.chunk import (
    Chunk,
    FloatType,
    NotANumber,
    as_dtype,
    check_header,
    check_unchanged,
    place,
    positions,
)

BLOCK_BYTES = 2**22
CHUNK_ROWS = 4096
"""Rows that are read cell by cell at a time: lists of strings take many times the room of their numbers."""

_QUOTING = "A cell that holds a comma, a quote or a line end is written in quotes, and a quote in it twice."
_FAULTS = {
    "new-line character": (
        "found a carriage return without a line feed; expected lines that end in LF or CRLF.",
        "Save the table with Unix or Windows line ends.",
    ),
    "',' expected after": ("found text after a closing quote; expected a comma or the end of the line.", _QUOTING),
    "unexpected end of data": ("a quote is opened and never closed.", _QUOTING),
}
"""What Python's csv module says, and what it means to the owner of a table."""
_UNPACK = "compressed", "Unpack it first."
_MODEL = b"\x08"
"""What an ONNX file begins with, and no text: the key of its first field."""
_SWAPPED = "Name a table in its place; where a command takes a model and a table, the model comes first."
_OTHERS = {
    b"PAR1": ("a Parquet file", "Let its name end with .parquet."),
    b"PK\x03\x04": ("an archive or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    b"\x1f\x8b": _UNPACK,
    b"\x28\xb5\x2f\xfd": _UNPACK,
    b"BZh": _UNPACK,
    b"\xfd7zXZ": _UNPACK,
}
"""What is taken for CSV by mistake, by its first bytes, and what to do."""

Row = tuple[int, int, list[str]]
"""The number of the line that it starts on, of the line after it, and its cells."""


def header(path: Path) -> tuple[str, ...]:
    """The column names of a CSV file.

    Raises:
        BadInput: no such file, an empty one, one that is no table, or columns without or with the same name.
    """
    check_source(path)
    with path.open("rb") as file:
        return _header(path, file)[0]


@dataclass(frozen=True)
class _Columns:
    """Which columns of a file are read, and as what."""

    path: Path
    names: tuple[str, ...]
    numeric: list[int]
    text: list[int]
    dtype: FloatType


def read_chunks(
    path: Path, numeric: Sequence[str], text: Sequence[str], dtype: FloatType
) -> Generator[Chunk, None, None]:
    """See `edge.tables.read_chunks`."""
    check_source(path, once=True)
    file = path.open("rb")
    try:
        before = os.fstat(file.fileno())
        names, line = _header(path, file)
        columns = _Columns(path, names, positions(path, names, numeric), positions(path, names, text), dtype)
    except BaseException:
        file.close()
        raise
    return _chunks(columns, file, line, before)


def _chunks(columns: _Columns, file: BinaryIO, line: int, before: os.stat_result) -> Generator[Chunk, None, None]:
    """The chunks of an open file from below its header, which ends before a line of this number."""
    with file:
        block = _block(file)
        # a file of one block is read sooner than pyarrow is imported
        parse = fastcsv.block_parser(*_chosen(columns), columns.dtype) if len(block) >= BLOCK_BYTES else None
        while block:
            check_unchanged(columns.path, before, os.fstat(file.fileno()))
            share = min(file.tell() / before.st_size, 1.0) if before.st_size else None
            parsed = parse(block) if parse else None
            if parsed is None:
                line = yield from _careful(columns, file, block, line, share)
            else:
                values, texts = parsed
                after = line + len(values)
                yield Chunk(values, texts, np.arange(line, after, dtype=np.int64), share)
                line = after
            block = _block(file)
        check_unchanged(columns.path, before, os.fstat(file.fileno()))


def _chosen(columns: _Columns) -> tuple[tuple[str, ...], list[str], list[str]]:
    names = columns.names
    return names, [names[i] for i in columns.numeric], [names[i] for i in columns.text]


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines that are left of a file; of one that is too long for a row, no more than shows that."""
    return iter(partial(file.readline, ROW_BYTES + 1), b"")


def _block(file: BinaryIO) -> bytes:
    """Whole lines of a file, about `BLOCK_BYTES` of them; empty at its end."""
    return file.read(BLOCK_BYTES) + next(_lines(file), b"")


def _header(path: Path, file: BinaryIO) -> tuple[tuple[str, ...], int]:
    """The column names, read from the start of a file, and the number of the line after them."""
    found = (row for row in _rows(path, _lines(file), 1) if row[2])
    _, line, cells = next(found, (1, 1, []))
    if len(cells) == 1 and (";" in cells[0] or "\t" in cells[0]):
        shown = f"{path}: the header is one column, '{cells[0][:40]}'"
        raise BadInput(f"{shown}; expected commas between columns.", "Save the table with commas, as UTF-8.")
    if cells == ["{"]:
        raise BadInput(f"{path} is JSON, as the card of a model is; expected a CSV file.", _SWAPPED)
    check_header(path, cells)
    return tuple(cells), line


class _Text:
    """UTF-8 lines as text, without a byte-order mark, and where the row stands that they belong to.

    Attributes:
        row: the number of the line that the row starts on.
        line: the number of the line to come.

    Raises:
        BadInput: a line that is not UTF-8, or one that makes the row longer than `ROW_BYTES`.
    """

    def __init__(self, path: Path, lines: Iterator[bytes], first: int) -> None:
        self._path, self._lines = path, lines
        self.row = self.line = first
        self._bytes = 0

    def begin_row(self) -> None:
        """The lines to come belong to another row."""
        self.row, self._bytes = self.line, 0

    def __iter__(self) -> "_Text":
        return self

    def __next__(self) -> str:
        line, number = next(self._lines), self.line
        if number == 1 and line.startswith(_MODEL):
            raise BadInput(f"{self._path} is an ONNX model; expected a CSV file.", _SWAPPED)
        self._bytes += len(line)
        if self._bytes > ROW_BYTES:
            raise BadInput(
                f"{self._path}, line {self.row}: the row is longer than {ROW_BYTES >> 20} MiB.",
                "Is it a CSV file? A quote that is never closed makes one row of the rest of the file.",
            )
        self.line += 1
        try:
            return line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            for start, (kind, remedy) in _OTHERS.items():
                if number == 1 and line.startswith(start):
                    raise BadInput(f"{self._path} is {kind}; expected a CSV file.", remedy) from None
            raise BadInput(f"{self._path}, line {number}: not UTF-8 text.", "Save the table as UTF-8.") from None


def _rows(path: Path, lines: Iterator[bytes], first: int) -> Iterator[Row]:
    """The rows of CSV lines, of which the first has the number `first`; a blank line is a row without cells."""
    csv.field_size_limit(ROW_BYTES)  # its own is lower, and a long text in a column of no interest does no harm
    text = _Text(path, lines, first)
    try:
        for cells in csv.reader(text, strict=True):
            yield text.row, text.line, cells
            text.begin_row()
    except csv.Error as error:
        # what csv advises after a dash depends on Python's version, and is for programmers
        fault = str(error).split(" - ")[0]
        known = (found for start, found in _FAULTS.items() if fault.startswith(start))
        message, remedy = next(known, (f"not a CSV row: {fault}.", _QUOTING))
        raise BadInput(f"{path}, line {text.row}: {message}", remedy) from None


def _careful(
    columns: _Columns, file: BinaryIO, block: bytes, line: int, share: float | None
) -> Generator[Chunk, None, int]:
    """The chunks of a block, which may borrow lines of the file to end its last row; returns the line after it."""
    end = line + block.count(b"\n") + (not block.endswith(b"\n"))
    rows = _rows(columns.path, itertools.chain(io.BytesIO(block), _lines(file)), line)
    fault = None
    while line < end and fault is None:
        batch = []
        try:
            for row in rows:
                line = row[1]
                if row[2]:
                    batch.append(row)
                if line >= end or len(batch) == CHUNK_ROWS:
                    break
        except BadInput as error:
            fault = error  # the rows before it come first, with faults of their own
        if batch:
            yield _chunk(columns, batch, share)
    if fault is not None:
        raise fault
    return line


def _chunk(columns: _Columns, batch: list[Row], share: float | None) -> Chunk:
    numbers = None
    if all(len(cells) == len(columns.names) for _, _, cells in batch):
        numbers = parse_plain([cells[i] for _, _, cells in batch for i in columns.numeric])
    if numbers is None:
        numbers = [value for row in batch for value in _numbers(columns, row)]
    values = as_dtype(np.array(numbers, np.float64).reshape(len(batch), len(columns.numeric)), columns.dtype)
    texts = tuple(tuple(map(itemgetter(i), (cells for _, _, cells in batch))) for i in columns.text)
    return Chunk(values, texts, np.array([line for line, _, _ in batch], np.int64), share)


def _numbers(columns: _Columns, row: Row) -> Iterator[float]:
    path, names, (line, _, cells) = columns.path, columns.names, row
    if len(cells) != len(names):
        found = f"{path}, line {line}: found {len(cells)} cells"
        raise BadInput(f"{found}, expected {len(names)} as in the header.", _QUOTING)
    for i in columns.numeric:
        try:
            yield parse_cell(cells[i])
        except ValueError:
            raise NotANumber(place(path, line), names[i], cells[i]) from None
