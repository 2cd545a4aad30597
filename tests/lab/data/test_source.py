"""One table as read, from a file, from rows in memory and from OpenML: what it is called, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from aetk.base.errors import BadInput
from aetk.lab.data.openml import OpenMLTable
from aetk.lab.data.source import feature_names, is_numeric, read_source

TITLE = "the data frame"


@pytest.fixture
def frame():
    return pd.DataFrame({"id": [7, 8, 9], "a": [0.5, 1.5, np.nan], "y": [0, 1, 0], "b": [1, 2, 3]})


def test_a_file_is_called_by_its_path_and_names_its_rows_by_line(frame, tmp_path):
    path = tmp_path / "cells.csv"
    frame.to_csv(path, index=False)
    source = read_source(str(path), TITLE, "y", ["id"])
    assert (source.title, source.name) == (str(path), "cells")
    assert (source.all_names, source.names) == (("id", "a", "y", "b"), ("a", "b"))
    assert np.array_equal(source.values, [[0.5, 1], [1.5, 2], [np.nan, 3]], equal_nan=True)
    assert source.labels.tolist() == [False, True, False]
    assert source.where(1) == f"{path}, line 3"


def test_a_frame_is_called_by_the_title_and_names_its_rows_from_0(frame):
    source = read_source(frame, TITLE, "y", ["id"])
    assert (source.title, source.name, source.names) == (TITLE, "frame", ("a", "b"))
    assert source.labels.tolist() == [False, True, False]
    assert source.where(1) == f"{TITLE}, row 1"


def test_an_array_has_columns_c1_c2_and_is_called_an_array():
    source = read_source(np.arange(6.0).reshape(3, 2), TITLE, None, [])
    assert (source.title, source.names) == ("the array", ("c1", "c2"))
    assert source.labels is None


def test_a_table_of_openml_is_called_by_its_name(frame):
    source = read_source(OpenMLTable("openml-7", frame, (), ()), TITLE, None, ["id"])
    assert (source.title, source.name, source.names) == ("openml-7", "openml-7", ("a", "y", "b"))


@pytest.mark.parametrize("kind", ["file", "frame"])
def test_a_label_that_the_table_has_not_is_left_to_the_other_table(frame, tmp_path, kind):
    path = tmp_path / "cells.csv"
    frame.to_csv(path, index=False)
    source = read_source(path if kind == "file" else frame, TITLE, "Class", ["id"])
    assert source.labels is None
    assert source.names == ("a", "y", "b")


def test_a_table_needs_features_and_rows(frame):
    with pytest.raises(BadInput, match="has no feature columns left after --label and --drop"):
        read_source(frame, TITLE, "y", ["id", "a", "b"])
    with pytest.raises(BadInput, match="has columns and no rows"):
        read_source(frame[:0], TITLE, "y", [])


def test_one_row_without_names_may_be_meant_as_a_column():
    with pytest.raises(BadInput, match="the array is one row of 4 values") as error:
        read_source(np.arange(4.0), TITLE, None, [])
    assert "reshape(-1, 1)" in error.value.hint


def test_columns_of_text_in_memory_are_counted_and_named_in_the_way_to_drop_them(frame):
    with pytest.raises(BadInput, match="2 columns hold no numbers: 'kind', 'place'") as error:
        read_source(frame.assign(kind="k", place="p"), TITLE, "y", [])
    assert error.value.hint == "Leave them out: drop=['kind', 'place']"
    with pytest.raises(BadInput) as error:
        read_source(frame.assign(kind="k"), TITLE, "y", [])
    assert error.value.hint == "Leave it out: drop=['kind']"


def test_columns_of_text_in_openml_are_left_out_on_the_command_line(frame):
    with pytest.raises(BadInput) as error:
        read_source(OpenMLTable("openml-7", frame.assign(kind="k"), (), ()), TITLE, None, [])
    assert "--drop kind" in error.value.hint


def test_a_label_in_memory_of_anything_but_0_and_1_is_refused(frame):
    with pytest.raises(BadInput, match=f"{TITLE}, row 2, label column 'y': found 3"):
        read_source(frame.assign(y=[0, 1, 3]), TITLE, "y", [])
    with pytest.raises(BadInput) as error:
        read_source(frame.assign(y=["no", "yes", "no"]), TITLE, "y", [])
    assert error.value.hint == "A label is 0 (ordinary) or 1 (anomaly)."


def test_features_are_what_is_neither_label_nor_dropped_in_the_tables_order():
    assert feature_names("t", ["b", "y", "a", "id"], "y", ["id", "gone"]) == ("b", "a")


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 2], True), ([True, False], True), ([None, None], True), (["1", "2"], False), (["x", 2], False)],
)
def test_a_column_is_numeric_where_it_holds_numbers_or_nothing(values, expected):
    assert is_numeric(pd.Series(values)) is expected
