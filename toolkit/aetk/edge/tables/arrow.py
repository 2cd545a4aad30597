"""Imports pyarrow, only when it is first needed, and converts its columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from aetk.base.errors import MissingExtra, out_of_memory


def pyarrow() -> Any:
    """The pyarrow module with `csv`, `compute`, `fs` and `parquet`; raise MissingExtra if it is not installed."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.fs
        import pyarrow.parquet
    except ImportError as error:
        raise out_of_memory(error) or MissingExtra("Parquet", "arrow") from None
    return pyarrow


def is_numeric(kind: Any) -> bool:
    """Whether a column of an arrow type can be read as numbers, as `contract.named_rows` reads its cells.

    A column of nulls can: all its values are missing. A dictionary can if its values can.
    """
    types = pyarrow().types
    if types.is_dictionary(kind):
        return is_numeric(kind.value_type)
    numeric = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    return any(fits(kind) for fits in numeric)


def is_text(kind: Any) -> bool:
    """Whether an arrow type is text."""
    types = pyarrow().types
    return any(fits(kind) for fits in (types.is_string, types.is_large_string, types.is_string_view))


def fill(values: Any, columns: Sequence[Any]) -> None:
    """Write numeric arrow arrays into the columns of a float32 or float64 array; null becomes NaN.

    A column of another dtype than the array is first cast to float64, as the cells of a CSV file are.
    """
    pa = pyarrow()
    own = pa.from_numpy_dtype(values.dtype)
    with np.errstate(over="ignore"):  # a value beyond float32 becomes infinite, which every model can judge
        for position, column in enumerate(columns):
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            if pa.types.is_boolean(column.type):
                column = column.cast(pa.uint8())
            if column.type != own:
                column = column.cast(pa.float64(), safe=False)
            values[:, position] = column.to_numpy(zero_copy_only=False)


def is_nested(kind: Any) -> bool:
    """Whether an arrow type is nested, such as a list."""
    return bool(pyarrow().types.is_nested(kind))


def longest(column: Any) -> int:
    """The bytes of the longest text or binary value in an arrow array or its dictionary; 0 for other types."""
    pa = pyarrow()
    cells = column.dictionary if pa.types.is_dictionary(column.type) else column
    is_long = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    if not any(fits(cells.type) for fits in is_long):
        return 0
    return pa.compute.max(pa.compute.binary_length(cells)).as_py() or 0


def texts(column: Any) -> Any:
    """Convert an arrow array to strings, as Python's `str` writes them; null becomes an empty string.

    Raises:
        pyarrow.ArrowInvalid: a text is not UTF-8, which Parquet does not check.
    """
    pa = pyarrow()
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        found = column.cast(pa.string()).fill_null("")
        found.validate(full=True)
        return found
    return pa.array(["" if cell is None else str(cell) for cell in column.to_pylist()], pa.string())
