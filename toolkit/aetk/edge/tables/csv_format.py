"""Reads text files of a card's own format block by block: through pyarrow if that is sure to give the same result."""

import contextlib
import io
import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.base.files import check_source
from aetk.contract.dialect import parse_plain
from aetk.contract.reading import Encoding, TableFormat, expected, number_markers, parser
from aetk.edge.tables import csv_arrow_format
from aetk.edge.tables import source as sources
from aetk.edge.tables.chunk import Chunk, FloatType, NotANumber, as_dtype, row_location
from aetk.edge.tables.csv_header import Header, find_columns, read_header
from aetk.edge.tables.csv_read import CHUNK_ROWS
from aetk.edge.tables.source import Source, open_source
from aetk.edge.tables.text_lines import GoesOn, Row, RowBatches, Text, rows

_LENGTH = "A cell that holds the sign between cells is written in quotes."


@dataclass(frozen=True)
class _Columns:
    """Which columns of a file are read, and how.

    Attributes:
        names: of all columns.
        numeric: the position of the column of each feature.
        encodings: how the cells of each feature are read.
        parsers: the functions that read them.
        text: the positions of the columns that are kept as they are.
    """

    path: Path
    names: tuple[str, ...]
    numeric: tuple[int, ...]
    encodings: tuple[Encoding, ...]
    parsers: tuple[Callable[[str], float], ...]
    text: tuple[int, ...]
    dtype: FloatType
    table: TableFormat

    def has_length(self, cells: Sequence[str]) -> bool:
        """Whether a row has a cell for each column, and maybe an empty one after them."""
        extra = len(cells) - len(self.names)
        return extra == 0 or (extra == 1 and not cells[-1] and not self.table.is_default)


def header(path: Path, table: TableFormat) -> tuple[str, ...]:
    """The column names of a text file, c1, c2, ... without a header.

    Raises:
        BadInput: see `csv_header.read_header`.
    """
    check_source(path)
    with contextlib.closing(open_source(path, encoding=table.encoding)) as source:
        return read_header(source, table).names


def read_chunks(
    source: Source, encodings: Sequence[Encoding], text: Sequence[str], dtype: FloatType, table: TableFormat
) -> Generator[Chunk, None, None]:
    """See `edge.tables.read.read_chunks`; the source is closed with the generator, or if this call raises."""
    try:
        header = read_header(source, table)
        wanted = [encoding.column for encoding in encodings]
        found = find_columns(source.name, header, [*wanted, *text], table)
        columns = _Columns(
            source.name,
            header.names,
            tuple(found[: len(wanted)]),
            tuple(encodings),
            tuple(parser(encoding, table) for encoding in encodings),
            tuple(found[len(wanted) :]),
            dtype,
            table,
        )
    except BaseException:
        source.close()
        raise
    return _chunks(columns, source, header)


def _chunks(columns: _Columns, source: Source, header: Header) -> Generator[Chunk, None, None]:
    """Yield the chunks of a source below its header."""
    fast = _FastBlocks(columns)
    footer = _Footer(columns.table.skip_footer)
    line = header.line
    with contextlib.closing(source):
        for block in itertools.chain([header.lead] if header.lead else [], iter(source.block, b"")):
            parsed = fast.parse(block, line)
            if parsed is not None:
                yield from _chunks_of(columns, footer.replaced(parsed.footer), source.share)
                yield Chunk(parsed.values, parsed.texts, parsed.places, source.share)
                line = parsed.next_line
                continue
            batches = RowBatches(source, block, line, CHUNK_ROWS, columns.table)
            for batch in batches:
                yield from _chunks_of(columns, footer.pushed(batch), source.share)
            line = batches.line


class _Footer:
    """Holds back the last rows that were read, which may be the end of the file."""

    def __init__(self, count: int) -> None:
        self._count, self._held = count, deque[Row]()

    def pushed(self, batch: list[Row]) -> list[Row]:
        """Take rows, and give those that cannot be the last ones."""
        if not self._count:
            return batch
        self._held += batch
        return [self._held.popleft() for _ in range(len(self._held) - self._count)]

    def replaced(self, last: Iterable[Row]) -> list[Row]:
        """Give all rows that are held, and hold others, which come later."""
        given, self._held = list(self._held), deque(last)
        return given


@dataclass(frozen=True)
class _Parsed:
    """A block as pyarrow read it; `footer` are its last rows, which may be the end of the file."""

    values: NDArray[np.floating]
    texts: tuple[object, ...]
    places: NDArray[np.int64]
    footer: tuple[Row, ...]
    next_line: int


class _FastBlocks:
    """Reads blocks through pyarrow, after a few bytes, which are read faster than pyarrow is imported."""

    def __init__(self, columns: _Columns) -> None:
        self._columns = columns
        self._read = 0
        self._parse: Callable[[bytes], csv_arrow_format.Parsed | None] | None = None

    def parse(self, block: bytes, line: int) -> _Parsed | None:
        """Read a block whose first line has this number; None if it has to be read cell by cell."""
        self._read += len(block)
        if self._read < sources.BLOCK_BYTES or len(block) < sources.BLOCK_BYTES >> 6:
            return None
        if self._parse is None:
            columns = self._columns
            numeric = list(zip(columns.numeric, columns.encodings, strict=True))
            made = csv_arrow_format.block_parser(
                len(columns.names), numeric, columns.text, columns.dtype, columns.table
            )
            self._parse = made or _never
        count = self._columns.table.skip_footer
        if not count:
            return self._whole(block, line, ())
        head = _without_last_lines(block, count)
        footer = self._rows(block[len(head) :], line + head.count(b"\n"))
        return self._whole(head, line, footer) if head and len(footer) == count else None

    def _whole(self, block: bytes, line: int, footer: tuple[Row, ...]) -> _Parsed | None:
        parsed = self._parse(block) if self._parse is not None else None
        if parsed is None:
            return None
        values, texts = parsed
        after = line + len(values)
        next_line = footer[-1][1] if footer else after
        return _Parsed(values, texts, np.arange(line, after, dtype=np.int64), footer, next_line)

    def _rows(self, lines: bytes, line: int) -> tuple[Row, ...]:
        """The rows of some lines; none if they do not end with the lines."""
        table = self._columns.table
        try:
            found = rows(Text(self._columns.path, io.BytesIO(lines), line, table, is_part=True), table)
            return tuple(row for row in found if row[2])
        except (BadInput, GoesOn):
            return ()


def _never(_block: bytes) -> None:
    """Stand in for pyarrow's parser if pyarrow is not installed: parse no block."""


def _without_last_lines(block: bytes, count: int) -> bytes:
    end = len(block) - block.endswith(b"\n")
    for _ in range(count):
        end = block.rfind(b"\n", 0, max(end, 0))
        if end < 0:
            return b""
    return block[: end + 1]


def _chunks_of(columns: _Columns, batch: list[Row], share: float | None) -> Iterator[Chunk]:
    """Yield rows as a chunk; if one is invalid, yield only those before it, then raise its error."""
    fault = None
    try:
        chunk = _chunk(columns, batch, share) if batch else None
    except BadInput as error:
        fault = error
        batch = list(itertools.takewhile(partial(_is_sound, columns), batch))
        chunk = _chunk(columns, batch, share)
    if batch and chunk is not None:
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
    values = np.empty((len(batch), len(columns.numeric)))
    if all(columns.has_length(cells) for _, _, cells in batch):
        try:
            for target, position in enumerate(columns.numeric):
                cells = [row[2][position] for row in batch]
                values[:, target] = _column(cells, columns.encodings[target], columns.parsers[target], columns.table)
        except ValueError:
            values = np.array([list(_numbers(columns, row)) for row in batch])  # raises at the first faulty cell
    else:
        values = np.array([list(_numbers(columns, row)) for row in batch])
    texts = tuple(tuple(cells[i] for _, _, cells in batch) for i in columns.text)
    values = values.reshape(len(batch), len(columns.numeric))
    return Chunk(as_dtype(values, columns.dtype), texts, np.array([line for line, _, _ in batch], np.int64), share)


def _column(cells: list[str], encoding: Encoding, parse: Callable[[str], float], table: TableFormat) -> list[float]:
    is_simple = encoding.is_number and table.decimal == "." and not table.thousands
    if is_simple and not number_markers(encoding, table):
        numbers = parse_plain(cells)
        if numbers is not None:
            return numbers
    known = {cell: parse(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _numbers(columns: _Columns, row: Row) -> Iterator[float]:
    line, _, cells = row
    where = row_location(columns.path, line)
    if not columns.has_length(cells):
        found = f"{where}: found {len(cells)} cells"
        raise BadInput(f"{found}, expected {len(columns.names)} as in the first row.", _LENGTH)
    for position, encoding, parse in zip(columns.numeric, columns.encodings, columns.parsers, strict=True):
        try:
            yield parse(cells[position])
        except ValueError:
            raise wrong_cell(where, encoding, columns.table, cells[position]) from None


def wrong_cell(where: str, encoding: Encoding, table: TableFormat, cell: str) -> NotANumber:
    """The error for a cell that a feature does not take; `where` is its row."""
    return NotANumber(where, encoding.column, cell, _remedy(encoding, table, cell), expected(encoding, table))


def _remedy(encoding: Encoding, table: TableFormat, cell: str) -> str:
    if encoding.is_number and (other := _other_sign(encoding, table, cell)):
        return f"The card says another decimal sign than this file has; score it with --table-format decimal={other}."
    if encoding.is_number or encoding.notation != "decimal":
        return "Empty, NA, NaN and null are missing values; others are named by --table-format missing=CELL."
    return "The model was trained on a table that held nothing else; empty, NA, NaN and null are missing values."


def _other_sign(encoding: Encoding, table: TableFormat, cell: str) -> str:
    """The decimal sign with which a cell would be a number, in words; empty if there is none."""
    point = table.decimal == "."
    try:
        parser(encoding, TableFormat(decimal="," if point else "."))(cell)
    except ValueError:
        return ""
    return "comma" if point else "point"
