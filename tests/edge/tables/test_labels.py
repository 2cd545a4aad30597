"""Labels are 0 and 1; of others, what the column holds is told, and none is guessed."""

import numpy as np
import pandas as pd
import pytest

from aetk.base.errors import BadInput
from aetk.edge.tables.labels import as_labels
from aetk.edge.tables.read import read_table


def refusal(path, labels, suffix="csv"):
    """The error of reading these labels from a file."""
    frame = pd.DataFrame({"a": np.arange(len(labels)) / 7, "y": labels})
    path = path / f"t.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    with pytest.raises(BadInput) as caught:
        read_table(path, ["a"], "y")
    return caught.value


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_minus_one_is_neither_class_and_all_values_are_counted(tmp_path, suffix):
    error = refusal(tmp_path, [1] * 190 + [-1] * 10, suffix)
    assert "label column 'y': found -1, expected 0 (ordinary) or 1 (anomaly)" in error.message
    assert error.message.endswith("It holds -1 (10 rows), 1 (190 rows).")
    assert "Write 0 for ordinary rows and 1 for anomalies" in error.hint
    assert "-1 is taken for neither" in error.hint


def test_one_and_two_are_counted_and_not_guessed(tmp_path):
    error = refusal(tmp_path, [1] * 9 + [2])
    assert "line 11, label column 'y': found 2" in error.message
    assert error.message.endswith("It holds 1 (9 rows), 2 (1 row).")


def test_rows_without_a_label_are_counted(tmp_path):
    error = refusal(tmp_path, [0, 1, np.nan, np.nan])
    assert error.message.endswith("It holds 0 (1 row), 1 (1 row), nothing (2 rows).")
    assert "leave out the rows without a label" in error.hint


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_text_labels_are_counted_most_frequent_first(tmp_path, suffix):
    error = refusal(tmp_path, ["attack", "normal", "normal"], suffix)
    assert "label column 'y': found " in error.message
    assert "expected 0 (ordinary) or 1 (anomaly). It holds 'normal' (2 rows), 'attack' (1 row)." in error.message
    assert "Write 0 for ordinary rows" in error.hint


def test_true_and_false_in_a_csv_are_told_to_be_written_as_numbers(tmp_path):
    error = refusal(tmp_path, [False, True, False])
    assert error.message.startswith(f"{tmp_path / 't.csv'}, line 2, label column 'y': found 'False', expected 0")
    assert error.message.endswith("It holds 'False' (2 rows), 'True' (1 row).")
    assert error.hint.startswith("Write True as 1 and False as 0")


def test_true_and_false_in_parquet_are_labels(tmp_path):
    pd.DataFrame({"a": [1.0, 2.0], "y": [True, False]}).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet", ["a"], "y").labels.tolist() == [True, False]


def test_a_column_of_many_values_is_listed_in_part(tmp_path):
    assert refusal(tmp_path, range(2000)).message.endswith(
        "It holds more than 1,000 different values, too many for a label."
    )
    assert refusal(tmp_path, range(20)).message.endswith("11 (1 row), ...")
    assert "more than 1,000" in refusal(tmp_path, [f"n{i}" for i in range(2000)]).message


def test_a_piece_of_a_table_does_not_say_what_the_column_holds():
    with pytest.raises(BadInput) as caught:
        as_labels(np.array([0.0, 2.0]), "y", lambda row: f"row {row}", whole=False)
    assert caught.value.message == "row 1, label column 'y': found 2, expected 0 (ordinary) or 1 (anomaly)."
