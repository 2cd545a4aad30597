"""Reads CSV block by block: through pyarrow if that is sure to give the same result, else cell by cell."""

import contextlib
import csv
import io
import itertools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path

import numpy as np

from aetk.base.errors import BadInput
from aetk.base.files import check_source
from aetk.contract.dialect import ROW_BYTES, parse_cell, parse_plain
from aetk.edge.tables import csv_arrow
from aetk.edge.tables import source as sources
from aetk.edge.tables.chunk import Chunk, FloatType, NotANumber, as_dtype, check_header, column_indices, row_location
from aetk.edge.tables.source import Source, decoded, open_source

CHUNK_ROWS = 4096
"""The rows that are read cell by cell at a time: lists of strings take many times the memory of their numbers."""

_QUOTING = "A cell that holds a comma, a quote or a line end is written in quotes, and a quote in it twice."
_FAULTS = {
    "new-line character": (
        "found a carriage return without a line feed; expected lines that end in LF or CRLF.",
        "Save the table with Unix or Windows line ends.",
    ),
    "',' expected after": ("found text after a closing quote; expected a comma or the end of the line.", _QUOTING),
    "unexpected end of data": ("a quote is opened and never closed.", _QUOTING),
}
"""The messages of Python's csv module, and what they mean to the user."""
_MODEL = b"\x08"
"""The first byte of an ONNX file, the key of its first field; no text begins with it."""
_SWAPPED = "Name a table in its place; where a command takes a model and a table, the model comes first."

Row = tuple[int, int, list[str]]
"""The number of the row's first line, the number of the line after the row, and the row's cells."""


def header(path: Path) -> tuple[str, ...]:
    """The column names of a CSV file.

    Raises:
        BadInput: the file does not exist, is empty or is not a table; or a column has no name or the name of another.
    """
    check_source(path)
    with contextlib.closing(open_source(path)) as source:
        return _header(source)[0]


@dataclass(frozen=True)
class _Columns:
    """Which columns of a file are read, and as which types."""

    path: Path
    names: tuple[str, ...]
    numeric: list[int]
    text: list[int]
    dtype: FloatType


def read_chunks(
    source: Source, numeric: Sequence[str], text: Sequence[str], dtype: FloatType
) -> Generator[Chunk, None, None]:
    """See `edge.tables.read.read_chunks`; the source is closed with the generator, or if this call raises."""
    try:
        names, line = _header(source)
        path = source.name
        columns = _Columns(path, names, column_indices(path, names, numeric), column_indices(path, names, text), dtype)
    except BaseException:
        source.close()
        raise
    return _chunks(columns, source, line)


def _chunks(columns: _Columns, source: Source, line: int) -> Generator[Chunk, None, None]:
    """Yield the chunks of a source below its header; `line` is the number of the first line below it."""
    parse, read = None, 0
    with contextlib.closing(source):
        while block := source.block():
            read += len(block)
            parsed = None
            # few bytes are read faster than pyarrow is imported or called
            if read >= sources.BLOCK_BYTES and len(block) >= sources.BLOCK_BYTES >> 6:
                parse = parse or csv_arrow.block_parser(*_chosen(columns), columns.dtype) or _never
                parsed = parse(block)
            if parsed is None:
                line = yield from _careful(columns, source, block, line)
            else:
                values, texts = parsed
                after = line + len(values)
                yield Chunk(values, texts, np.arange(line, after, dtype=np.int64), source.share)
                line = after


def _never(_block: bytes) -> None:
    """Stand in for pyarrow's parser if pyarrow is not installed: parse no block."""


def _chosen(columns: _Columns) -> tuple[tuple[str, ...], list[str], list[str]]:
    names = columns.names
    return names, [names[i] for i in columns.numeric], [names[i] for i in columns.text]


def _header(source: Source) -> tuple[tuple[str, ...], int]:
    """The column names, read from the start of a source, and the number of the line after them."""
    path = source.name
    found = (row for row in _rows(_Text(path, source.lines(), 1)) if row[2])
    _, line, cells = next(found, (1, 1, []))
    if len(cells) == 1 and (";" in cells[0] or "\t" in cells[0]):
        shown = f"{path}: the header is one column, '{cells[0][:40]}'"
        raise BadInput(f"{shown}; expected commas between columns.", "Save the table with commas, as UTF-8.")
    if cells == ["{"]:
        raise BadInput(f"{path} is JSON, as the card of a model is; expected a CSV file.", _SWAPPED)
    if cells and cells[0].startswith('{"'):
        shown = f"{path}: the first line begins with '{{', as JSON Lines do; expected column names."
        raise BadInput(shown, "Say --format jsonl, or let the file's name end with .jsonl.")
    check_header(path, cells)
    return tuple(cells), line


class _Text:
    """Decodes UTF-8 lines, without a byte-order mark, and keeps the number of the line that their row starts on.

    Args:
        path: the file's path, for messages.
        lines: the lines to read.
        first: the number of the first line.
        is_part: whether more lines may follow that complete the last row.

    Attributes:
        row: the number of the line that the current row starts on.
        line: the number of the next line.
        begun: the lines of the current row so far, if `is_part`.

    Raises:
        BadInput: a line is not UTF-8, or makes the row longer than `ROW_BYTES`.
        _GoesOn: the last line of a part does not end its row.
    """

    def __init__(self, path: Path, lines: Iterator[bytes], first: int, *, is_part: bool = False) -> None:
        self.path, self._lines, self._is_part = path, lines, is_part
        self.row = self.line = first
        self.begun: list[bytes] = []
        self._bytes = 0

    def begin_row(self) -> None:
        """Start another row with the next line."""
        self.row, self._bytes = self.line, 0
        self.begun.clear()

    def __iter__(self) -> "_Text":
        return self

    def __next__(self) -> str:
        line, number = next(self._lines, b""), self.line
        if not line:
            raise _GoesOn if self._is_part and self.begun else StopIteration
        if number == 1 and line.startswith(_MODEL):
            raise BadInput(f"{self.path} is an ONNX model; expected a CSV file.", _SWAPPED)
        if self._is_part:
            self.begun.append(line)
        self._bytes += len(line)
        if self._bytes > ROW_BYTES:
            raise BadInput(
                f"{self.path}, line {self.row}: the row is longer than {ROW_BYTES >> 20} MiB.",
                "Is it a CSV file? A quote that is never closed makes one row of the rest of the file.",
            )
        self.line += 1
        return decoded(self.path, line, number, "CSV")


class _GoesOn(Exception):
    """A row continues after the given lines."""


def _rows(text: _Text) -> Iterator[Row]:
    """The rows of CSV lines; a blank line is a row without cells."""
    csv.field_size_limit(ROW_BYTES)  # csv's own limit is lower, but a long text in an unused column does no harm
    try:
        for cells in csv.reader(text, strict=True):
            yield text.row, text.line, cells
            text.begin_row()
    except csv.Error as error:
        # csv adds advice after a dash that depends on Python's version and is for programmers
        fault = str(error).split(" - ")[0]
        known = (found for start, found in _FAULTS.items() if fault.startswith(start))
        message, remedy = next(known, (f"not a CSV row: {fault}.", _QUOTING))
        raise BadInput(f"{text.path}, line {text.row}: {message}", remedy) from None


def _careful(columns: _Columns, source: Source, block: bytes, line: int) -> Generator[Chunk, None, int]:
    """Yield the chunks of a block, with more lines of the source if its last row needs them; return the next line."""
    end = line + block.count(b"\n") + (not block.endswith(b"\n"))
    text = _Text(columns.path, io.BytesIO(block), line, is_part=True)
    rows, fault = _rows(text), None
    while line < end and fault is None:
        batch = []
        try:
            for row in rows:
                line = row[1]
                if row[2]:
                    batch.append(row)
                if line >= end or len(batch) == CHUNK_ROWS:
                    break
        except _GoesOn:  # the rows before it do not wait for its end
            rows = _rows(_Text(columns.path, itertools.chain(text.begun, source.lines()), text.row))
        except BadInput as error:
            fault = error  # the rows before it come first, and may have faults too
        if batch:
            yield from _chunks_of(columns, batch, source.share)
    if fault is not None:
        raise fault
    return line


def _chunks_of(columns: _Columns, batch: list[Row], share: float | None) -> Iterator[Chunk]:
    """Yield rows as a chunk; if one is invalid, yield only those before it, then raise its error."""
    fault = None
    try:
        chunk = _chunk(columns, batch, share)
    except BadInput as error:
        fault = error
        batch = list(itertools.takewhile(partial(_is_sound, columns), batch))
        chunk = _chunk(columns, batch, share)
    if batch:
        yield chunk
    if fault is not None:
        raise fault


def _is_sound(columns: _Columns, row: Row) -> bool:
    try:
        list(_numbers(columns, row))
    except BadInput:
        return False
    return True


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
            raise NotANumber(row_location(path, line), names[i], cells[i]) from None
