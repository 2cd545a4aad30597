"""Turns columns of pyarrow into the values of features, as a card says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract.reading import DEFAULT, UNITS, Encoding, TableFormat, converter, expected, number_markers
from aetk.edge.tables import arrow, times
from aetk.edge.tables.chunk import NotANumber


class CellFault(Exception):
    """A cell that a feature does not take.

    Attributes:
        index: its index in the column.
        cell: its text.
        encoding: the feature's.
    """

    def __init__(self, index: int, cell: str, encoding: Encoding) -> None:
        super().__init__(cell)
        self.index, self.cell, self.encoding = index, cell, encoding


@dataclass(frozen=True)
class Features:
    """The columns of features, and how their cells are read: as plain numbers if there are no encodings."""

    columns: tuple[str, ...]
    encodings: tuple[Encoding, ...] | None = None
    table: TableFormat = DEFAULT

    @staticmethod
    def of(numeric: Sequence[str], encodings: Sequence[Encoding] | None, table: TableFormat) -> "Features":
        """Features by name, or by their encodings where there are some."""
        if encodings is None:
            return Features(tuple(numeric))
        return Features(tuple(encoding.column for encoding in encodings), tuple(encodings), table)

    def texts(self) -> list[str]:
        """The columns that may hold text, which stay in their dictionaries."""
        return [encoding.column for encoding in self.encodings or () if not encoding.is_number]

    def unfit(self, kinds: Mapping[str, Any]) -> dict[str, str]:
        """The types, by name, of the columns that cannot hold their features."""
        if self.encodings is None:
            return {name: str(kind) for name, kind in kinds.items() if not arrow.is_numeric(kind)}
        return {
            encoding.column: str(kinds[encoding.column])
            for encoding in self.encodings
            if encoding.column in kinds and not accepts(encoding, kinds[encoding.column])
        }

    def fill(self, values: Any, batch: Any, where: Callable[[int], str]) -> None:
        """Write a batch's features into an array [rows, features]; `where` names a row of the batch for a message.

        Raises:
            NotANumber: a cell is not what its feature takes.
        """
        columns = [batch.column(name) for name in self.columns]
        if self.encodings is None:
            arrow.fill(values, columns)
            return
        try:
            fill(values, columns, self.encodings, self.table)
        except CellFault as fault:
            hint = "null is a missing value; the model's card says what its features hold."
            where_it_is, column = where(fault.index), fault.encoding.column
            raise NotANumber(where_it_is, column, fault.cell, hint, expected(fault.encoding)) from None


NO_FEATURES = Features(())


def accepts(encoding: Encoding, kind: Any) -> bool:
    """Whether a column of an arrow type can hold a feature's values."""
    types = arrow.pyarrow().types
    if types.is_dictionary(kind):
        return accepts(encoding, kind.value_type)
    if arrow.is_numeric(kind):
        return True
    if arrow.is_text(kind):
        return not encoding.is_number
    return bool(encoding.time_part) and bool(types.is_timestamp(kind) or types.is_date(kind))


def fill(values: Any, columns: Sequence[Any], encodings: Sequence[Encoding], table: TableFormat) -> None:
    """Write arrow arrays into the columns of a float32 or float64 array, as the features' encodings say.

    Raises:
        CellFault: a cell is not what its feature takes.
    """
    with np.errstate(over="ignore"):
        for position, (column, encoding) in enumerate(zip(columns, encodings, strict=True)):
            if encoding.is_number and arrow.is_numeric(column.type) and not number_markers(encoding, table):
                arrow.fill(values[:, position : position + 1], [column])
            else:
                values[:, position] = _Values(encoding, table).of(column)


class _Values:
    """Makes the values of a feature from arrow arrays of any type that `accepts` accepts."""

    def __init__(self, encoding: Encoding, table: TableFormat) -> None:
        self._encoding, self._table = encoding, table
        self._convert = converter(encoding, table)

    def of(self, column: Any) -> NDArray[np.float64]:
        """The values of a column, float64 [rows]."""
        pa, encoding = arrow.pyarrow(), self._encoding
        types = pa.types
        if types.is_dictionary(column.type):
            if arrow.is_text(column.type.value_type):
                return self._of_distinct(column, self._convert)
            column = column.dictionary_decode()
        kind = column.type
        if types.is_timestamp(kind) or types.is_date(kind):
            seconds = _clock(column, in_utc=encoding.time_format in UNITS)
            return times.time_parts(seconds, encoding.time_part)
        if arrow.is_text(kind):
            return self._of_distinct(column.cast(pa.string()).dictionary_encode(), self._convert)
        if types.is_null(kind):
            return np.full(len(column), self._convert(None))
        if types.is_boolean(kind) and not encoding.keeps_numbers:
            return self._of_distinct(column.cast(pa.string()).dictionary_encode(), self._of_truth)
        return self._of_numbers(column)

    def _of_numbers(self, column: Any) -> NDArray[np.float64]:
        pa, encoding = arrow.pyarrow(), self._encoding
        is_whole = pa.types.is_integer(column.type)
        if is_whole and not encoding.keeps_numbers and not encoding.time_part:
            return self._of_distinct(column.dictionary_encode(), self._convert)
        numbers = np.empty((len(column), 1))
        arrow.fill(numbers, [column])
        found = numbers[:, 0]
        if encoding.keeps_numbers or (encoding.time_part and encoding.time_format in UNITS):
            found = np.where(np.isin(found, number_markers(encoding, self._table)), np.nan, found)
        if encoding.keeps_numbers:
            return found
        if encoding.time_part and encoding.time_format in UNITS and not pa.types.is_boolean(column.type):
            try:
                return times.time_parts(times.counted(found, encoding.time_format), encoding.time_part)
            except ValueError:  # the cell at fault is found below
                pass
        return self._of_distinct(pa.array(found).dictionary_encode(), self._convert)

    def _of_truth(self, text: str | None) -> float:
        return self._convert(None if text is None else text == "true")

    def _of_distinct(self, column: Any, convert: Callable[[Any], float]) -> NDArray[np.float64]:
        """A dictionary column, each of whose different values is converted once."""
        cells = [*column.dictionary.to_pylist(), None]
        indices = column.indices.fill_null(len(cells) - 1).to_numpy(zero_copy_only=False).astype(np.intp)
        found, used = np.empty(len(cells)), np.zeros(len(cells), np.bool_)
        used[indices] = True
        for i in np.flatnonzero(used):
            try:
                found[i] = convert(cells[i])
            except (ValueError, TypeError):
                shown = cells[i] if isinstance(cells[i], str) else repr(cells[i])
                raise CellFault(int(np.flatnonzero(indices == i)[0]), shown, self._encoding) from None
        return np.asarray(found[indices])


def _clock(column: Any, *, in_utc: bool) -> NDArray[np.float64]:
    """Times in seconds on the clock that wrote them; those of counted times on that of UTC."""
    pa = arrow.pyarrow()
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        zone = column.type.tz
        is_utc = in_utc or zone in ("UTC", "Etc/UTC", "+00:00", "Z")
        naive = pa.timestamp(column.type.unit)
        column = column.cast(naive) if is_utc else pa.compute.local_timestamp(column)
    column = column.cast(pa.timestamp("us"), safe=False) if not pa.types.is_timestamp(column.type) else column
    unit = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
    counts = column.cast(pa.int64())
    whole = np.floor_divide(counts.fill_null(0).to_numpy(zero_copy_only=False), unit).astype(np.float64)
    whole[counts.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return np.asarray(whole)
