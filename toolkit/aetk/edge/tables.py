"""Reads tables by column name, in chunks: CSV with the standard library, Parquet through `edge.arrow`."""

import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from aetk.contract.dialect import parse_cell, parse_plain
from aetk.contract.errors import BadInput

CHUNK_ROWS = 4096
PARQUET = (".parquet", ".pq")
_LONGEST_CELL = 2**24
"""Characters; the csv module's own limit is lower, and a long text in a column of no interest does no harm."""


class NotANumber(BadInput):
    """A cell of a numeric column that is no number of the dialect."""

    def __init__(self, where: str, column: str, cell: str) -> None:
        shown = cell if len(cell) <= 40 else cell[:37] + "..."
        super().__init__(
            f"{where}, column '{column}': found {shown!r}, expected a number.",
            "Numbers look like 12, -3.5 or 1e-3; empty, NA, NaN and null are missing values.",
        )
        self.column = column


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a table.

    Attributes:
        values: float64 [rows, numeric columns]; NaN where missing.
        texts: for each text column, its cells.
        places: where each row stands, counted from 1: lines of a CSV file, rows of a Parquet file.
    """

    values: NDArray[np.float64]
    texts: tuple[tuple[str, ...], ...]
    places: NDArray[np.int64]


def place(path: Path, number: int) -> str:
    """How a message names a row of a file."""
    return f"{path}, {'row' if is_parquet(path) else 'line'} {number}"


def header(path: Path) -> tuple[str, ...]:
    """The column names of a table, in order.

    Raises:
        BadInput: no such file, an empty one, one that is no table, or columns without or with the same name.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder; expected a CSV or Parquet file.")
    if is_parquet(path):
        from aetk.edge import arrow

        names = arrow.header(path)
    else:
        with _open(path) as file:
            names = tuple(next(_rows(path, file), (0, []))[1])
        if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
            raise BadInput(f"{path}: the header is one column, '{names[0][:40]}'; expected commas between columns.")
    if not names:
        raise BadInput(f"{path} is empty; expected a header line with column names.")
    check_names(str(path), names)
    return names


def check_names(source: str, names: Sequence[str]) -> None:
    """BadInput where a column has no name, or the same as another."""
    seen = set[str]()
    for position, name in enumerate(names, 1):
        if not name:
            raise BadInput(f"{source}: column {position} has no name.", "Give it one in the header line.")
        if name in seen:
            raise BadInput(f"{source}: two columns are called '{name}'.", "Rename or remove one of them.")
        seen.add(name)


def positions(path: Path, names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where the wanted columns stand; BadInput that names the first missing one."""
    for name in wanted:
        if name not in names:
            close = get_close_matches(name, names, 1)
            raise BadInput(
                f"{path} has no column '{name}'.",
                f"Did you mean '{close[0]}'?"
                if close
                else f"It has: {', '.join(names[:12])}{', ...' * (len(names) > 12)}",
            )
    return [names.index(name) for name in wanted]


def read_chunks(path: Path, numeric: Sequence[str], text: Sequence[str] = ()) -> Iterator[Chunk]:
    """The rows of a table, a few thousand at a time.

    Args:
        path: a CSV file (UTF-8, RFC 4180, a header), or Parquet by its ending.
        numeric: columns to read as numbers, found by name.
        text: columns to keep as they are.

    Raises:
        BadInput: what `header` raises, a missing column, a row of another length, bad quoting or encoding.
        NotANumber: with the place of the first offending cell.
        MissingExtra: Parquet without pyarrow.
    """
    names = header(path)
    wanted, kept = positions(path, names, numeric), positions(path, names, text)
    if is_parquet(path):
        from aetk.edge import arrow

        yield from arrow.read_chunks(path, numeric, text)
        return
    with _open(path) as file:
        rows = _rows(path, file)
        next(rows)
        while batch := list(itertools.islice(rows, CHUNK_ROWS)):
            yield _chunk(path, batch, names, wanted, kept)


def is_parquet(path: Path) -> bool:
    """Whether a file's ending says Parquet."""
    return path.suffix.lower() in PARQUET


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise BadInput(f"No such file: {path}.") from None


def _lines(path: Path, file: BinaryIO) -> Iterator[str]:
    """The lines of a UTF-8 file, without a byte-order mark; decoded one by one, so that a message can name the line."""
    for number, line in enumerate(file, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise BadInput(f"{path}, line {number}: not UTF-8 text.", "Save the table as UTF-8.") from None


def _rows(path: Path, file: BinaryIO) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line that it starts on; blank lines are not rows."""
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(_lines(path, file), strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{path}, line {line}: not a CSV row: {error}.") from None


def _chunk(
    path: Path, batch: list[tuple[int, list[str]]], names: Sequence[str], wanted: list[int], kept: list[int]
) -> Chunk:
    numbers = None
    if all(len(row) == len(names) for _, row in batch):
        numbers = parse_plain([row[i] for _, row in batch for i in wanted])
    if numbers is None:
        numbers = [value for line, row in batch for value in _numbers(path, line, names, row, wanted)]
    values = np.array(numbers, np.float64).reshape(len(batch), len(wanted))
    texts = tuple(tuple(map(itemgetter(i), (row for _, row in batch))) for i in kept)
    return Chunk(values, texts, np.array([line for line, _ in batch], np.int64))


def _numbers(path: Path, line: int, names: Sequence[str], row: list[str], wanted: list[int]) -> Iterator[float]:
    if len(row) != len(names):
        raise BadInput(f"{path}, line {line}: found {len(row)} cells, expected {len(names)} as in the header.")
    for i in wanted:
        try:
            yield parse_cell(row[i])
        except ValueError:
            raise NotANumber(place(path, line), names[i], row[i]) from None


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


def read_table(path: Path, numeric: Sequence[str], label: str | None = None) -> Table:
    """Read numeric columns, and a label column of 0 and 1, of a whole table.

    Raises:
        BadInput: what `read_chunks` raises, a table without rows, or a label that is neither 0 nor 1.
    """
    columns = [*numeric] if label is None else [*numeric, label]
    chunks = list(read_chunks(path, columns))
    if not chunks:
        raise BadInput(f"{path} has a header and no rows.")
    values = np.concatenate([chunk.values for chunk in chunks])
    places = np.concatenate([chunk.places for chunk in chunks])
    labels = None
    if label is not None:
        labels = as_labels(values[:, -1], label, lambda row: place(path, int(places[row])))
        values = np.ascontiguousarray(values[:, :-1])
    return Table(path, tuple(numeric), values, labels, places)


def as_labels(values: NDArray[np.float64], column: str, where: Callable[[int], str]) -> NDArray[np.bool_]:
    """Labels, True for 1; BadInput that says where the first value stands that is neither 0 nor 1."""
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if len(wrong):
        row = int(wrong[0])
        found = "nothing" if np.isnan(values[row]) else f"{values[row]:g}"
        raise BadInput(f"{where(row)}, label column '{column}': found {found}, expected 0 (ordinary) or 1 (anomaly).")
    return np.equal(values, 1)
