"""Every column that holds text where numbers are expected is named at once, with what to do."""

import numpy as np
import pandas as pd
import pytest

from aetk.base.errors import BadInput
from aetk.edge.tables import source
from aetk.lab.data import text_columns
from aetk.lab.data.dataset import load_dataset


def refusal(path, frame, **options):
    frame.to_csv(path / "t.csv", index=False)
    with pytest.raises(BadInput) as caught:
        load_dataset(path / "t.csv", **options)
    return caught.value


@pytest.fixture
def frame():
    return pd.DataFrame({"a": np.arange(60) / 7})


def test_a_column_of_true_and_false_is_to_be_written_as_numbers(frame, tmp_path):
    error = refusal(tmp_path, frame.assign(weekend=frame.a > 3))
    assert error.message.endswith("t.csv, line 2, column 'weekend': found 'False', expected a number.")
    assert error.hint == (
        "Write True as 1 and False as 0, or save the table as Parquet, whose true/false columns are numbers."
    )


def test_all_columns_of_text_are_named_and_those_of_true_and_false_apart(frame, tmp_path):
    late = ["1"] * 59 + ["x"]
    broken = frame.assign(w=frame.a > 3, h=frame.a > 4, city="Rome", late=late, y=0, gap=[np.nan] * 59 + [2.5])
    error = refusal(tmp_path, broken, label="y")
    assert "line 2, column 'w': found 'False'" in error.message
    assert error.message.endswith("4 columns hold such text: 'w', 'h', 'city', 'late'.")
    assert "Write True as 1 and False as 0" in error.hint
    assert "whose true/false columns are numbers: 'w', 'h'." in error.hint
    assert error.hint.endswith("Leave the columns out with: --drop city --drop late")


def test_a_column_of_true_false_and_other_text_is_text(frame, tmp_path):
    error = refusal(tmp_path, frame.assign(w=["True"] * 59 + ["maybe"]))
    assert "Write True" not in error.hint
    assert error.hint == "Leave the column out with: --drop w"


def test_the_same_frame_trains_as_parquet(frame, tmp_path):
    frame.assign(weekend=frame.a > 3).to_parquet(tmp_path / "t.parquet")
    assert load_dataset(tmp_path / "t.parquet").rows[:, 1].sum() == (frame.a > 3).sum()


def test_rows_that_are_damaged_further_down_do_not_hide_the_first_cell_at_fault(frame, tmp_path):
    frame.assign(w=frame.a > 3, city="Rome").to_csv(tmp_path / "t.csv", index=False)
    with (tmp_path / "t.csv").open("a") as file:
        file.write("1,2\n")
    with pytest.raises(BadInput, match="line 2, column 'w': found 'False', expected a number"):
        load_dataset(tmp_path / "t.csv")


def test_a_long_table_is_looked_through_from_its_start(frame, tmp_path, monkeypatch):
    monkeypatch.setattr(text_columns, "_CELLS", 10)
    assert "'city'" in refusal(tmp_path, frame.assign(city="Rome")).message


def test_a_table_of_several_blocks_is_looked_through_as_well(tmp_path):
    numbers = np.arange(400_000)
    large = pd.DataFrame({"a": numbers / 7, "w": numbers % 2 == 0, "city": "Rome", "n": numbers})
    error = refusal(tmp_path, large)
    assert (tmp_path / "t.csv").stat().st_size > 2 * source.BLOCK_BYTES
    assert error.message.endswith("2 columns hold such text: 'w', 'city'.")
    assert "whose true/false columns are numbers: 'w'." in error.hint


def test_all_columns_of_a_parquet_file_that_hold_no_numbers_are_named_with_their_types(frame, tmp_path):
    broken = frame.assign(city="Rome", day=pd.Timestamp("2026-01-01"), w=frame.a > 3)
    broken.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(BadInput) as caught:
        load_dataset(tmp_path / "t.parquet")
    assert "t.parquet, column 'city': found the type " in caught.value.message
    assert "2 columns hold no numbers: 'city' (" in caught.value.message
    assert "'day' (timestamp[" in caught.value.message
    assert caught.value.hint == "Leave the columns out with: --drop city --drop day"
