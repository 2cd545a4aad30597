"""Rows are read by name wherever they have names, and what is not a number is never one."""

import ast
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetk.contract import named_rows
from aetk.contract.named_rows import Refused, columns, matrix, select
from aetk.edge.tables.arrow import is_numeric
from contract.row_kinds import BY_NAME, CELLS, PAGE, ROWS, page

NAMES = ["a", "b", "c"]


def rows_of(kind, values, order=NAMES):
    """Rows of a kind with values [rows, 3] in columns a, b and c; with names, in another order and beside a text."""
    frame = pd.DataFrame(values, columns=NAMES)
    if kind.read == BY_NAME:
        frame = frame[list(order)].assign(note="text")
    return kind.make(frame)


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.title)
def test_each_kind_of_rows_is_read_as_the_page_says(kind):
    values = np.arange(6.0).reshape(2, 3)
    found = select(rows_of(kind, values, ["c", "a", "b"]), NAMES)
    assert found.tolist() == values[: len(found)].tolist()
    assert (columns(rows_of(kind, values)) is not None) == (kind.read == BY_NAME)


@pytest.mark.parametrize("kind", [kind for kind in ROWS if kind.read == BY_NAME], ids=lambda kind: kind.title)
def test_rows_with_names_say_their_names_and_how_many_they_are(kind):
    found = columns(rows_of(kind, np.zeros((2, 3)), ["c", "a", "b"]))
    assert found.names == ("c", "a", "b", "note")
    assert found.rows == len(found.select(["a"])) >= 1


@pytest.mark.parametrize("kind", [kind for kind in ROWS if kind.read == BY_NAME], ids=lambda kind: kind.title)
def test_a_missing_column_is_refused_by_every_kind_that_has_names(kind):
    with pytest.raises(Refused, match=r"'d'"):
        select(rows_of(kind, np.zeros((2, 3))), [*NAMES, "d"])


@pytest.mark.parametrize("kind", [kind for kind in ROWS if kind.read != BY_NAME], ids=lambda kind: kind.title)
def test_another_number_of_columns_is_refused_by_every_kind_without_names(kind):
    with pytest.raises(Refused, match=r"expected \[rows, 2\]"):
        select(rows_of(kind, np.zeros((2, 3))), NAMES[:2])


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.title)
def test_each_kind_of_cell_is_read_as_the_page_says(cell):
    rows = {"x": cell.column(), "y": [0.0, 0.0]}
    if cell.value is None:
        with pytest.raises(Refused, match=r"'x'.*expected") as refused:
            select(rows, ["x"])
        assert refused.value.column == "x"
    else:
        np.testing.assert_array_equal(select(rows, ["x"])[:, 0], [cell.value, cell.value])


def test_the_page_lists_the_kinds_that_are_tested():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "python tests/contract/row_kinds.py"


# frames of every make, from columns of values with missing ones


def _pandas_nullable(cells):
    return pd.DataFrame({name: pd.array(column, dtype="Float64") for name, column in cells.items()})


MAKES = {
    "pandas": lambda cells: pd.DataFrame({k: [np.nan if x is None else x for x in v] for k, v in cells.items()}),
    "pandas of objects": lambda cells: pd.DataFrame(cells, dtype=object),
    "pandas, nullable": _pandas_nullable,
    "pandas, Arrow": lambda cells: _pandas_nullable(cells).convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda cells: pl.DataFrame(cells, schema=dict.fromkeys(cells, pl.Float64)),
    "polars, lazy": lambda cells: pl.LazyFrame(cells, schema=dict.fromkeys(cells, pl.Float64)),
    "Arrow table": lambda cells: pa.table({name: pa.array(column, pa.float64()) for name, column in cells.items()}),
    "dict of columns": lambda cells: dict(cells),
    "dict of masked arrays": lambda cells: {name: _masked(column) for name, column in cells.items()},
    "list of dicts": lambda cells: [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)],
    "structured": lambda cells: _structured(cells),
    "list of Series": lambda cells: [row for _, row in pd.DataFrame(cells).iterrows()],
}


def _masked(column):
    mask = [cell is None for cell in column]
    return np.ma.masked_array([-999.0 if cell is None else cell for cell in column], mask)


def _structured(cells):
    count = len(next(iter(cells.values())))
    rows = np.ma.zeros(count, [(name, "f8") for name in cells])
    for name, column in cells.items():
        rows[name] = _masked(column)
    return rows


DTYPES = [np.int8, np.uint16, np.int64, np.float16, np.float32, np.float64, np.bool_]


@given(st.data())
def test_a_permutation_of_named_columns_changes_no_value(data):
    cell = st.none() | st.floats(-1e6, 1e6, width=32) | st.integers(-100, 100) | st.booleans()
    count = data.draw(st.integers(1, 5))
    cells = {name: data.draw(st.lists(cell, min_size=count, max_size=count)) for name in "abcde"}
    cells = {name: [None if x is None else float(x) for x in column] for name, column in cells.items()}
    order = data.draw(st.permutations(list(cells)))
    wanted = data.draw(st.permutations(NAMES))
    expected = np.array([cells[name] for name in wanted], np.float64).T
    for title, make in MAKES.items():
        found = select(make({name: cells[name] for name in order}), wanted)
        np.testing.assert_array_equal(found, expected, err_msg=title)


@given(st.data())
def test_masked_cells_are_missing_whatever_lies_behind_the_mask(data):
    dtype = data.draw(st.sampled_from(DTYPES))
    values = np.array(data.draw(st.lists(st.integers(0, 100), min_size=6, max_size=6))).reshape(2, 3).astype(dtype)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=6, max_size=6))).reshape(2, 3)
    expected = np.where(mask, np.nan, values.astype(np.float64))
    masked = np.ma.masked_array(values, mask)
    np.testing.assert_array_equal(select(masked, NAMES), expected)
    np.testing.assert_array_equal(select(list(masked), NAMES), expected)
    np.testing.assert_array_equal(select({name: masked[:, i] for i, name in enumerate(NAMES)}, NAMES), expected)


@pytest.mark.parametrize("mask", [[False, False, False], [True, False, False]])
@pytest.mark.parametrize(
    "values", [["1", "2", "3"], [1j, 2j, 3j], np.array([1, 2, 3], "M8[D]"), np.array([1, 2, 3], "m8[s]")]
)
def test_a_mask_makes_no_numbers_of_what_is_none(values, mask):
    with pytest.raises(Refused, match="expected"):
        select(np.ma.masked_array(values, mask), NAMES)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array(["1"]), "text"),
        (np.array([b"1"]), "bytes"),
        (np.array([1], "M8[s]"), "dates"),
        (np.array([1], "m8[s]"), "durations"),
        (np.array([1j]), "complex numbers"),
        (np.zeros(1, "V4"), "of another type"),
    ],
)
def test_what_the_rows_or_a_column_hold_in_place_of_numbers_is_said(values, kind):
    with pytest.raises(Refused) as refused:
        select(values, ["a"])
    assert refused.value.message == f"The rows are {kind} ({values.dtype}); expected numbers."
    with pytest.raises(Refused) as refused:
        select({"a": values}, ["a"])
    assert refused.value.message == f"The column 'a' is {kind} ({values.dtype}); expected numbers."
    assert (refused.value.column, bool(refused.value.hint)) == ("a", True)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"a": 1, "b": 2}, {"a": 1, "b": "x"}], "Row 1, column 'b': found 'x' (str), expected a number."),
        (pd.DataFrame({"a": [1, 2], "b": [None, "x"]}), "Row 1, column 'b': found 'x' (str), expected a number."),
        ([[1, None], [2, None], [3, "x" * 38]], f"Row 2: found {'x' * 38!r} (str), expected a number."),
        ([[1, None], [2, "y" * 39]], f"Row 1: found '{'y' * 36}... (str), expected a number."),
    ],
)
def test_a_cell_that_is_not_a_number_is_shown_with_its_place(rows, message):
    with pytest.raises(Refused) as refused:
        select(rows, ["a", "b"])
    assert refused.value.message == message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("cell", "value"), [(10**400, np.inf), (-(10**400), -np.inf), (Fraction(-(10**400), 3), -np.inf)]
)
def test_a_number_beyond_float64_is_infinite_with_its_sign(cell, value):
    assert select([{"a": cell}], ["a"]).tolist() == [[value]]


def test_arrays_without_a_dimension_are_values():
    assert select({"b": np.array(2.0), "a": np.float32(1)}, ["a", "b"]).tolist() == [[1, 2]]


@pytest.mark.parametrize(
    "cell", [None, pd.NA, np.ma.masked, float("nan"), np.float32("nan"), Decimal("NaN"), Decimal("sNaN")]
)
def test_a_missing_cell_of_a_record_is_nan(cell):
    np.testing.assert_array_equal(select([{"a": 1}, {"a": cell}], ["a"]), [[1], [np.nan]])


def test_whole_numbers_behind_a_mask_keep_their_value():
    found = select(np.ma.masked_array([2**24 + 1, 2**40 + 1, 0], [False, False, True]), NAMES)
    np.testing.assert_array_equal(found, [[2**24 + 1, 2**40 + 1, np.nan]])


def test_masked_cells_of_any_objects_are_missing_and_the_others_are_read():
    found = select(np.ma.masked_array(np.array([1, "?", True], object), [False, True, False]), NAMES)
    np.testing.assert_array_equal(found, [[1, np.nan, 1]])


@pytest.mark.parametrize("mask", [False, True])
def test_masked_float32_stays_float32(mask):
    assert select(np.ma.masked_array(np.ones(3, np.float32), [mask, False, False]), NAMES).dtype == np.float32


@given(st.sampled_from(DTYPES), st.permutations(NAMES))
def test_columns_of_any_dtype_are_read_by_their_value(dtype, order):
    values = np.array([[0, 1, 0], [1, 0, 1]]).astype(dtype)
    frame = pd.DataFrame(values, columns=NAMES)[order]
    for rows in (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame), dict(frame.items())):
        np.testing.assert_array_equal(select(rows, NAMES), values.astype(np.float64))


def test_a_frame_of_one_floating_dtype_is_not_copied_where_its_order_is_right():
    frame = pd.DataFrame(np.ones((4, 3), np.float32), columns=NAMES)
    assert np.shares_memory(select(frame, NAMES), frame.to_numpy())
    assert select(frame[["c", "b", "a"]], NAMES).dtype == np.float32


def test_names_that_are_not_text_count_as_python_writes_them():
    values = np.arange(4.0).reshape(2, 2)
    for labels, names in (
        ([0, 1], ["0", "1"]),
        ([0.5, 1.5], ["0.5", "1.5"]),
        (pd.MultiIndex.from_tuples([("g", "a"), ("g", "b")]), ["('g', 'a')", "('g', 'b')"]),
    ):
        frame = pd.DataFrame(values, columns=labels)
        assert columns(frame).names == tuple(names)
        assert select(frame[frame.columns[::-1]], names).tolist() == values.tolist()


def test_a_frame_without_names_of_its_own_is_told_how_to_be_read_by_position():
    with pytest.raises(Refused, match="no column 'a'") as refused:
        select(pd.DataFrame(np.zeros((2, 3))), NAMES)
    assert "to_numpy()" in refused.value.hint


def test_where_a_column_is_missing_those_that_are_there_are_told():
    with pytest.raises(Refused, match="no column 'z'") as refused:
        select(pd.DataFrame([[1.0] * 6], columns=list("abcdef")), ["z"])
    assert refused.value.hint == "The columns are called a, b, c, d, e, f."
    with pytest.raises(Refused) as refused:
        select(pd.DataFrame([[1.0] * 7], columns=list("abcdefg")), ["z"])
    assert refused.value.hint.startswith("The columns are called a, b, c, d, e, f, ...")
    assert "g" not in refused.value.hint
    with pytest.raises(Refused) as refused:
        select([{"a": 1, "b": 2}, {"a": 1}], ["b"])
    assert refused.value.hint.startswith("It has: a.")
    with pytest.raises(Refused) as refused:
        select([{"a": 1}, {}], ["a"])
    assert refused.value.hint.startswith("It has: nothing.")


@pytest.mark.parametrize("empty", [pd.DataFrame(), pl.DataFrame(), pa.table({})])
def test_a_frame_without_columns_has_no_rows(empty):
    assert (columns(empty).names, columns(empty).rows) == ((), 0)
    with pytest.raises(Refused, match="no column 'a'") as refused:
        select(empty, ["a"])
    assert refused.value.hint == "There are no columns."


TRIPLE = [(name, "f8") for name in NAMES]


def test_one_structured_record_is_a_row_and_a_table_of_them_is_not():
    assert select(np.array((1, 2, 3), TRIPLE), NAMES).tolist() == [[1, 2, 3]]
    with pytest.raises(Refused, match=r"of the shape \[2, 2\]; expected one dimension"):
        select(np.zeros((2, 2), TRIPLE), NAMES)
    with pytest.raises(Refused):
        select([np.zeros(2, TRIPLE)], NAMES)


class Lazy:
    """A query that fails."""

    def __init__(self, error):
        self.error = error

    def collect_schema(self):
        raise AssertionError

    def collect(self):
        raise self.error


class Collection:
    """What is called so elsewhere: it says nothing of a schema."""

    collect = Lazy.collect
    error = AssertionError("collected")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no such column\nat line 3"), "no such column"),
        (KeyError(), "KeyError"),
        (OSError("x" * 300), "x" * 200),
    ],
)
def test_why_a_query_fails_is_told_in_a_line(error, reason):
    with pytest.raises(Refused) as refused:
        select(Lazy(error), NAMES)
    assert refused.value.message == f"Lazy cannot be read as rows: {reason}"
    assert refused.value.hint


def test_what_only_has_the_name_of_a_query_is_not_run():
    with pytest.raises(Refused) as refused:
        select(Collection(), NAMES)
    assert "collected" not in refused.value.message


class OnlyAnArray:
    """Arrow data of one batch, as a library hands it over that knows no streams."""

    def __init__(self, batch):
        self.batch = batch

    def __arrow_c_array__(self, requested_schema=None):
        return self.batch.__arrow_c_array__(requested_schema)


def test_arrow_data_is_read_by_name_from_a_single_array_too():
    batch = pa.record_batch({"b": [2.0, 5.0], "a": [1.0, 4.0]})
    assert select(OnlyAnArray(batch), ["a", "b"]).tolist() == [[1, 2], [4, 5]]


def test_without_pyarrow_other_arrow_data_is_refused_with_what_to_install(monkeypatch):
    batch = OnlyAnArray(pa.record_batch({"a": [1.0]}))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Refused, match="Reading rows from OnlyAnArray needs pyarrow") as refused:
        select(batch, ["a"])
    assert "pip install pyarrow" in refused.value.hint


def test_without_pyarrow_frames_of_polars_are_read(monkeypatch):
    frame = pl.DataFrame({"b": [2.0, 5.0], "a": [1.0, 4.0]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert select(frame, ["a", "b"]).tolist() == [[1, 2], [4, 5]]


def test_two_columns_of_one_name_are_refused_only_where_they_are_wanted():
    frame = pd.DataFrame(np.arange(8.0).reshape(2, 4), columns=["a", "x", "b", "x"])
    assert select(frame, ["b", "a"]).tolist() == [[2, 0], [6, 4]]
    with pytest.raises(Refused, match="Two columns are called 'x'"):
        select(frame, ["x"])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"a": 1, "b": 2, "c": 3}, {"a": 1}], "Row 1 has no value for 'b'"),
        ([{"a": 1, "b": 2, "c": 3}, [1, 2, 3]], "Row 1 has no names"),
        ({"a": 1, "b": [1], "c": [1]}, "'a' is one value, and other names have columns"),
        ({"a": [1], "b": [1, 2], "c": [1]}, r"'b' is of the shape \[2\]; expected one number in each of 1 rows"),
        ([[1, 2, 3], [1, 2]], "different lengths"),
        (np.zeros((2, 2, 3)), r"of the shape \[2, 2, 3\]; expected \[rows, 3\]"),
        (b"123", "of the type bytes; expected numbers"),
        ("rows.csv", "of the type str; expected numbers"),
        (Path("rows.csv"), "of the type PosixPath; expected numbers"),
        (pl.LazyFrame({"a": [1]}).select("z"), "LazyFrame cannot be read as rows"),
    ],
    ids=[
        "a row lacks one",
        "a row without names",
        "mixed dict",
        "uneven dict",
        "ragged",
        "three axes",
        "bytes",
        "text",
        "path",
        "lazy",
    ],
)
def test_rows_that_do_not_fit_together_are_refused_with_the_reason(rows, words):
    with pytest.raises(Refused, match=words):
        select(rows, NAMES)


def test_an_arrow_type_is_numeric_where_its_cells_are_numbers():
    for column in (
        pa.array([1]), pa.array([1.0], pa.float16()), pa.array([True]), pa.array([None]),
        pa.array([1]).cast(pa.decimal128(20, 1)), pa.array([1]).dictionary_encode(), pa.array(["1"]),
        pa.array(["1"]).dictionary_encode(), pa.array([b"1"]), pa.array([1], pa.duration("s")),
        pa.array([1], pa.timestamp("s")), pa.array([1], pa.date32()), pa.array([[1]]), pa.array([{"a": 1}]),
    ):  # fmt: skip
        try:
            taken = named_rows.as_numbers(column).shape == (1,)
        except Refused:
            taken = False
        assert is_numeric(column.type) == taken, column.type


def test_one_row_alone_may_be_flat():
    assert matrix([1, 2.5, None])[0].tolist()[:2] == [1.0, 2.5]
    assert select(np.arange(3), NAMES).tolist() == [[0, 1, 2]]


def test_the_module_needs_numpy_alone_and_the_app_has_the_very_same():
    path = Path(named_rows.__file__)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert found - {"numpy"} - sys.stdlib_module_names - {"collections.abc"} == set()
    app = path.parents[3] / "exports/hosts/python/named_rows.py"
    assert app.is_symlink()
    assert app.resolve() == path
