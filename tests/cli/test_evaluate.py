"""`aetk evaluate`."""

import shutil

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


def test_a_run_stands_beside_its_export_and_comes_next(aetk, breast_cancer_run, model, whole_table):
    run = breast_cancer_run.run
    out = aetk("evaluate", run, model, whole_table, "--label", "malignant").out
    (first,), (second,) = (
        [line.split()[1:] for line in out.splitlines() if line.startswith(f"{p} ")] for p in (run, model)
    )
    assert first == second
    assert out.endswith(f"next:  aetk export {run} --onnx\n")


def test_a_folder_without_a_run_is_refused(refused, tmp_path, whole_table):
    (tmp_path / "empty").mkdir()
    assert "empty holds no finished run" in refused("evaluate", "empty", whole_table, "--label", "malignant")


def test_a_run_that_was_changed_is_a_failed_check(refused, breast_cancer_run, tmp_path, whole_table):
    run = shutil.copytree(breast_cancer_run.run, tmp_path / "run")
    with (run / "model.safetensors").open("ab") as file:
        file.write(b" ")
    assert "changed after training" in refused("evaluate", run, whole_table, "--label", "malignant", code=1)


def test_a_prevalence_adds_a_column_and_says_what_it_is(aetk, model, whole_table):
    arguments = ("evaluate", model, whole_table, "--label", "malignant", "--prevalence", 0.0017)
    shown = aetk(*arguments).out.splitlines()
    document = aetk(*arguments, "--json").document
    natural = document["models"][0]["natural_average_precision"]
    assert "natural AP: at a prevalence of 0.0017" in shown[0]
    assert shown[1].split("  ").count("natural AP") == 1
    assert f"  {natural:.4f}  " in shown[3]
    assert document["prevalence"] == 0.0017
    assert natural < document["models"][0]["metrics"]["average_precision"]


def test_without_a_prevalence_there_is_no_such_column(aetk, model, whole_table):
    assert "natural" not in aetk("evaluate", model, whole_table, "--label", "malignant").out
    document = aetk("evaluate", model, whole_table, "--label", "malignant", "--json").document
    assert document["models"][0]["natural_average_precision"] is None


@pytest.mark.parametrize("rate", ["0", "1", "-0.1", "17", "nan", "inf"])
def test_a_prevalence_that_is_no_share_is_refused(refused, model, whole_table, rate):
    message = refused("evaluate", model, whole_table, "--label", "malignant", "--prevalence", rate, "--plot", "p.png")
    assert f"--prevalence is {rate}; expected the share of anomalies" in message


def test_a_prevalence_that_is_no_number_is_wrong_usage(refused, model, whole_table):
    assert "--prevalence" in refused("evaluate", model, whole_table, "--label", "malignant", "--prevalence", "rare")


@pytest.mark.parametrize("label", [0, 1])
def test_a_table_of_one_class_has_no_prevalence_to_weight_to(refused, model, whole_table, tmp_path, label):
    pd.read_csv(whole_table).assign(malignant=label).to_csv(tmp_path / "t.csv", index=False)
    message = refused("evaluate", model, "t.csv", "--label", "malignant", "--prevalence", 0.01)
    assert f"labels every row {label}; expected rows of both classes" in message


def test_inverted_labels_and_many_alarms_are_said(aetk, model, whole_table, tmp_path):
    frame = pd.read_csv(whole_table)
    frame.assign(malignant=1 - frame.malignant).to_csv(tmp_path / "t.csv", index=False)
    result = aetk("evaluate", model, "t.csv", "--label", "malignant")
    assert "note: Labels: 357 of 569 labelled rows (62.7%) are anomalies" in result.out
    assert f"note: {model}: AUROC is 0.0" in result.out
    assert f"note: {model}: Threshold: 9" in result.out
    document = aetk("evaluate", model, "t.csv", "--label", "malignant", "--json").document
    assert len(document["warnings"]) == 3


def test_a_table_without_a_fault_gets_no_note(aetk, model, whole_table):
    shutil.copy(model, "m.onnx")
    assert aetk("threshold", "m.onnx", "--set", 0.9).code == 0  # which flags few of the table's rows
    result = aetk("evaluate", "m.onnx", whole_table, "--label", "malignant", "--json")
    assert result.document["warnings"] == []
    assert "note:" not in aetk("evaluate", "m.onnx", whole_table, "--label", "malignant").out


def test_columns_that_tell_nothing_are_said_once_for_several_models(
    aetk, model, explaining_model, whole_table, tmp_path
):
    pd.read_csv(whole_table).assign(mean_area=range(569)).to_csv(tmp_path / "t.csv", index=False)
    document = aetk("evaluate", model, explaining_model, "t.csv", "--label", "malignant", "--json").document
    assert sum("'mean_area' goes up by one" in note for note in document["warnings"]) == 1
