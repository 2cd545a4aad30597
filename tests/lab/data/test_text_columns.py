"""Columns of text become categories and true/false, or are asked about, all at once."""

import numpy as np
import pandas as pd
import pytest

from aetk.base.errors import BadInput
from aetk.lab.data.dataset import load_dataset


@pytest.fixture
def frame():
    return pd.DataFrame({"a": np.arange(60) / 7})


def saved(path, frame):
    frame.to_csv(path / "t.csv", index=False)
    return path / "t.csv"


def test_a_column_of_true_and_false_becomes_one_and_zero(frame, tmp_path):
    read = load_dataset(saved(tmp_path, frame.assign(weekend=frame.a > 3)))
    assert read.encodings[1].truths == ("false", "true")
    assert read.rows[:, 1].tolist() == (frame.a > 3).tolist()


def test_all_columns_that_are_questions_are_asked_about_at_once(frame, tmp_path):
    late = ["1"] * 59 + ["x"]
    broken = frame.assign(w=frame.a > 3, city="Rome", late=late, y=0, gap=[np.nan] * 59 + [2.5])
    with pytest.raises(BadInput) as caught:
        load_dataset(saved(tmp_path, broken), label="y")
    assert "t.csv, line 61, column 'late': found 'x', expected a number" in caught.value.message
    assert "59 missing or infinite values in 59 rows" in caught.value.message
    assert "more than half of the rows: 'gap'" in caught.value.message
    assert "--missing-value late=x --missing median --drop gap" in caught.value.hint


def test_a_column_of_true_false_and_another_word_is_a_category(frame, tmp_path):
    read = load_dataset(saved(tmp_path, frame.assign(w=["True"] * 59 + ["maybe"])))
    assert read.encodings[1].levels == ("True", "maybe")


def test_the_same_frame_trains_as_parquet(frame, tmp_path):
    frame.assign(weekend=frame.a > 3).to_parquet(tmp_path / "t.parquet")
    assert load_dataset(tmp_path / "t.parquet").rows[:, 1].sum() == (frame.a > 3).sum()


def test_text_and_times_of_a_parquet_file_go_the_same_way(frame, tmp_path):
    table = frame.assign(city=["Rome", "Oslo"] * 30, day=pd.Timestamp("2026-01-01"), w=frame.a > 3)
    table.to_parquet(tmp_path / "t.parquet")
    read = load_dataset(tmp_path / "t.parquet")
    assert read.features == ("a", "city", "w")
    assert read.encodings[1].levels == ("Rome", "Oslo")
