"""Reads a whole table by what a look at it decided."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.base.free_memory import free_memory
from aetk.contract.reading import MOST_LEVELS, Encoding, Labels, TableFormat, parser, strip
from aetk.edge.tables.chunk import NotANumber, column_indices, row_location, show_name
from aetk.edge.tables.labels import as_labels
from aetk.edge.tables.read import DoesNotFit
from aetk.lab.look.cells import is_missing
from aetk.lab.look.container import find_container
from aetk.lab.look.converters import Converter
from aetk.lab.look.evidence import is_sum
from aetk.lab.look.labels_file import read_labels
from aetk.lab.look.lines import body_rows
from aetk.lab.look.report import Look, Wishes
from aetk.lab.look.sample import Cells
from aetk.lab.look.typed import of_memory, read_typed, shortest

_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class WholeTable:
    """A table that was read by a look.

    Attributes:
        all_names: the names of all columns.
        features: the names of the features.
        encodings: how their cells became numbers, with the levels of the whole table.
        values: float64 [rows, features].
        labels: bool [rows], or None.
        where: returns the name of a row, counted from 0, for a message.
        notes: what was decided beyond the look.
    """

    all_names: tuple[str, ...]
    features: tuple[str, ...]
    encodings: tuple[Encoding, ...]
    values: NDArray[np.float64]
    labels: NDArray[np.bool_] | None
    where: Callable[[int], str]
    notes: tuple[str, ...] = ()


Piece = tuple[Sequence[Cells | tuple[str, ...]], Sequence[int], float]
"""Some rows: their cells by column, their lines, and the share of the table that was read with them."""


def read_whole(
    data: Any,
    found: Look,
    wishes: Wishes,
    copies: float,
    *,
    title: str = "the data frame",
    fixed: Sequence[Encoding] | None = None,
) -> WholeTable:
    """Read a whole table.

    Args:
        data: a path, or rows in memory.
        found: the look at this table, or at the table whose format this one follows.
        wishes: what a person said.
        copies: how many copies of a file's values have to fit in memory.
        title: the name of rows in memory.
        fixed: the encodings of the features, if categories have the levels of another table.

    Raises:
        BadInput: a row or cell is not what the look found; the message names it.
        DoesNotFit: the rows of a file do not fit in memory.
    """
    path = Path(data) if isinstance(data, (str, os.PathLike)) else None
    names, pieces = _pieces(data, path, found, wishes, title)
    encodings = found.encodings if fixed is None else fixed
    groups = _groups(encodings)
    position = _positions(str(path or title), names, found)
    converters = {
        column: Converter([encodings[i] for i in group], found.table, is_fixed=fixed is not None)
        for column, group in groups.items()
    }
    label = _label_name(found, wishes)
    reading = _Labels(label, found.table) if label and label in position else None
    twins = _twins(found) if fixed is None else []
    places, held, free = list[int](), 0, free_memory()

    def where(row: int) -> str:
        if path is None or not places:
            return f"{path or title}, row {row}"
        return row_location(path, places[row])

    for columns, lines, share in pieces:
        start = len(places)
        places += lines

        def here(row: int, start: int = start) -> str:
            return where(start + row)

        for name, converter in converters.items():
            held += converter.add(columns[position[name]], here)
        if reading is not None:
            reading.add(columns[position[reading.name]], here)
        for one, other in twins:
            if list(columns[one]) != list(columns[other]):
                raise BadInput(
                    f"{path}: two columns are called '{names[one]}', and differ.", "Rename or remove one of them."
                )
        if path is not None and free is not None and copies * held / (share or 1) > free:
            raise DoesNotFit(path, copies * held / (share or 1), free)
    if not places:
        raise BadInput(f"{path or title} has columns and no rows.", "Name a table with rows.")
    parts, made, notes = [], list[Encoding](), list[str]()
    for name, converter in converters.items():
        values, own = converter.finish()
        parts.append(values)
        made += own
        if converter.distinct > MOST_LEVELS:
            notes.append(
                f"'{show_name(name)}' has {converter.distinct:,} levels: the {MOST_LEVELS} most frequent count "
                "singly, the rest together"
            )
    order = np.argsort([i for group in groups.values() for i in group])
    values = np.concatenate(parts, axis=1) if parts else np.empty((len(places), 0))
    values = np.ascontiguousarray(values[:, order])
    labels = None if reading is None else reading.finish(where)
    if wishes.labels is not None and fixed is None:
        labels = _from_file(Path(wishes.labels), wishes, found, len(values))
    if found.is_sample and fixed is None and found.container == "text" and not found.table.skip_footer:
        _check_sum(values, found.encodings, where)
    return WholeTable(names, found.features, tuple(made[i] for i in order), values, labels, where, tuple(notes))


def whole_cells(
    path: Path, found: Look, wishes: Wishes
) -> tuple[tuple[str, ...], Iterator[Piece], Callable[[int], str]]:
    """The names of a file's columns, its rows piece by piece, and what names a row by its line for a message."""
    names, pieces = _pieces(path, path, found, wishes, "")
    return names, pieces, lambda line: row_location(path, line)


def _pieces(
    data: Any, path: Path | None, found: Look, wishes: Wishes, title: str
) -> tuple[tuple[str, ...], Iterator[Piece]]:
    """The names of a table without blanks, and its rows piece by piece."""
    if path is None:
        table = of_memory(data, title, wishes.drop)
        rows = len(table.columns[0]) if table.columns else 0
        return tuple(map(strip, table.names)), iter([(table.columns, range(rows), 1.0)])
    container = find_container(path)
    if container.kind != "text":
        table = read_typed(path, container, wishes, is_sample=False)
        rows = len(table.columns[0]) if table.columns else 0
        return tuple(map(strip, table.names)), iter([(table.columns, range(1, rows + 1), 1.0)])
    alone = found.table.comment if found.is_lenient else ""
    body = body_rows(path, container.compression, found.table, no_line_begins=alone)
    size = max(path.stat().st_size, 1)
    return tuple(map(strip, body.names)), _blocks(iter(body), size * (4 if container.compression else 1))


def _blocks(rows: Iterator[tuple[int, list[str]]], size: int) -> Iterator[Piece]:
    read = 0
    while block := list(islice(rows, _BLOCK_ROWS)):
        columns = list(zip(*(cells for _, cells in block), strict=True))
        read += sum(len(cell) + 1 for cells in block for cell in cells[1])
        yield columns, [number for number, _ in block], min(read / size, 1.0)


def _groups(encodings: Sequence[Encoding]) -> dict[str, list[int]]:
    """The positions of the features of each column, by the column's name."""
    found = dict[str, list[int]]()
    for i, encoding in enumerate(encodings):
        found.setdefault(encoding.column, []).append(i)
    return found


def _positions(title: str, names: Sequence[str], found: Look) -> dict[str, int]:
    """The position of each column that is needed; of several of one name, the first."""
    needed = list(dict.fromkeys(encoding.column for encoding in found.encodings))
    column_indices(title, names, needed)
    position = dict[str, int]()
    for i, name in enumerate(names):
        position.setdefault(name, i)
    return position


def _twins(found: Look) -> list[tuple[int, int]]:
    """The positions of columns that have the name of one before."""
    first, pairs = dict[str, int](), []
    for i, column in enumerate(found.columns):
        if column.name in first and column.why.startswith("the same name"):
            pairs.append((first[column.name], i))
        first.setdefault(column.name, i)
    return pairs


def _label_name(found: Look, wishes: Wishes) -> str:
    return "" if wishes.label is None or wishes.labels is not None else strip(wishes.label)


class _Labels:
    """Reads a label column piece by piece."""

    def __init__(self, name: str, table: TableFormat) -> None:
        self.name, self._labels = name, table.labels
        self._parse = parser(Encoding(name), table)
        self._missing = {*table.missing}
        self._known = dict[str, float]()
        self._parts: list[NDArray[np.float64]] = []

    def add(self, cells: Cells | tuple[str, ...], where: Callable[[int], str]) -> None:
        """Add cells; raise BadInput for one that is no label."""
        if isinstance(cells, np.ndarray):
            if self._labels is None:
                self._parts.append(np.asarray(cells, np.float64))
                return
            cells = [shortest(value) for value in cells.tolist()]
        found = np.empty(len(cells))
        for row, cell in enumerate(cells):
            value = self._known.get(cell)
            if value is None:
                try:
                    value = self._known[cell] = self._value(cell)
                except ValueError:
                    raise NotANumber(where(row), self.name, cell, "A label is 0 (ordinary) or 1 (anomaly).") from None
            found[row] = value
        self._parts.append(found)

    def _value(self, cell: str) -> float:
        if is_missing(cell) or cell in self._missing:
            return np.nan
        return self._parse(cell) if self._labels is None else float(self._labels.is_anomaly(cell))

    def finish(self, where: Callable[[int], str]) -> NDArray[np.bool_]:
        """Bool [rows], True for an anomaly."""
        return as_labels(np.concatenate(self._parts), self.name, where)


def _from_file(path: Path, wishes: Wishes, found: Look, rows: int) -> NDArray[np.bool_]:
    """The labels of a file of their own."""
    cells = read_labels(path, wishes)
    if len(cells) != rows:
        raise BadInput(f"{path} holds {len(cells):,} labels, and the table {rows:,} rows.", "Bring one label a row.")
    candidate = found.label[0]
    labels = Labels(candidate.column, candidate.anomaly, () if candidate.anomaly else candidate.ordinary)
    known = {cell: labels.is_anomaly(cell) for cell in dict.fromkeys(cells)}
    return np.array([known[cell] for cell in cells], bool)


def _check_sum(values: NDArray[np.float64], encodings: Sequence[Encoding], where: Callable[[int], str]) -> None:
    numbers = [i for i, encoding in enumerate(encodings) if encoding.is_number]
    if numbers and is_sum(values[:, numbers]):
        raise BadInput(
            f"{where(len(values) - 1)}: the last row is the sum of all others.", "Leave it out with: --skip-footer 1"
        )
