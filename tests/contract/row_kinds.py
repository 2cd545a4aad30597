"""Every kind of rows and cells that a program may hand over, and what becomes of it: what docs/rows.md lists.

`python tests/contract/row_kinds.py` writes the tables of docs/rows.md again; test_named_rows.py holds code and page to
them.
"""

import array
import collections
import datetime
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import torch

PAGE = Path(__file__).resolve().parents[2] / "docs" / "rows.md"
BY_NAME, BY_POSITION = "by name", "by position"


@dataclass(frozen=True)
class Kind:
    """Rows of one kind.

    Attributes:
        title: as the page calls it.
        make: the rows, from a frame of float columns; for rows without names, their order is the model's.
        read: how they are read.
    """

    title: str
    make: Callable[[pd.DataFrame], Any]
    read: str = BY_NAME


@dataclass(frozen=True)
class Cell:
    """Cells of one kind; `value` is what they are read as, or None where they are refused."""

    title: str
    column: Callable[[], Any]
    value: float | None


def _tuples(frame: pd.DataFrame) -> list[Any]:
    return list(frame.itertuples(index=False))


def _structured(frame: pd.DataFrame) -> Any:
    return frame.to_records(index=False)


def _sqlite(frame: pd.DataFrame) -> list[Any]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    frame.to_sql("rows", connection, index=False)
    return connection.execute("select * from rows").fetchall()


def _nullable(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(frame.select_dtypes("float"), "Float64"))


def _values(frame: pd.DataFrame) -> Any:
    return frame.to_numpy(np.float32)


ROWS = [
    Kind("pandas `DataFrame`, of NumPy's types", lambda frame: frame),
    Kind("pandas `DataFrame`, of nullable types", _nullable),
    Kind("pandas `DataFrame`, of Arrow's types", lambda frame: frame.convert_dtypes(dtype_backend="pyarrow")),
    Kind("pandas `Series`: one row", lambda frame: frame.iloc[0]),
    Kind("list of pandas `Series` (`iterrows`)", lambda frame: [row for _, row in frame.iterrows()]),
    Kind("list of named tuples (`itertuples`)", _tuples),
    Kind("named tuple: one row", lambda frame: _tuples(frame)[0]),
    Kind("polars `DataFrame`", pl.from_pandas),
    Kind("polars `LazyFrame`, which is collected", lambda frame: pl.from_pandas(frame).lazy()),
    Kind("pyarrow `Table`", lambda frame: pa.Table.from_pandas(frame, preserve_index=False)),
    Kind("pyarrow `RecordBatch`", lambda frame: pa.RecordBatch.from_pandas(frame, preserve_index=False)),
    Kind(
        "anything else with Arrow's C stream or array (DuckDB, ...)",
        lambda frame: pa.Table.from_pandas(frame, preserve_index=False).to_reader(),
    ),
    Kind("dict of columns", lambda frame: {name: frame[name].to_numpy() for name in frame}),
    Kind("dict of values: one row", lambda frame: frame.iloc[0].to_dict()),
    Kind("list of dicts", lambda frame: frame.to_dict("records")),
    Kind("list of `sqlite3.Row`, or of others with `keys()`", _sqlite),
    Kind("structured NumPy array, by field", _structured),
    Kind("list of its records", lambda frame: list(_structured(frame))),
    Kind("NumPy array [rows, n] or [n], of any real dtype and strides", _values, BY_POSITION),
    Kind("array of bfloat16 or float8 (ml_dtypes)",
         lambda frame: _values(frame).astype(ml_dtypes.bfloat16), BY_POSITION),
    Kind("masked array", lambda frame: np.ma.masked_array(_values(frame), mask=False), BY_POSITION),
    Kind("list of lists, tuples or arrays", lambda frame: _values(frame).tolist(), BY_POSITION),
    Kind("list of masked arrays", lambda frame: list(np.ma.masked_array(_values(frame), mask=False)), BY_POSITION),
    Kind("PyTorch tensor of any dtype and device, with gradients or not",
         lambda frame: torch.tensor(_values(frame), requires_grad=True), BY_POSITION),
    Kind("PyTorch tensor of bfloat16", lambda frame: torch.tensor(_values(frame)).bfloat16(), BY_POSITION),
    Kind("`array.array`: one row", lambda frame: array.array("f", _values(frame)[0]), BY_POSITION),
    Kind("`memoryview` of numbers: one row", lambda frame: memoryview(_values(frame)[0].copy()), BY_POSITION),
    Kind("`deque`: one row", lambda frame: collections.deque(_values(frame)[0].tolist()), BY_POSITION),
    Kind("polars `Series`: one row", lambda frame: pl.Series(_values(frame)[0]), BY_POSITION),
    Kind("pyarrow `Array`: one row", lambda frame: pa.array(_values(frame)[0]), BY_POSITION),
    Kind("pandas `Index`: one row", lambda frame: pd.Index(_values(frame)[0]), BY_POSITION),
]  # fmt: skip


def _pandas(cell: Any, dtype: Any = object) -> Callable[[], Any]:
    return lambda: pd.Series([cell, cell], dtype=dtype)


CELLS = [
    Cell("float of any width", lambda: np.array([1.5, 1.5], np.float16), 1.5),
    Cell("integer of any width", lambda: np.array([3, 3], np.uint8), 3.0),
    Cell("bfloat16, float8", lambda: np.array([1.5, 1.5], ml_dtypes.float8_e5m2), 1.5),
    Cell("True and False", lambda: np.array([True, True]), 1.0),
    Cell("True among objects, such as None", _pandas(True), 1.0),
    Cell("`Decimal`", _pandas(Decimal("1.5")), 1.5),
    Cell("Arrow's decimals", lambda: pa.array([Decimal("1.5"), Decimal("1.5")]), 1.5),
    Cell("`Fraction`", _pandas(Fraction(3, 2)), 1.5),
    Cell("category of numbers", _pandas(1, "category"), 1.0),
    Cell("Arrow dictionary of numbers", lambda: pa.array([2, 2]).dictionary_encode(), 2.0),
    Cell("sparse column", _pandas(1.5, pd.SparseDtype("float64")), 1.5),
    Cell("whole number beyond float64, read as infinite", _pandas(10**400), float("inf")),
    Cell("None", _pandas(None), float("nan")),
    Cell("NaN, also of `Decimal`", _pandas(Decimal("NaN")), float("nan")),
    Cell("pandas `NA`", lambda: pd.Series([pd.NA, pd.NA], dtype="Int64"), float("nan")),
    Cell("masked cell, whatever lies behind the mask",
         lambda: np.ma.masked_array([-999.0, 7.0], mask=True), float("nan")),
    Cell("null of polars and Arrow", lambda: pl.Series([None, None], dtype=pl.Int64), float("nan")),
    Cell("text, numerals too", lambda: ["1", "1"], None),
    Cell("category or dictionary of text", lambda: pd.Series(["1", "1"], dtype="category"), None),
    Cell("bytes", lambda: [b"1", b"1"], None),
    Cell("date, with a time zone or not", lambda: pd.Series(pd.to_datetime(["2024-01-01"] * 2)), None),
    Cell("duration", lambda: np.array([1, 1], "m8[s]"), None),
    Cell("duration among objects", _pandas(np.timedelta64(1, "s")), None),
    Cell("`NaT`", lambda: np.array(["NaT", "NaT"], "m8[ns]"), None),
    Cell("Python's `timedelta`", lambda: [datetime.timedelta(1)] * 2, None),
    Cell("complex number", lambda: np.array([1j, 1j]), None),
    Cell("list", lambda: pd.Series([[1.0], [2.0]]), None),
    Cell("dict or structure", lambda: pl.Series([{"a": 1}, {"a": 2}]), None),
]  # fmt: skip


def tables() -> str:
    """The page's two tables, in Markdown."""
    by = collections.defaultdict(list)
    for kind in ROWS:
        by[kind.read].append(kind.title)
    lines = ["| rows | are read |", "| --- | --- |"]
    lines += [f"| {title} | {read} |" for read, titles in by.items() for title in titles]
    lines += ["", "| cell | is read as |", "| --- | --- |"]
    return "\n".join([*lines, *(f"| {cell.title} | {_words(cell.value)} |" for cell in CELLS)])


def _words(value: float | None) -> str:
    if value is None:
        return "refused"
    return "missing" if np.isnan(value) else "infinite" if np.isinf(value) else "a number"


def page(text: str) -> str:
    """The page with its tables as they are now."""
    before, _, rest = text.partition("<!-- row_kinds.py -->\n")
    return f"{before}<!-- row_kinds.py -->\n{tables()}\n<!-- end -->{rest.partition('<!-- end -->')[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
