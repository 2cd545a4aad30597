"""Reads tables by column name: CSV, JSON Lines, Parquet files and folders of them, in chunks or whole."""

import contextlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput, Unavailable
from aetk.base.files import check_source
from aetk.base.free_memory import free_memory
from aetk.base.streams import Stop
from aetk.edge.tables import csv_read, jsonl_read, parquet
from aetk.edge.tables.chunk import Chunk, FloatType, NoNumbers, NotANumber, no_rows, row_location
from aetk.edge.tables.formats import Format, by_ending
from aetk.edge.tables.labels import as_labels, text_labels
from aetk.edge.tables.source import open_source

JOINING = 2.0
"""How many times over `read_table` holds a table at most: its chunks, and what they are joined to."""


class DoesNotFit(Unavailable):
    """There is no room for a table: it takes `needed` bytes, and `free` are left."""

    def __init__(self, path: Path, needed: float, free: int) -> None:
        super().__init__(
            f"{path} does not fit into memory: it takes about {needed / 2**30:.1f} GiB, {free / 2**30:.1f} are free.",
            "Use fewer rows or columns, or a machine with more memory.",
        )
        self.path, self.needed, self.free = path, needed, free


def header(path: Path) -> tuple[str, ...]:
    """The column names of a table, in order; those of a folder's first file.

    Raises:
        BadInput: no such file, an empty one, one that is not a table or of JSON Lines, which have no header, or columns
            without or with the same name.
        MissingExtra: Parquet without pyarrow.
    """
    if by_ending(path) == "jsonl":
        raise BadInput(f"{path} holds JSON Lines; expected a CSV or Parquet file.", "Save the table as one of them.")
    return parquet.header(path) if by_ending(path) == "parquet" else csv_read.header(path)


def read_chunks(
    path: Path,
    numeric: Sequence[str],
    text: Sequence[str] = (),
    dtype: FloatType = np.float64,
    *,
    table_format: Format | None = None,
    stop: Stop | None = None,
) -> Generator[Chunk, None, None]:
    """The rows of a table, some thousands at a time; rows of a folder count across its files.

    Names and types of columns are checked at once; the cells, and so the errors below that have a place, as chunks
    are taken. What comes through a pipe comes as it arrives: a row that is there waits for no other.

    Args:
        path: a file or pipe of CSV (UTF-8, RFC 4180, a header) or of JSON Lines (one object a row), `-` for standard
            input, a Parquet file, or a folder of those.
        numeric: columns to read as numbers, found by name.
        text: columns to keep as they are.
        dtype: of the values.
        table_format: by default what the ending says, or else CSV.
        stop: ends the wait for a pipe; the chunks then end in `Stopped`.

    Raises:
        BadInput: what `header` raises, a missing column, a row of another length, bad quoting or encoding.
        NotANumber: with the place of the first offending cell.
        MissingExtra: Parquet without pyarrow.
    """
    table_format = table_format or by_ending(path)
    if table_format == "parquet":
        return parquet.read_chunks(path, numeric, text, dtype)
    reader = jsonl_read.read_chunks if table_format == "jsonl" else csv_read.read_chunks
    return reader(open_source(path, stop), numeric, text, dtype)


@dataclass(frozen=True)
class Table:
    """A whole table in memory.

    Attributes:
        path: where it was read from.
        names: of the numeric columns.
        values: float64 [rows, columns]; NaN where missing.
        labels: bool [rows], True for an anomaly; None without a label column.
        places: where each row stands in the file, see `Chunk`.
    """

    path: Path
    names: tuple[str, ...]
    values: NDArray[np.float64]
    labels: NDArray[np.bool_] | None
    places: NDArray[np.int64]


def read_table(path: Path, numeric: Sequence[str], label: str | None = None, copies: float = JOINING) -> Table:
    """Read numeric columns, and a label column of 0 and 1, of a whole table.

    Args:
        path, numeric: see `read_chunks`.
        label: the label column.
        copies: how many times over there has to be room for the table, for whoever goes on to copy it.

    Raises:
        BadInput: what `read_chunks` raises, a table without rows, or labels that are not 0 and 1.
        DoesNotFit: there is no room for it.
    """
    if by_ending(path) != "parquet":
        check_source(path)
    columns = [*numeric] if label is None else [*numeric, label]
    with text_labels_in_words(path, numeric, label):
        chunks = list(_fitting(path, read_chunks(path, columns), copies))
    if not chunks:
        raise no_rows(path)
    values = np.concatenate([chunk.values for chunk in chunks])
    places = np.concatenate([chunk.places for chunk in chunks])
    labels = None
    if label is not None:
        labels = as_labels(values[:, -1], label, lambda row: row_location(path, int(places[row])))
        values = np.ascontiguousarray(values[:, :-1])
    return Table(path, tuple(numeric), values, labels, places)


@contextlib.contextmanager
def text_labels_in_words(path: Path, numeric: Sequence[str], label: str | None) -> Iterator[None]:
    """Around reading numbers: where it is the label column that holds text, the error says what it holds."""
    try:
        yield
    except (NotANumber, NoNumbers) as error:
        if label is None or error.column != label or label in numeric:
            raise
        raise text_labels(label, error, (chunk.texts[0] for chunk in read_chunks(path, (), [label]))) from None


def _fitting(path: Path, chunks: Iterable[Chunk], copies: float) -> Iterator[Chunk]:
    """Chunks of a table that is held so many times over; DoesNotFit as soon as they are seen to need more than is free.

    Without this the system would end the process, or another, without a word: a small file can hold a billion rows.
    """
    free, held = free_memory(), 0
    for chunk in chunks:
        held += chunk.values.nbytes + chunk.places.nbytes
        needed = copies * held / (chunk.share or 1)
        if free is not None and needed > free:
            raise DoesNotFit(path, needed, free)
        yield chunk
