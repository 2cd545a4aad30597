"""Turns the cells of whole columns into numbers, by the encodings of a card; counts the levels of categories."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aetk.contract.dialect import parse_plain
from aetk.contract.reading import MOST_LEVELS, Encoding, TableFormat, parser, seconds_of, time_part
from aetk.edge.tables.chunk import NotANumber
from aetk.lab.look.cells import is_missing
from aetk.lab.look.sample import Cells
from aetk.lab.look.typed import shortest

_HINTS = {
    "time": "It was taken for a time by the rows looked at; leave it out with --drop.",
    "truths": "It was taken for true/false by the rows looked at; say --category, or leave it out with --drop.",
    "hex": "It was taken for hexadecimal numbers by the rows looked at; say --category, or leave it out with --drop.",
}


class Converter:
    """Turns the cells of one column into the values of its features, piece by piece.

    Args:
        encodings: of its features: one, or four for a time.
        table: the format.
        is_fixed: whether the levels of a category are those of `encodings`; else all levels of the table are counted.
    """

    def __init__(self, encodings: Sequence[Encoding], table: TableFormat, *, is_fixed: bool) -> None:
        self.encodings, self._table = tuple(encodings), table
        self._first = encodings[0]
        self._codes = dict[str, int]() if self._first.levels and not is_fixed else None
        self._missing = {*table.missing, *self._first.missing}
        self._parts: list[NDArray[np.float64]] = []
        self._known = dict[str, float]()
        self._parse = parser(self._first, table)
        self._is_plain = self._first.is_number and table.decimal == "." and not self._missing

    def add(self, cells: Cells | tuple[str, ...], where: Callable[[int], str]) -> int:
        """Add cells; `where` names one of them for a message. Return the bytes that their values take.

        Raises:
            NotANumber: the encoding does not allow a cell.
        """
        found = self._numbers(cells) if isinstance(cells, np.ndarray) else self._values(list(cells), where)
        self._parts.append(found)
        return found.nbytes * len(self.encodings)

    def _values(self, cells: list[str], where: Callable[[int], str]) -> NDArray[np.float64]:
        if self._is_plain:
            plain = parse_plain(cells)
            if plain is not None:
                return np.array(plain, np.float64)
        convert = self._code if self._codes is not None else self._remembered
        found = np.empty(len(cells), np.float64)
        try:
            for row, cell in enumerate(cells):
                found[row] = convert(cell)
        except ValueError:
            hint = _HINTS.get(
                "time" if self._first.time_part else "truths" if self._first.truths else self._first.notation
            )
            raise NotANumber(where(row), self._first.column, cells[row], **({"hint": hint} if hint else {})) from None
        return found

    def _remembered(self, cell: str) -> float:
        found = self._known.get(cell)
        if found is None:
            found = self._seconds(cell) if self._first.time_part else self._parse(cell)
            if len(self._known) < 1 << 16:
                self._known[cell] = found
        return found

    def _seconds(self, cell: str) -> float:
        return np.nan if self._is_missing(cell) else seconds_of(cell, self._first.time_format)

    def _is_missing(self, cell: str) -> bool:
        return cell in self._missing or is_missing(cell)

    def _code(self, cell: str) -> float:
        assert self._codes is not None
        if self._is_missing(cell):
            return -1.0
        return float(self._codes.setdefault(cell, len(self._codes)))

    def _numbers(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cells that are numbers already, as the encoding has them."""
        first = self._first
        for marker in self._missing:
            try:
                values = np.where(values == float(marker), np.nan, values)
            except ValueError:
                continue
        if first.levels:
            return self._values([shortest(value) for value in values.tolist()], str)
        if first.time_part:
            return np.array(
                [np.nan if np.isnan(v) else seconds_of(repr(v), first.time_format) for v in values.tolist()]
            )
        return values

    def finish(self) -> tuple[NDArray[np.float64], tuple[Encoding, ...]]:
        """The values, float64 [rows, features], and the encodings with the levels of the whole table."""
        values = np.concatenate(self._parts) if self._parts else np.empty(0)
        self._parts = []
        if self._first.time_part:
            parts = [
                [np.nan if np.isnan(v) else time_part(v, e.time_part) for v in values.tolist()] for e in self.encodings
            ]
            return np.array(parts).T.reshape(len(values), len(self.encodings)), self.encodings
        if self._codes is None:
            return values[:, None], self.encodings
        counts = Counter(values[values >= 0].astype(np.int64).tolist())
        order = [code for code, _ in counts.most_common(MOST_LEVELS)]
        texts = list(self._codes)
        index = np.full(len(texts) + 1, float(len(order)))  # the last one is of missing cells, whose code is -1
        index[order] = np.arange(len(order))
        levels = tuple(texts[code] for code in order)
        return index[values.astype(np.int64)][:, None], (replace(self._first, levels=levels),)

    @property
    def distinct(self) -> int:
        """How many levels a category has that is not fixed."""
        return len(self._codes or ())
