"""`aetk threshold`: showing it, and the three ways to set it."""

import numpy as np
import pandas as pd
import pytest

from aetk.contract.threshold import is_anomaly
from aetk.edge.model import card_path
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.verification import verify


@pytest.fixture
def scored(model, whole_table):
    """Similarity and label of every row of the table."""
    rows = pd.read_csv(whole_table)
    return Scorer(model).score(rows).similarity, rows.malignant.to_numpy() == 1


def holds(model):
    """The model verifies, and its card and copy are of one mind."""
    report = verify(model)
    return report.passed and report.card_copy == "current"


def test_without_a_way_it_is_shown_and_nothing_is_written(aetk, model_copy):
    before = model_copy.read_bytes()
    result = aetk("threshold", model_copy, "--json")
    assert result.document["value"] == Scorer(model_copy).threshold
    assert model_copy.read_bytes() == before


@pytest.mark.parametrize("value", ["0.5", "1", "-0.999", "0.9500001"])
def test_a_value_set_by_hand_is_in_force_and_the_model_verifies(aetk, model_copy, value):
    result = aetk("threshold", model_copy, "--set", value, "--json")
    assert result.document["after"]["value"] == float(np.float32(value))
    assert Scorer(model_copy).threshold == float(np.float32(value))
    assert holds(model_copy)


def test_best_f1_takes_the_best_cut_of_the_table(aetk, model_copy, whole_table, scored):
    from sklearn.metrics import f1_score

    result = aetk("threshold", model_copy, "--best-f1", "--data", whole_table, "--label", "malignant", "--json")
    similarity, labels = scored
    quality = [f1_score(labels, is_anomaly(similarity, cut), average="macro") for cut in np.unique(similarity)]
    chosen = result.document["after"]["value"]
    assert f1_score(labels, is_anomaly(similarity, chosen), average="macro") == pytest.approx(max(quality))
    assert chosen not in similarity
    assert holds(model_copy)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
def test_false_alarms_stay_below_the_rate_on_the_ordinary_rows(aetk, model_copy, whole_table, scored, rate):
    result = aetk(
        "threshold", model_copy, "--false-alarms", rate, "--data", whole_table, "--label", "malignant", "--json"
    )
    similarity, labels = scored
    after = result.document["after"]
    assert after["rows"] == int((~labels).sum())
    flagged = is_anomaly(similarity[~labels], after["value"]).mean()
    assert rate - 2 / after["rows"] <= flagged <= rate
    assert holds(model_copy)


def test_rows_that_cannot_be_judged_take_no_part_and_are_counted(aetk, model_copy, whole_table, tmp_path):
    rows = pd.read_csv(whole_table)
    rows.loc[:9, "mean_radius"] = np.nan
    rows.to_csv(tmp_path / "t.csv", index=False)
    result = aetk("threshold", model_copy, "--false-alarms", 0.1, "--data", "t.csv", "--json")
    assert result.document["invalid"] == 10
    assert result.document["after"]["rows"] == len(rows) - 10


def test_the_number_of_rows_is_said_once(aetk, model_copy, whole_table):
    """569 rows of the table; a second count inside the description of the rows contradicts the first."""
    out = aetk("threshold", model_copy, "--false-alarms", 0.1, "--data", whole_table).out
    assert "569 569" not in out
    assert "from 569 " in out


@pytest.mark.parametrize(
    "ways",
    [
        ("--set", 0.5, "--best-f1"),
        ("--set", 0.5, "--false-alarms", 0.1),
        ("--best-f1", "--false-alarms", 0.1),
        ("--undo", "--best-f1"),
    ],
)
def test_two_ways_at_once_are_wrong_usage(refused, model_copy, whole_table, ways):
    assert "Choose one" in refused("threshold", model_copy, *ways, "--data", whole_table, "--label", "malignant")


@pytest.mark.parametrize("options", [("--best-f1",), ("--false-alarms", 0.1), ("--data", "whole.csv")])
def test_calibrating_and_data_need_each_other(refused, model_copy, options):
    assert "--data goes with" in refused("threshold", model_copy, *options)


def test_best_f1_needs_a_label(refused, model_copy, whole_table):
    assert "--label" in refused("threshold", model_copy, "--best-f1", "--data", whole_table)


@pytest.mark.parametrize("value", ["-1", "1.001", "nan", "inf", "-0.99999999"])
def test_a_value_out_of_range_is_refused(refused, model_copy, value):
    assert "expected -1 < threshold <= 1" in refused("threshold", model_copy, "--set", value)


@pytest.mark.parametrize("rate", ["0", "1", "-0.1", "nan"])
def test_a_rate_that_is_none_is_refused_in_the_words_of_its_option(refused, model_copy, whole_table, rate):
    assert "--false-alarms" in refused("threshold", model_copy, "--false-alarms", rate, "--data", whole_table)


def test_too_few_rows_for_the_rate_are_refused_with_the_number_needed(refused, model_copy, whole_table):
    message = refused("threshold", model_copy, "--false-alarms", "0.0001", "--data", whole_table)
    assert "9999 ordinary calibration rows; there are 569" in message.replace(",", "")


def test_a_label_that_is_neither_0_nor_1_is_placed(refused, model_copy, whole_table):
    message = refused("threshold", model_copy, "--best-f1", "--data", whole_table, "--label", "mean_radius")
    assert "whole.csv, line 2, label column 'mean_radius': found 17.99" in message


def test_the_next_command_can_be_pasted(aetk, model, tmp_path):
    spaced = tmp_path / "my model.onnx"
    spaced.write_bytes(model.read_bytes())
    assert f"aetk verify '{spaced}'" in aetk("threshold", spaced).out


def test_undone_as_often_as_it_was_changed_the_model_is_again_what_it_was(aetk, refused, model_copy, whole_table):
    before = model_copy.read_bytes(), card_path(model_copy).read_bytes()
    aetk("threshold", model_copy, "--set", 0.5)
    aetk("threshold", model_copy, "--best-f1", "--data", whole_table, "--label", "malignant")
    found = aetk("inspect", model_copy)
    assert found.out.count("\n  until ") == 2
    assert aetk("inspect", model_copy, "--json").document["card"]["history"][1]["threshold"]["value"] == 0.5
    first = aetk("threshold", model_copy, "--undo", "--json").document
    assert (first["before"]["method"], first["after"]["value"]) == ("best-f1", 0.5)
    result = aetk("threshold", model_copy, "--undo")
    assert result.out.startswith("before: threshold 0.5 by fixed:0.5\nnow:    threshold 0.99")
    assert (model_copy.read_bytes(), card_path(model_copy).read_bytes()) == before
    assert "keeps no earlier threshold; there is nothing to undo" in refused("threshold", model_copy, "--undo")


def test_a_dry_run_shows_both_and_names_no_file_that_was_written(aetk, model_copy, whole_table):
    before = model_copy.read_bytes()
    result = aetk("threshold", model_copy, "--false-alarms", 0.1, "--data", whole_table, "--dry-run")
    assert "\nthen:   threshold " in result.out
    assert result.out.endswith("Nothing was written: this was a dry run.\n")
    assert aetk("threshold", model_copy, "--set", 0.5, "--dry-run", "--json").document["out"] is None
    assert model_copy.read_bytes() == before


def test_another_file_is_written_and_named(aetk, model_copy, tmp_path):
    before = model_copy.read_bytes()
    result = aetk("threshold", model_copy, "--set", 0.5, "--out", "tuned/other.onnx")
    assert "wrote: tuned/other.onnx and tuned/other.card.json\nnext:  aetk verify tuned/other.onnx\n" in result.out
    assert holds(tmp_path / "tuned/other.onnx")
    assert model_copy.read_bytes() == before


@pytest.mark.parametrize("options", [("--out", "other.onnx"), ("--dry-run",), ("--sign-key", "private.pem")])
def test_an_option_of_writing_goes_with_a_way_to_set_it(refused, model_copy, options):
    assert "goes with one of --set, --false-alarms, --best-f1 and --undo" in refused("threshold", model_copy, *options)


def test_another_file_needs_a_models_name(refused, model_copy):
    message = refused("threshold", model_copy, "--set", 0.5, "--out", "other.json")
    assert "other.json does not end in .onnx" in message
