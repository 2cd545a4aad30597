"""Reads CSV in the default format, block by block: through pyarrow if the result is sure to be the same."""

import contextlib
import itertools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path

import numpy as np

from aetk.base.errors import BadInput
from aetk.base.files import check_source
from aetk.contract.dialect import parse_cell, parse_plain
from aetk.edge.tables import csv_arrow
from aetk.edge.tables import source as sources
from aetk.edge.tables.chunk import Chunk, FloatType, NotANumber, as_dtype, column_indices, row_location
from aetk.edge.tables.csv_header import default_header
from aetk.edge.tables.source import Source, open_source
from aetk.edge.tables.text_lines import QUOTING, Row, RowBatches

CHUNK_ROWS = 4096
"""The rows that are read cell by cell at a time: lists of strings take many times the memory of their numbers."""


def header(path: Path) -> tuple[str, ...]:
    """The column names of a CSV file.

    Raises:
        BadInput: the file does not exist, is empty or is not a table; or a column has no name or the name of another.
    """
    check_source(path)
    with contextlib.closing(open_source(path)) as source:
        return default_header(source)[0]


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
        names, line = default_header(source)
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


def _careful(columns: _Columns, source: Source, block: bytes, line: int) -> Generator[Chunk, None, int]:
    """Yield the chunks of a block, with more lines of the source if its last row needs them; return the next line."""
    batches = RowBatches(source, block, line, CHUNK_ROWS)
    for batch in batches:
        yield from _chunks_of(columns, batch, source.share)
    return batches.line


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
        raise BadInput(f"{found}, expected {len(names)} as in the header.", QUOTING)
    for i in columns.numeric:
        try:
            yield parse_cell(cells[i])
        except ValueError:
            raise NotANumber(row_location(path, line), names[i], cells[i]) from None
