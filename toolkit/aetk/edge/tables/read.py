"""Reads tables by column name: CSV, JSON Lines, Parquet files and folders of them, in chunks or whole."""

import contextlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput, Unavailable
from aetk.base.files import check_source
from aetk.base.free_memory import free_memory
from aetk.base.streams import Stop
from aetk.contract.reading import DEFAULT, Encoding, Labels, TableFormat
from aetk.edge.tables import csv_format, csv_read, jsonl_read, parquet
from aetk.edge.tables.chunk import Chunk, FloatType, NoNumbers, NotANumber, no_rows, row_location
from aetk.edge.tables.containers import refuse_other_kinds
from aetk.edge.tables.formats import Format, by_ending
from aetk.edge.tables.labels import as_labels, text_flags, text_labels
from aetk.edge.tables.source import open_source

JOINING = 2.0
"""How many copies of a table `read_table` holds at most: its chunks, and the array that they are joined to."""


class DoesNotFit(Unavailable):
    """A table does not fit into memory: it takes `needed` bytes, and `free` bytes are free."""

    def __init__(self, path: Path, needed: float, free: int) -> None:
        super().__init__(
            f"{path} does not fit into memory: it takes about {needed / 2**30:.1f} GiB, {free / 2**30:.1f} are free.",
            "Use fewer rows or columns, or a machine with more memory.",
        )
        self.path, self.needed, self.free = path, needed, free


def header(path: Path, table: TableFormat = DEFAULT) -> tuple[str, ...]:
    """The column names of a table, in order; for a folder, those of its first file.

    Args:
        path: a file of text or Parquet, or a folder of Parquet files.
        table: the format of text.

    Raises:
        BadInput: the file does not exist, is empty, is not a table or holds JSON Lines, which have no header; or a
            column has no name or the name of another.
        MissingExtra: the table is Parquet, and pyarrow is not installed.
    """
    if by_ending(path) == "jsonl":
        raise BadInput(f"{path} holds JSON Lines; expected a CSV or Parquet file.", "Save the table as one of them.")
    if by_ending(path) == "parquet":
        return parquet.header(path)
    return csv_read.header(path) if table.is_default else csv_format.header(path, table)


def read_chunks(
    path: Path,
    numeric: Sequence[str],
    text: Sequence[str] = (),
    dtype: FloatType = np.float64,
    *,
    encodings: Sequence[Encoding] | None = None,
    table: TableFormat = DEFAULT,
    table_format: Format | None = None,
    stop: Stop | None = None,
) -> Generator[Chunk, None, None]:
    """Yield the rows of a table, some thousands at a time; row numbers of a folder continue from file to file.

    The names and types of columns are checked at once, the cells when their chunk is read, so that errors with a
    place are raised then. Rows from a pipe are yielded as they arrive: a row does not wait for others.

    Args:
        path: a file or pipe of text (by default UTF-8, RFC 4180, a header) or of JSON Lines (one object a row), `-` for
            standard input, a Parquet file, or a folder of those; text and JSON Lines may be compressed.
        numeric: columns to read as numbers, found by name; with `encodings`, the names of the features.
        text: columns to keep as they are.
        dtype: the dtype of the values.
        encodings: one for each of `numeric`: its column, and how its cells are read.
        table: the format of text; its missing markers hold for other tables, too.
        table_format: the kind of table; by default the one that its ending means, or else CSV.
        stop: ends the wait for a pipe; the generator then raises `Stopped`.

    Raises:
        BadInput: as in `header`; or a column is missing, a row has another length, or quoting or encoding is wrong.
        NotANumber: a cell is not a number; the message says where the first one is.
        MissingExtra: the table is Parquet, and pyarrow is not installed.
    """
    refuse_other_kinds(path)
    table_format = table_format or by_ending(path)
    coded = encoded(numeric, encodings, table)
    if encodings is not None:
        numeric = [encoding.column for encoding in encodings]
    if table_format == "parquet":
        return parquet.read_chunks(path, numeric, text, dtype, coded, table)
    if table_format == "jsonl":
        return jsonl_read.read_chunks(open_source(path, stop), numeric, text, dtype, coded, table)
    if coded is None:
        return csv_read.read_chunks(open_source(path, stop), numeric, text, dtype)
    return csv_format.read_chunks(open_source(path, stop, table.encoding), coded, text, dtype, table)


def encoded(
    numeric: Sequence[str], encodings: Sequence[Encoding] | None, table: TableFormat
) -> tuple[Encoding, ...] | None:
    """How the features of these names are read; None if as plain numbers of the default format, by name."""
    found = tuple(map(Encoding, numeric)) if encodings is None else tuple(encodings)
    if table.is_default and all(encoding.is_plain for encoding in found):
        return None
    return found


@dataclass(frozen=True)
class Table:
    """A whole table in memory.

    Attributes:
        path: the path that it was read from.
        names: the names of the numeric columns.
        values: float64 [rows, columns]; NaN for a missing value.
        labels: bool [rows], True for an anomaly; None without a label column.
        places: the place of each row in the file, see `Chunk`.
    """

    path: Path
    names: tuple[str, ...]
    values: NDArray[np.float64]
    labels: NDArray[np.bool_] | None
    places: NDArray[np.int64]


def read_table(
    path: Path,
    numeric: Sequence[str],
    label: str | None = None,
    copies: float = JOINING,
    *,
    encodings: Sequence[Encoding] | None = None,
    table: TableFormat = DEFAULT,
) -> Table:
    """Read features, and a label column, of a whole table.

    Args:
        path, numeric, encodings, table: see `read_chunks`.
        label: the label column, of 0 and 1; if it is that of the format's labels, of the values that they name.
        copies: how many copies of the table must fit into memory, since the caller may copy it.

    Raises:
        BadInput: as in `read_chunks`; or the table has no rows, or labels other than these.
        DoesNotFit: the table does not fit into memory.
    """
    if by_ending(path) != "parquet":
        check_source(path)
    if label is not None and table.labels is not None and label == table.labels.column:
        return _with_text_labels(path, numeric, table.labels, copies, encodings, table)
    columns, coded = [*numeric], encoded(numeric, encodings, table)
    if label is not None:
        columns.append(label)
        coded = None if coded is None else (*coded, Encoding(label))
    with text_labels_in_words(path, numeric, label, table):
        chunks = list(_fitting(path, read_chunks(path, columns, encodings=coded, table=table), copies))
    values, places = _joined(path, chunks)
    labels = None
    if label is not None:
        labels = as_labels(values[:, -1], label, lambda row: row_location(path, int(places[row])))
        values = np.ascontiguousarray(values[:, :-1])
    return Table(path, tuple(numeric), values, labels, places)


def _with_text_labels(
    path: Path,
    numeric: Sequence[str],
    labels: Labels,
    copies: float,
    encodings: Sequence[Encoding] | None,
    table: TableFormat,
) -> Table:
    """Read a table whose label column holds the values that the format names."""
    flags, chunks = list[NDArray[np.bool_]](), list[Chunk]()
    reading = read_chunks(path, numeric, [labels.column], encodings=encodings, table=table)
    for chunk in _fitting(path, reading, copies):
        where = partial(_place, path, chunk.places)
        flags.append(text_flags(chunk.texts[0], labels, table, where))
        chunks.append(replace(chunk, texts=()))
    values, places = _joined(path, chunks)
    return Table(path, tuple(numeric), values, np.concatenate(flags), places)


def _place(path: Path, places: NDArray[np.int64], row: int) -> str:
    return row_location(path, int(places[row]))


def _joined(path: Path, chunks: Sequence[Chunk]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if not chunks:
        raise no_rows(path)
    return np.concatenate([chunk.values for chunk in chunks]), np.concatenate([chunk.places for chunk in chunks])


@contextlib.contextmanager
def text_labels_in_words(
    path: Path, numeric: Sequence[str], label: str | None, table: TableFormat = DEFAULT
) -> Iterator[None]:
    """While numbers are read in the block: if the label column holds text, raise an error that says what it holds."""
    try:
        yield
    except (NotANumber, NoNumbers) as error:
        if label is None or error.column != label or label in numeric:
            raise
        raise text_labels(
            label, error, (chunk.texts[0] for chunk in read_chunks(path, (), [label], table=table))
        ) from None


def _fitting(path: Path, chunks: Iterable[Chunk], copies: float) -> Iterator[Chunk]:
    """Yield a table's chunks; raise DoesNotFit as soon as `copies` of the table are seen to need more than is free.

    Else the system would end this process or another without a message: a small file can hold a billion rows.
    """
    free, held = free_memory(), 0
    for chunk in chunks:
        held += chunk.values.nbytes + chunk.places.nbytes
        needed = copies * held / (chunk.share or 1)
        if free is not None and needed > free:
            raise DoesNotFit(path, needed, free)
        yield chunk
