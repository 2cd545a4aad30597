"""`aetk score` on the breast-cancer table."""

import os

import numpy as np
import pandas as pd
import pytest

from aetk.edge.scorer import Scorer


@pytest.fixture
def rows(whole_table):
    return pd.read_csv(whole_table)


def test_every_row_is_scored_as_the_scorer_does(aetk, model, whole_table, rows, tmp_path):
    result = aetk("score", model, whole_table)
    assert result.code == 0, result.err
    written = pd.read_csv(tmp_path / "whole.scores.csv")
    expected = Scorer(model).score(rows)
    assert list(written.columns) == ["row", "similarity", "is_anomaly", "is_valid"]
    assert written.row.tolist() == list(range(1, len(rows) + 1))
    assert np.array_equal(written.similarity.to_numpy(np.float32), expected.similarity)
    assert np.array_equal(written.is_anomaly == 1, expected.is_anomaly)


def test_another_threshold_decides_without_changing_the_model(aetk, model, whole_table, tmp_path):
    before = model.read_bytes()
    document = aetk("score", model, whole_table, "--threshold", 1, "--out", "s.csv", "--json").document
    assert document["threshold"] == 1
    scores = pd.read_csv(tmp_path / "s.csv")
    assert document["anomalies"] == int((scores.similarity < 1).sum())
    assert model.read_bytes() == before


@pytest.mark.parametrize("threshold", ["-1", "1.5", "nan"])
def test_a_threshold_out_of_range_is_refused(refused, model, whole_table, threshold):
    assert "expected -1 < threshold <= 1" in refused("score", model, whole_table, "--threshold", threshold)


def test_a_missing_feature_is_named(refused, model, rows, tmp_path):
    rows.drop(columns="mean_texture").to_csv(tmp_path / "t.csv", index=False)
    assert "t.csv has no column 'mean_texture'" in refused("score", model, "t.csv")


def test_text_in_a_late_row_is_placed_and_leaves_no_output(refused, model, rows, tmp_path):
    late = pd.concat([rows] * 10)
    late["mean_area"] = late.mean_area.astype(str)
    late.iloc[5000, late.columns.get_loc("mean_area")] = "n/a"
    late.to_csv(tmp_path / "t.csv", index=False)
    assert "t.csv, line 5002, column 'mean_area': found 'n/a'" in refused("score", model, "t.csv")


@pytest.mark.parametrize("content", ["", "mean_radius,mean_texture\n"])
def test_a_table_without_rows_is_refused(refused, model, tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    assert "t.csv" in refused("score", model, "t.csv")


def test_the_table_itself_is_never_overwritten(refused, model, whole_table):
    assert "would be overwritten" in refused("score", model, whole_table, "--out", whole_table)


def test_the_model_is_never_overwritten(refused, model_copy, whole_table):
    assert model_copy.name in refused("score", model_copy, whole_table, "--out", model_copy)


def test_what_is_no_regular_file_is_never_replaced(refused, model, whole_table, tmp_path):
    """A named pipe stands for /dev/null, which a renamed file would replace for the whole machine."""
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in refused("score", model, whole_table, "--out", "pipe")


def test_a_folder_in_the_place_of_the_output_is_refused_by_its_own_name(refused, model, whole_table, tmp_path):
    (tmp_path / "folder").mkdir()
    message = refused("score", model, whole_table, "--out", "folder")
    assert "folder" in message
    assert ".tmp" not in message


@pytest.mark.parametrize("name", ["similarity", "is_anomaly", "is_valid"])
def test_an_identifier_named_like_an_output_does_not_vanish(aetk, model, rows, tmp_path, name):
    rows.assign(**{name: np.arange(len(rows)) + 1000}).to_csv(tmp_path / "t.csv", index=False)
    result = aetk("score", model, "t.csv", "--id", name, "--out", "s.csv")
    assert result.code == 2
    assert name in result.err
    assert not (tmp_path / "s.csv").exists()


def test_an_identifier_that_is_not_there_is_named(refused, model, whole_table):
    assert "no column 'patient'" in refused("score", model, whole_table, "--id", "patient")


def test_a_provider_that_is_not_there_ends_with_3(refused, model, whole_table):
    message = refused("score", model, whole_table, "--provider", "qnn", code=3)
    assert "QNNExecutionProvider" in message
    assert "onnxruntime-qnn" in message


def test_an_unknown_provider_is_wrong_usage(refused, model, whole_table):
    assert "'fpga'" in refused("score", model, whole_table, "--provider", "fpga")


def test_the_next_command_can_be_pasted(aetk, model, whole_table, tmp_path):
    spaced = tmp_path / "my model.onnx"
    spaced.write_bytes(model.read_bytes())
    assert f"aetk threshold '{spaced}'" in aetk("score", spaced, whole_table).out
