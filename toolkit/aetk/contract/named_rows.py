"""Rows that a program hands over, as numbers: by name wherever they have names, by position only where they have none.

This module alone decides what counts as rows, names and numbers: for training, for scoring, and for the Python app,
which takes this file along as it is. It needs Python 3.9 and NumPy. Frames, tensors and Arrow data are recognised by
what they can do, so that none of their packages has to be installed.

    numbers    bool, integers and floats of any width, bfloat16 and float8, Decimal, Fraction, categories of these
    missing    None, NaN, NA and masked cells, as NaN
    refused    text, dates, durations, complex numbers, lists in cells

A column that has a converter (see `reading.converters`) may hold what the converter takes: text, dates, true and false.
"""

from __future__ import annotations

import math
import numbers
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

_REAL = "fiub"
_KINDS = {"U": "text", "S": "bytes", "T": "text", "M": "dates", "m": "durations", "c": "complex numbers"}
_FIRST_OF_OTHERS = 256
"""Number of the first dtype that is not NumPy's own: bfloat16 and float8 of ml_dtypes are from there on."""
_PLAIN = {float, int, bool, type(None), list, tuple, np.ndarray}
_ARRAY = "Hand over an array or a data frame."
_BY_POSITION = "Hand over plain values to have them read by position: frame.to_numpy(), for instance."


class Refused(Exception):
    """Why rows cannot be read.

    Attributes:
        message: what was found, and what was expected.
        hint: what to do.
        column: the column at fault, where there is one.
    """

    def __init__(self, message: str, hint: str = "", column: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint, self.column = message, hint, column


class Columns(Protocol):
    """Rows with names.

    Attributes:
        names: of all columns, in order, as text.
        rows: how many there are.
    """

    names: tuple[str, ...]
    rows: int

    def select(self, names: Sequence[str], converters: Mapping[str, Any] = ...) -> np.ndarray[Any, Any]:
        """The columns of these names as real numbers, [rows, names]; see `select`."""


Converters = Mapping[str, Any]
"""By name, what has the attributes of `reading.Converter`: `column`, `convert` and `expected`."""
_NONE: Converters = {}


def select(rows: Any, names: Sequence[str], converters: Converters = _NONE) -> np.ndarray[Any, Any]:
    """Rows as an array [rows, names] of a real dtype; one row alone may be [names].

    Args:
        rows: anything that `columns` or `matrix` takes.
        names: the columns wanted. Rows with names have to have them all, and may have others.
        converters: of the names that are made from a column by more than reading its numbers, where rows have names;
            rows without names hold the numbers themselves.

    Raises:
        Refused: a column is missing, the number of columns is wrong, or a value is not a number.
    """
    if type(rows) is np.ndarray and _is_real(rows):
        return _in_rows(rows, names)
    named = columns(rows)
    return _in_rows(as_numbers(rows), names) if named is None else named.select(names, converters)


def columns(rows: Any) -> Columns | None:
    """The named columns of rows; None where the rows have no names.

    Args:
        rows: a data frame of pandas, polars or a library like them; a table, batch or stream of Arrow; a mapping of
            names to values or to columns; a structured array; a Series or named tuple, which is one row; or a list of
            mappings, Series, named tuples or structured records.

    Raises:
        Refused: rows of which some have names and others have not, or data that cannot be read.
    """
    if isinstance(rows, (str, bytes, bytearray, os.PathLike)):
        hint = "If it names a file, read that first, into a data frame for instance."
        raise Refused(f"The rows are of the type {type(rows).__name__}; expected numbers.", hint)
    if isinstance(rows, np.ndarray):
        return None if rows.dtype.names is None else _of_structured(rows)
    if isinstance(rows, Mapping) and not all(map(_is_scalar, rows.values())):
        return _of_mapping(rows)
    if _has_names(rows):
        return _Records([rows])
    if _is_list(rows):
        return _Records(rows) if len(rows) and _has_names(rows[0]) else None
    frame = _collected(rows)
    if _can(frame, "iloc") and hasattr(frame, "columns"):
        return _Frame(list(frame.columns), lambda i: frame.iloc[:, i], frame)
    if _can(frame, "get_columns"):
        return _Frame(list(frame.columns), frame.get_columns().__getitem__, None)
    table = _arrow_table(frame)
    return None if table is None else _Frame(list(table.column_names), table.column, None)


def matrix(rows: Any) -> np.ndarray[Any, Any]:
    """Rows without names as an array [rows, columns] of a real dtype.

    Args:
        rows: numbers of any dtype, [rows, columns] or one row [columns]: arrays, masked ones too, tensors of any
            device, lists of them, or lists of lists.

    Raises:
        Refused: values that are not numbers, or of another shape.
    """
    return _in_rows(as_numbers(rows), None)


def _in_rows(values: np.ndarray[Any, Any], names: Sequence[str] | None) -> np.ndarray[Any, Any]:
    """Values as [rows, columns], one for each name where they are given."""
    if values.ndim == 1:
        values = values[None]
    if values.ndim == 2 and (names is None or values.shape[1] == len(names)):
        return values
    found = f"Rows are of the shape {list(values.shape)}"
    if names is None:
        raise Refused(f"{found}; expected [rows, columns].", _ARRAY)
    raise Refused(f"{found}; expected [rows, {len(names)}].", f"The features are {_some(names)} in this order.")


def as_numbers(column: Any, name: str | None = None) -> np.ndarray[Any, Any]:
    """A column, array or list of any make as an array of a real dtype; Refused where a cell is not a number."""
    return _as_numbers(_array(column), name)


class _Frame:
    """Rows that are kept as columns: `column(i)` is one of them, `block` a pandas frame of all."""

    def __init__(self, labels: Sequence[Any], column: Callable[[int], Any], block: Any) -> None:
        self.names = tuple(map(str, labels))
        self._numbered = bool(labels) and all(isinstance(label, numbers.Number) for label in labels)
        self._column, self._block = column, block
        self.rows = len(column(0)) if labels else 0

    def select(self, names: Sequence[str], converters: Converters = _NONE) -> np.ndarray[Any, Any]:
        """See `Columns`."""
        positions = self._positions([_column_of(name, converters) for name in names])
        is_plain = not converters or not any(name in converters for name in names)
        if self._block is not None and is_plain and _is_uniform(self._block, positions):
            chosen = self._block if positions == list(range(len(self.names))) else self._block.iloc[:, positions]
            return np.asarray(chosen.to_numpy())
        values = np.empty((self.rows, len(positions)), np.float64, order="F")
        for target, (i, name) in enumerate(zip(positions, names)):
            if name in converters:
                column = _converted(self._column(i), converters[name])
            else:
                column = as_numbers(self._column(i), name)
            if column.shape != (self.rows,):
                found = f"column '{name}' is of the shape {list(column.shape)}"
                raise Refused(f"The {found}; expected one number in each of {self.rows} rows.", column=name)
            values[:, target] = column
        return values

    def _positions(self, names: Sequence[str]) -> list[int]:
        position = {name: i for i, name in enumerate(self.names)}
        for name in names:
            if name not in position:
                hint = f"The columns are called {_some(self.names)}" if self.names else "There are no columns"
                raise Refused(f"The rows have no column '{name}'.", f"{hint}. {_BY_POSITION * self._numbered}".strip())
        if len(position) != len(self.names):
            wanted, seen = set(names), set[str]()
            for name in self.names:
                if name in seen and name in wanted:
                    raise Refused(f"Two columns are called '{name}'.", "Rename or remove one of them.", name)
                seen.add(name)
        return [position[name] for name in names]


class _Records:
    """Rows of which each has names of its own."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self._records = [_record(row, number) for number, row in enumerate(rows)]
        self.names = tuple(self._records[0])
        self.rows = len(self._records)

    def select(self, names: Sequence[str], converters: Converters = _NONE) -> np.ndarray[Any, Any]:
        """See `Columns`."""
        values = np.empty((self.rows, len(names)), object)
        columns = [_column_of(name, converters) for name in names]
        for number, record in enumerate(self._records):
            for position, name in enumerate(columns):
                if name not in record:
                    hint = f"It has: {_some(record) or 'nothing'}. A value that is missing is None or NaN."
                    raise Refused(f"Row {number} has no value for '{name}'.", hint)
                values[number, position] = record[name]
        for position, name in enumerate(names):
            if name in converters:
                values[:, position] = _of_cells(values[:, position], converters[name])
        return _from_objects(values, names)


def _column_of(name: str, converters: Converters) -> str:
    return str(converters[name].column) if name in converters else name


def _converted(column: Any, converter: Any) -> np.ndarray[Any, Any]:
    """A column of any make by its converter, as float64 [rows]."""
    values = _array(column)
    if values.ndim == 1 and values.dtype.kind == "M":
        zone = getattr(getattr(column, "type", None), "tz", None)
        zone = zone or getattr(getattr(column, "dtype", None), "time_zone", None)
        # NumPy's times have lost their zone, and so the clock that is to be read
        if zone:
            return _of_cells(_listed(column), converter)
        return _of_distinct(values.astype("datetime64[us]"), converter)
    if values.ndim != 1 or (values.dtype.kind in "SmcV" and values.dtype.num < _FIRST_OF_OTHERS):
        return _as_numbers(values, converter.column)
    if values.dtype.num >= _FIRST_OF_OTHERS and values.dtype.kind not in "UT":
        values = _as_numbers(values, converter.column)
    if not _is_real(values):
        return _of_cells(values.tolist(), converter)
    if converter.markers is None:
        return _of_distinct(values, converter)
    return np.where(np.isin(values, converter.markers), math.nan, values)


def _of_distinct(values: np.ndarray[Any, Any], converter: Any) -> np.ndarray[Any, Any]:
    """A column by its converter, which is called once for each of the column's different values."""
    distinct, places = np.unique(values, return_inverse=True)
    try:
        return _of_cells(distinct.tolist(), converter)[places.reshape(-1)]
    except Refused:
        return _of_cells(values.tolist(), converter)  # refused again, with the right row


def _listed(column: Any) -> list[Any]:
    return list(column.to_pylist() if _can(column, "to_pylist") else column.to_list())


def _of_cells(cells: Iterable[Any], converter: Any) -> np.ndarray[Any, Any]:
    """The cells of a column by its converter, as float64 [rows]; Refused where it does not take one."""
    known: dict[Any, float] = {}
    found = []
    for i, cell in enumerate(cells):
        is_text = type(cell) is str
        if is_text and cell in known:
            found.append(known[cell])
            continue
        try:
            value = converter.convert(_plain_cell(cell))
        except (TypeError, ValueError, Refused):
            shown = repr(cell) if len(repr(cell)) <= 40 else f"{repr(cell)[:37]}..."
            message = f"Row {i}, column '{converter.column}': found {shown} ({type(cell).__name__}), "
            hint = "None, NaN and NA are missing. The model's card says what its features hold."
            raise Refused(f"{message}expected {converter.expected}.", hint, converter.column) from None
        if is_text:
            known[cell] = value
        found.append(value)
    return np.array(found, np.float64)


def _plain_cell(cell: Any) -> Any:
    """A cell as a value of Python: None where it is missing, text, a time, true or false, or a number."""
    if cell is None or cell is np.ma.masked or type(cell).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(cell, (bool, int, float, str, date)):
        return str(cell) if isinstance(cell, str) else cell
    if isinstance(cell, np.datetime64):
        return cell.astype("datetime64[us]").item()
    if isinstance(cell, np.generic):
        return _plain_cell(cell.item()) if cell.dtype.num < _FIRST_OF_OTHERS else float(cell)
    return _number(cell)


def _record(row: Any, number: int) -> dict[str, Any]:
    """A row with names as a mapping from text."""
    if not _has_names(row):
        raise Refused(f"Row {number} has no names, and the rows before it have.", "Give all rows names, or none.")
    if isinstance(row, tuple):
        labels, cells = row._fields, list(row)  # type: ignore[attr-defined]
    elif hasattr(row, "keys") and not hasattr(row, "iloc"):
        labels = list(row.keys())
        cells = [row[label] for label in labels]
    elif hasattr(row, "iloc"):
        labels, cells = list(row.index), list(row)
    else:
        labels = row.dtype.names
        cells = [row[label] for label in labels]
    record = dict(zip(map(str, labels), cells))
    if len(record) != len(labels):
        raise Refused(f"Row {number} has two values of the same name.", "Rename or remove one of them.")
    return record


def _has_names(row: Any) -> bool:
    """Whether an object is one row with names: a mapping, a Series, a named tuple or a structured record."""
    if isinstance(row, tuple):
        return hasattr(row, "_fields")
    if getattr(getattr(row, "dtype", None), "names", None):
        return bool(np.shape(row) == ())
    if _can(row, "keys", "__getitem__") and not hasattr(row, "columns"):
        return True
    return hasattr(row, "iloc") and hasattr(row, "index") and not hasattr(row, "columns")


def _collected(frame: Any) -> Any:
    """A frame that is computed only when it is asked for, computed; any other as it is."""
    if not _can(frame, "collect", "collect_schema"):
        return frame
    try:
        return frame.collect()
    except Exception as error:  # noqa: BLE001 - a query of another library may fail in any way
        raise _unreadable(frame, error) from None


def _of_mapping(columns: Mapping[Any, Any]) -> Columns:
    """A mapping of names to columns."""
    for name, column in columns.items():
        if _is_scalar(column):
            hint = "Give every name a column, or, for one row, every name a value."
            raise Refused(f"'{name}' is one value, and other names have columns.", hint, str(name))
    return _Frame(list(columns), list(columns.values()).__getitem__, None)


def _of_structured(rows: Any) -> Columns:
    """The fields of a structured array, masked or not."""
    whole = rows if rows.ndim else rows.reshape(1)
    if whole.ndim != 1:
        raise Refused(f"The structured array is of the shape {list(whole.shape)}; expected one dimension, [rows].")
    names = list(whole.dtype.names)
    return _Frame(names, lambda i: whole[names[i]], None)


def _arrow_table(data: Any) -> Any:
    """Arrow data as a pyarrow table; None for data that is not Arrow, or has no columns with names."""
    if not (hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")):
        return None
    try:
        import pyarrow
    except ImportError:
        found = f"Reading rows from {type(data).__name__} needs pyarrow, which is not installed here."
        raise Refused(found, "Install it (pip install pyarrow), or hand over an array.") from None
    try:
        return pyarrow.table(data)
    except (TypeError, ValueError, pyarrow.ArrowException):
        return None  # an array, which has no names


def _array(values: Any) -> np.ndarray[Any, Any]:
    """Values as an array of any dtype; masked cells are missing, and no tensor keeps its gradient or device."""
    try:
        if isinstance(values, np.ma.MaskedArray):
            return _without_mask(values)
        if _can(values, "detach", "cpu"):
            return _from_tensor(values.detach().cpu())
        if _is_list(values):
            return _from_list(values)
        elif _can(values, "to_numpy"):
            if hasattr(values, "chunks") and hasattr(values.type, "index_type"):
                values = values.cast(values.type.value_type)  # else pyarrow gives another value for a null
            # pyarrow's arrays copy only where they are told that they may
            zero_copy = {"zero_copy_only": False} if hasattr(values, "type") else {}
            values = values.to_numpy(**({} if hasattr(values, "chunks") else zero_copy))
        return np.asarray(values)
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - whatever another library raises about its own data
        raise _unreadable(values, error) from None


def _unreadable(data: Any, error: Exception) -> Refused:
    if "inhomogeneous" in str(error):
        return Refused("The rows are of different lengths, or only some hold lists.", "Give all rows the same columns.")
    reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
    return Refused(f"{type(data).__name__} cannot be read as rows: {reason}", _ARRAY)


def _from_list(values: Sequence[Any]) -> np.ndarray[Any, Any]:
    items = list(values) if _PLAIN.issuperset(map(type, values)) else list(map(_item, values))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # NumPy's own, that a masked cell becomes NaN
        return np.asarray(items)


def _item(item: Any) -> Any:
    """An item of a list: an array where it is one of its own kind, else as it is."""
    return _array(item) if hasattr(item, "shape") or _can(item, "to_numpy") else item


def _without_mask(values: Any) -> np.ndarray[Any, Any]:
    mask = np.ma.getmaskarray(values)
    if values.dtype.kind in "fcmMUSV" and not mask.any():
        return np.asarray(np.ma.getdata(values))
    if values.dtype.kind in "OcmMUSV":  # not numbers, or not only: the cells are looked at one by one
        cells = np.ma.getdata(values).astype(object)
        cells[mask] = None
        return np.asarray(cells)
    dtype = np.float32 if values.dtype == np.float32 else np.float64
    return np.where(mask, dtype(math.nan), np.ma.getdata(values).astype(dtype))


def _from_tensor(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor on the processor; of a type that NumPy lacks, such as bfloat16, as float32, which holds it exactly."""
    try:
        return np.asarray(tensor.numpy())
    except TypeError:
        return np.asarray(tensor.float().numpy())


def _as_numbers(values: np.ndarray[Any, Any], column: str | None = None) -> np.ndarray[Any, Any]:
    """An array as one of a real dtype; Refused where it holds anything else."""
    if _is_real(values):
        return values
    if values.dtype.kind == "O":
        return _from_objects(values, [column])
    for real in (np.float32, np.float64):
        if values.dtype.num >= _FIRST_OF_OTHERS and np.can_cast(values.dtype, real):
            return values.astype(real)
    where = "The rows are" if column is None else f"The column '{column}' is"
    kind = _KINDS.get(values.dtype.kind, "of another type")
    hint = "Turn text into numbers first, and dates and durations into numbers of a unit that you choose."
    raise Refused(f"{where} {kind} ({values.dtype}); expected numbers.", hint, column)


def _is_real(values: np.ndarray[Any, Any]) -> bool:
    """Whether an array is of one of NumPy's own real dtypes."""
    return values.dtype.kind in _REAL and values.dtype.num < _FIRST_OF_OTHERS


def _from_objects(values: np.ndarray[Any, Any], names: Sequence[str | None]) -> np.ndarray[Any, Any]:
    """Cells of any type, [rows] or [rows, columns], as float64; `names` has one for each column, or one for all."""
    found = np.empty(values.shape, np.float64)
    flat, width = found.reshape(-1), math.prod(values.shape[1:])
    for i, cell in enumerate(values.flat):
        try:
            flat[i] = _number(cell)
        except (TypeError, ValueError, Refused):
            name = names[i % len(names)]
            where = f"Row {i // width}" + ("" if name is None else f", column '{name}'")
            shown = repr(cell) if len(repr(cell)) <= 40 else f"{repr(cell)[:37]}..."
            hint = "None, NaN and NA are missing. Nothing but a number is converted: not text, dates or durations."
            raise Refused(f"{where}: found {shown} ({type(cell).__name__}), expected a number.", hint, name) from None
    return found


def _number(cell: Any) -> float:
    """A cell as a float, NaN where it is missing; TypeError, ValueError or Refused where it is not a number."""
    if cell is None or cell is np.ma.masked or type(cell).__name__ == "NAType":
        return math.nan
    if isinstance(cell, Decimal):
        return math.nan if cell.is_nan() else float(cell)
    if isinstance(cell, numbers.Real) and not isinstance(cell, np.generic):
        try:
            return float(cell)
        except OverflowError:
            return -math.inf if cell < 0 else math.inf
    single = _array(cell)  # NumPy's scalars, and tensors of one number
    if single.ndim or single.dtype.kind == "O":
        raise TypeError
    return float(_as_numbers(single))


def _is_uniform(frame: Any, positions: Sequence[int]) -> bool:
    """Whether columns of a pandas frame all have one floating NumPy dtype, so that they can be taken together."""
    dtypes = list(frame.dtypes)
    chosen = {dtypes[i] for i in positions}
    return len(chosen) == 1 and all(isinstance(dtype, np.dtype) and dtype.kind == "f" for dtype in chosen)


def _is_list(values: Any) -> bool:
    return isinstance(values, Sequence) and not isinstance(values, (str, bytes, bytearray, memoryview, range))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, bytes)) or getattr(value, "shape", None) == () or not hasattr(value, "__len__")


def _can(thing: Any, *methods: str) -> bool:
    return not isinstance(thing, type) and all(callable(getattr(thing, name, None)) for name in methods)


def _some(names: Iterable[str]) -> str:
    few = list(names)
    return ", ".join(map(str, few[:6])) + ", ..." * (len(few) > 6)
