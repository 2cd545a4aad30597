"""What is settled before the first step: data, parts, threshold method, device, folder, and preprocessing."""

import functools

import numpy as np
import pytest
import torch

from aetk.base.errors import BadInput
from aetk.contract.threshold import Method, parse_method
from aetk.lab import runs
from aetk.lab.presets import RECIPES
from aetk.lab.training.checkpoint import Checkpoint, Progress
from aetk.lab.training.distributed.group import ALONE
from aetk.lab.training.fitting import fit_preprocessing
from aetk.lab.training.options import Options
from aetk.lab.training.plan import choose_method

from .planned import ANOMALIES, ROWS, make, small_table


@pytest.fixture
def frame():
    return small_table()


@pytest.fixture
def planned(tmp_path):
    """A function that plans a run on that table in `tmp_path/run`; see `planned.make`."""
    return functools.partial(make, tmp_path / "run")


def test_a_plan_holds_the_checked_data_in_disjoint_parts(planned, frame, tmp_path):
    plan = planned()
    assert plan.dataset.features == ("a", "b")
    assert plan.options.fingerprint == plan.dataset.fingerprint
    assert (plan.folder, plan.folder.is_dir()) == (tmp_path / "run", True)
    assert (plan.device, plan.stream) == (torch.device("cpu"), None)
    assert plan.fit_rows == len(plan.parts.fit) == 68  # of 100 ordinary rows 25 calibrate, and a tenth of the rest
    found = np.concatenate([plan.parts.fit, plan.parts.selection, plan.parts.calibration])
    assert sorted(map(tuple, found)) == sorted(map(tuple, frame[["a", "b"]].to_numpy()))


@pytest.mark.parametrize(
    ("asked", "recipe", "labels", "expected"),
    [
        (None, "default", [True, False], Method("best-f1")),
        (None, "default", [False, False], Method("conformal")),
        (None, "default", [True, True], Method("conformal")),
        (None, "default", None, Method("conformal")),
        (None, "reference", None, parse_method("fixed:0.95")),
        ("conformal:0.1", "reference", [True, False], Method("conformal", 0.1)),
    ],
)
def test_the_threshold_method_is_the_one_asked_for_else_the_recipes_else_what_the_labels_allow(
    asked, recipe, labels, expected
):
    known = None if labels is None else np.array(labels)
    assert choose_method(RECIPES[recipe], Options(threshold=asked), known) == expected


def test_validation_rows_calibrate_in_place_of_rows_held_back(planned, frame):
    plan = planned(data=frame[ANOMALIES:].drop(columns="y"), validation=frame)
    assert plan.fit_rows == 90
    assert len(plan.parts.calibration) == ROWS
    assert plan.parts.basis == "validation rows"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threshold": "conformal:1e-6"}, "needs at least 999999 ordinary calibration rows"),
        ({"drop": ("gone",)}, "has no column 'gone'"),
        ({"epochs": 0}, "--epochs is 0"),
        ({"device": "tpu"}, "No device is called 'tpu'"),
    ],
)
def test_what_cannot_be_met_is_refused_and_leaves_no_folder(planned, tmp_path, changes, words):
    with pytest.raises(BadInput, match=words):
        planned(**changes)
    assert not (tmp_path / "run").exists()


def test_a_fit_goes_on_with_the_data_that_it_began_with(planned, frame):
    saved = Checkpoint(planned().options, Progress(), {})
    assert planned(saved=saved).options == saved.options
    with pytest.raises(BadInput, match="not what the interrupted run was trained on"):
        planned(data=frame.assign(a=frame.a + 1), saved=saved)


def test_a_person_is_told_of_an_interrupted_run_that_is_started_over(planned, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / runs.CHECKPOINT).touch()
    assert any("is started over; --resume" in words for words in planned().dataset.warnings)


def test_a_person_is_told_of_trimmed_rows_and_of_a_threshold_without_labelled_anomalies(planned, frame):
    recipe = RECIPES["default"].to_data() | {"trim": 0.1}
    told = " ".join(planned(data=frame.drop(columns="y"), label=None, recipe=recipe).dataset.warnings)
    assert "The 9 rows that look least like the others are left out of training (trim)." in told
    assert "THRESHOLD: without labelled anomalies it is conformal" in told
    assert "that 30 rows allow, 0.0323." in told


@pytest.mark.parametrize("missing", ["reject", "median"])
def test_preprocessing_is_fitted_to_the_rows_to_fit_on_alone(planned, frame, missing):
    holes = frame.assign(a=frame.a.where(frame.index % 3 > 0)) if missing == "median" else frame
    plan = planned(data=holes, missing=missing)
    found = fit_preprocessing(plan, ALONE)
    medians = np.nanmedian(plan.parts.fit, axis=0)
    assert found.imputes is (missing == "median")
    assert np.allclose(found.fill.numpy(), medians)
    rows = np.where(np.isnan(plan.parts.fit), medians, plan.parts.fit)
    assert np.allclose(found.center.numpy(), rows.mean(0))
    assert np.allclose(1 / found.inverse_scale.numpy(), rows.std(0))
