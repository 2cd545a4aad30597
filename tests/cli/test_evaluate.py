"""`aetk evaluate`."""

import pandas as pd
import pytest


def test_metrics_and_picture_of_two_models(aetk, model, explaining_model, whole_table, tmp_path):
    result = aetk("evaluate", model, explaining_model, whole_table, "--label", "malignant", "--plot", "p.png")
    assert result.code == 0, result.err
    assert "569 rows" in result.out
    assert "212 labelled as anomalies" in result.out
    assert str(model) in result.out
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_json_is_one_document(aetk, model, whole_table):
    document = aetk("evaluate", model, whole_table, "--label", "malignant", "--json").document
    metrics = document["models"][0]["metrics"]
    assert metrics["rows"] == 569
    assert metrics["true_positives"] + metrics["false_negatives"] == 212


@pytest.mark.parametrize("label", [0, 1])
def test_a_table_of_one_class_has_no_ranking_metrics(aetk, model, whole_table, tmp_path, label):
    pd.read_csv(whole_table).assign(malignant=label).to_csv(tmp_path / "t.csv", index=False)
    result = aetk("evaluate", model, "t.csv", "--label", "malignant", "--plot", "p.png", "--json")
    assert result.document["models"][0]["metrics"]["auroc"] is None
    assert (tmp_path / "p.png").is_file()


def test_a_label_that_is_not_there_is_named(refused, model, whole_table):
    assert "whole.csv has no column 'Class'" in refused("evaluate", model, whole_table, "--label", "Class")


def test_a_label_is_required(refused, model, whole_table):
    assert "--label" in refused("evaluate", model, whole_table)


def test_a_table_alone_is_wrong_usage(refused, whole_table):
    assert "MODEL" in refused("evaluate", whole_table, "--label", "malignant")


def test_a_model_in_the_place_of_the_table_is_refused(refused, model):
    assert model.name in refused("evaluate", model, model, "--label", "malignant")


def test_the_next_command_does_not_tune_on_the_table_that_was_just_measured(aetk, model, whole_table):
    out = aetk("evaluate", model, whole_table, "--label", "malignant").out
    assert out.endswith(f"next:  aetk verify {model}\n")
