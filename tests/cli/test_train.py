"""`aetk train` on real tables."""

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from aetk.lab.runs import WEIGHTS, read_run

from .conftest import FEATURES, QUICK

CARD_FRAUD = ("--label", "Class", "--drop", "ID")


def weights(folder):
    return load_file(folder / WEIGHTS)


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("recipe", ["default", "reference"])
def test_card_fraud_tables_train_with_either_recipe(aetk, creditcard, recipe, tmp_path):
    result = aetk(
        "train", creditcard / "train.csv", "--val", creditcard / "val.csv", *CARD_FRAUD, "--recipe", recipe,
        "--epochs", 3, "--device", "cpu", "--out", "fraud",
    )  # fmt: skip
    assert result.code == 0, result.err
    said = {
        "default": ("6,410 rows of 30 features to fit on, 712 to choose the weights by", "from 1,875 validation rows"),
        "reference": ("7,122 rows of 30 features to fit on, 1,875 to choose the weights by", "by fixed:0.95"),
    }
    assert all(words in result.out for words in said[recipe])
    assert "next:  aetk export fraud --onnx" in result.out
    run = read_run(tmp_path / "fraud")
    assert list(run.feature_names) == [f"V{i}" for i in range(1, 31)]
    assert run.record.metrics["rows"] == 1875
    assert run.record.metrics["anomalies"] == 95


def test_the_report_as_json_is_one_document(aetk, table, tmp_path):
    result = aetk("train", table, "--label", "malignant", *QUICK, "--json")
    document = result.document
    assert document["run"] == "runs/cells-1"
    assert document["features"] == FEATURES
    assert document["threshold"]["method"] == "best-f1"
    assert (tmp_path / "runs/cells-1/training.png").read_bytes().startswith(b"\x89PNG")


def test_without_data_the_built_in_table_is_used(aetk):
    result = aetk("train", *QUICK, "--json")
    assert result.document["run"] == "runs/breast-cancer-1"
    assert len(result.document["features"]) == 30


def test_runs_are_numbered(aetk, table):
    assert [aetk("train", table, *QUICK, "--json").document["run"] for _ in range(2)] == [
        "runs/cells-1",
        "runs/cells-2",
    ]


def test_parquet_and_csv_of_the_same_rows_give_the_same_weights_and_fingerprint(aetk, frame, tmp_path):
    frame.to_csv("cells.csv", index=False)
    frame.to_parquet("cells.parquet")
    for suffix in ("csv", "parquet"):
        aetk("train", f"cells.{suffix}", "--label", "malignant", *QUICK, "--out", suffix)
    csv, parquet = (read_run(tmp_path / suffix) for suffix in ("csv", "parquet"))
    assert csv.record.training_data["fingerprint"] == parquet.record.training_data["fingerprint"]
    assert same(weights(csv.folder), weights(parquet.folder))


def test_labels_in_the_validation_table_alone_are_enough(aetk, frame, tmp_path):
    frame[FEATURES].to_csv(tmp_path / "train.csv", index=False)
    frame.to_csv(tmp_path / "val.csv", index=False)
    result = aetk("train", "train.csv", "--val", "val.csv", "--label", "malignant", *QUICK, "--json")
    assert result.document["metrics"]["anomalies"] == int(frame.malignant.sum())
    assert result.document["features"] == FEATURES


def test_labels_in_the_training_table_alone_leave_its_anomalies_out(aetk, frame, tmp_path):
    frame.to_csv(tmp_path / "train.csv", index=False)
    frame[FEATURES].to_csv(tmp_path / "val.csv", index=False)
    result = aetk("train", "train.csv", "--val", "val.csv", "--label", "malignant", *QUICK, "--json")
    record = read_run(tmp_path / result.document["run"]).record.training_data
    assert record["fit_rows"] + record["selection_rows"] == int((frame.malignant == 0).sum())
    assert result.document["metrics"] is None


def test_labelled_anomalies_have_no_influence_on_the_weights(aetk, frame, tmp_path):
    altered = frame.astype(float)
    altered.loc[altered.malignant == 1, FEATURES] *= 3
    for name, rows in (("one", frame), ("other", altered)):
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
        aetk("train", f"{name}.csv", "--label", "malignant", *QUICK, "--threshold", "fixed:0.9", "--out", name)
    assert same(weights(tmp_path / "one"), weights(tmp_path / "other"))


def test_a_dropped_column_is_no_feature(aetk, table):
    result = aetk("train", table, "--label", "malignant", "--drop", "radius", "--drop", "texture", *QUICK, "--json")
    assert result.document["features"] == ["perimeter", "smoothness"]


def test_boolean_and_decimal_columns_of_parquet_are_numbers(aetk, frame, tmp_path):
    from decimal import Decimal

    exact = [Decimal(f"{value:.3f}") for value in frame.texture]
    frame.assign(malignant=frame.malignant == 1, texture=exact).to_parquet(tmp_path / "t.parquet")
    result = aetk("train", "t.parquet", "--label", "malignant", *QUICK, "--json")
    assert result.document["features"] == FEATURES
    assert result.document["metrics"]["anomalies"] == int(frame.malignant.sum())


def test_names_in_other_scripts_and_with_spaces_pass_through_to_the_scores(aetk, frame, tmp_path):
    names = ["größe in µm", "肌理", "a,b", 'the "outer" rim']
    frame[FEATURES].set_axis(names, axis=1).to_csv(tmp_path / "cells 1.csv", index=False)
    assert aetk("train", "cells 1.csv", *QUICK, "--out", "my run").code == 0
    assert aetk("export", "my run", "--onnx", "--explain", "--out", "my exports/cells.onnx").code == 0
    assert aetk("score", "my exports/cells.onnx", "cells 1.csv", "--out", "s.csv").code == 0
    assert [f"contribution:{name}" for name in names] == list(pd.read_csv(tmp_path / "s.csv").columns[4:])


def test_imputation_is_trained_in(aetk, frame, tmp_path):
    """A missing value then scores as the training median does, and the row is valid."""
    holes = frame[frame.malignant == 0][FEATURES].reset_index(drop=True)
    holes.loc[::7, "texture"] = np.nan
    holes.loc[3, "radius"] = np.inf
    holes.to_csv(tmp_path / "holes.csv", index=False)
    assert aetk("train", "holes.csv", "--missing", "median", *QUICK, "--out", "run").code == 0
    assert aetk("export", "run", "--onnx", "--out", "m.onnx").code == 0
    card = aetk("inspect", "m.onnx", "--json").document["card"]
    fill = {feature["name"]: feature["fill"] for feature in card["features"]}

    row = dict.fromkeys(FEATURES, 1.0)
    tables = {
        "holes": [row | {"texture": np.nan}, dict.fromkeys(FEATURES)],
        "filled": [row | {"texture": fill["texture"]}, fill],
    }
    scores = {}
    for name, rows in tables.items():  # in the same place of a batch, so that sums are taken in the same order
        pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
        assert aetk("score", "m.onnx", "rows.csv", "--out", f"{name}.csv").code == 0
        scores[name] = pd.read_csv(tmp_path / f"{name}.csv")
    assert scores["holes"].is_valid.tolist() == [1, 1]
    assert scores["holes"].equals(scores["filled"])
    assert aetk("verify", "m.onnx", "--run", "run").code == 0


def test_without_imputation_a_row_with_a_missing_value_is_flagged_and_not_valid(aetk, model, whole_table, tmp_path):
    rows = pd.read_csv(whole_table)[:5]
    rows.iloc[2, 3] = np.nan
    rows.to_csv(tmp_path / "rows.csv", index=False)
    result = aetk("score", model, "rows.csv", "--out", "s.csv", "--json")
    assert result.document["invalid"] == 1
    scores = pd.read_csv(tmp_path / "s.csv")
    assert scores.is_valid.tolist() == [1, 1, 0, 1, 1]
    assert (scores.similarity[2], scores.is_anomaly[2]) == (-1, 1)
