"""What `aetk train` says of options that it cannot use."""

import pandas as pd
import pytest
import torch

from aetk.lab.training import fitting

from .conftest import QUICK


@pytest.fixture
def no_training(monkeypatch):
    """Makes the training loop fail the test: whatever is wrong has to be found before."""

    def fit(*_):
        raise AssertionError("training was started")

    monkeypatch.setattr(fitting, "fit", fit)


@pytest.mark.parametrize("epochs", [0, -3])
def test_epochs_have_to_be_positive(refused, table, epochs):
    assert "epochs" in refused("train", table, "--epochs", epochs)


@pytest.mark.parametrize("seed", [-1, 2**70])
def test_a_seed_out_of_range_is_refused(refused, table, seed):
    assert "seed" in refused("train", table, "--seed", seed, *QUICK)


@pytest.mark.parametrize(
    "method",
    [
        "", "f1", "fixed", "fixed:", "fixed:high", "fixed:2", "fixed:-1", "fixed:nan",
        "conformal:0", "conformal:1", "conformal:nan",
    ],
)  # fmt: skip
def test_a_threshold_method_that_makes_no_sense_is_refused(refused, no_training, table, method):
    assert "threshold" in refused("train", table, "--threshold", method)


@pytest.mark.parametrize(("rate", "needed"), [("0.0001", "9999"), ("0.001", "999")])
def test_a_false_alarm_rate_that_the_rows_cannot_support_is_refused_before_training(
    refused, no_training, table, rate, needed
):
    message = refused("train", table, "--threshold", f"conformal:{rate}")
    assert f"needs at least {needed} ordinary calibration rows; there are 50" in message.replace(",", "")


def test_a_false_alarm_rate_next_to_nothing_is_refused(refused, no_training, table):
    assert "at least 1e-9" in refused("train", table, "--threshold", "conformal:1e-320")


@pytest.mark.parametrize("rows", [24, 28, 36, 200])
def test_the_false_alarm_rate_that_a_refusal_offers_is_accepted(aetk, frame, tmp_path, rows):
    frame[:rows].to_csv(tmp_path / "t.csv", index=False)
    refusal = aetk("train", "t.csv", "--threshold", "conformal:0.0001")
    assert refusal.code == 2
    rate = refusal.err.split("ask for a rate of ")[1].split(" or more")[0]
    assert aetk("train", "t.csv", "--threshold", f"conformal:{rate}", *QUICK).code == 0


@pytest.mark.parametrize("label", [(), ("--label", "malignant")])
def test_best_f1_needs_rows_of_both_classes(refused, no_training, frame, tmp_path, label):
    frame.assign(malignant=0).to_csv(tmp_path / "t.csv", index=False)
    assert "best-f1 needs rows labelled 0" in refused("train", "t.csv", "--threshold", "best-f1", *label)


def test_reference_selection_without_enough_ordinary_validation_rows_is_refused_before_training(
    refused, no_training, table, frame, tmp_path
):
    """Half of the ordinary validation rows choose the weights, and of a single row there is no half."""
    few = pd.concat([frame[frame.malignant == 0][:1], frame[frame.malignant == 1][:3]])
    few.to_csv(tmp_path / "val.csv", index=False)
    refused(
        "train", table, "--val", "val.csv", "--label", "malignant", "--recipe", "reference", "--threshold", "best-f1"
    )


@pytest.mark.parametrize("option", [("--val", "cells.csv"), ("--label", "malignant"), ("--drop", "radius")])
def test_options_about_data_need_data(refused, table, option):
    assert "need data of your own" in refused("train", *option)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_ends_with_3_and_leaves_no_run_folder(refused, table, device):
    if {"cuda": torch.cuda, "mps": torch.backends.mps}[device].is_available():
        pytest.skip(f"there is a {device} device here")
    assert device in refused("train", table, "--device", device, code=3)


def test_a_finished_run_is_never_overwritten(aetk, refused, table):
    assert aetk("train", table, "--label", "malignant", *QUICK, "--out", "run").code == 0
    assert "already holds a finished run" in refused("train", table, "--out", "run")


def test_a_file_cannot_be_the_run_folder(refused, table):
    assert "cells.csv" in refused("train", table, "--out", table)


def test_there_has_to_be_a_run_to_resume(refused):
    assert "no interrupted run under runs/" in refused("train", "--resume")


def test_a_folder_that_does_not_exist_cannot_be_resumed(refused, no_training):
    assert "absent" in refused("train", "--resume", "--out", "absent")


@pytest.mark.parametrize("option", [("--missing", "mean"), ("--device", "tpu"), ("--epochs", "x")])
def test_a_word_that_an_option_does_not_know_is_refused(refused, table, option):
    assert option[0] in refused("train", table, *option)


def test_an_unknown_recipe_is_refused_with_those_that_exist(refused, no_training, table):
    assert "default, reference, small, or a .toml file" in refused("train", table, "--recipe", "best")


@pytest.mark.parametrize(
    ("setting", "part"),
    [("kappa", "KEY=VALUE"), ("kapa=1", "'kapa'"), ("kappa=-1", "kappa is -1"), ("networks=[[]", "networks")],
)
def test_a_setting_that_no_recipe_can_have_is_refused(refused, no_training, table, setting, part):
    assert part in refused("train", table, "--set", setting)


def test_a_recipe_that_is_no_toml_is_refused(refused, no_training, table, tmp_path):
    (tmp_path / "r.toml").write_text("kappa = ")
    assert "not TOML" in refused("train", table, "--recipe", "r.toml")


def test_a_recipe_of_ones_own_shows_from_training_to_the_model(aetk, table, tmp_path):
    (tmp_path / "tiny.toml").write_text('base = "small"\nnetworks = [[8]]\n')
    trained = aetk("train", table, "--recipe", "tiny.toml", "--set", "kappa=1.5", "--epochs", "1", "--out", "R")
    assert trained.code == 0
    assert "recipe tiny" in trained.out
    assert aetk("export", "R", "--onnx", "--out", "m.onnx").code == 0
    shown = aetk("inspect", "m.onnx").out
    assert "recipe: tiny; " in shown
    assert "kappa 1.5; networks [[8]]; memory 32; " in shown
