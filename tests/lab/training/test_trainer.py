"""From a table to a run: reproducible, honest about its rows, and stopped by a loss that is not finite."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cosine_similarity

from aetk.base.errors import BadInput, CheckFailed, Interrupted
from aetk.contract.threshold import is_anomaly
from aetk.lab import runs
from aetk.lab.data.dataset import load_dataset
from aetk.lab.metrics import measure
from aetk.lab.training import fitting
from aetk.lab.training.trainer import train

QUICK = {"epochs": 2, "device": "cpu", "progress": False}


def state(report):
    return runs.read_run(report.run).detector.state_dict()


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="session")
def fraud(creditcard):
    """The card-fraud tables as data frames without their identifier."""
    return tuple(pd.read_csv(creditcard / f"{name}.csv").drop(columns="ID") for name in ("train", "val"))


@pytest.fixture(scope="session")
def reference(fraud, tmp_path_factory):
    """A short run of the reference recipe on card fraud."""
    rows, validation = fraud
    out = tmp_path_factory.mktemp("runs") / "reference"
    return train(rows, validation=validation, label="Class", recipe="reference", out=out, **(QUICK | {"epochs": 8}))


def test_the_same_seed_gives_the_same_model_bit_for_bit_and_another_seed_another(tmp_path):
    one, again, other = (
        train(seed=seed, out=tmp_path / name, **QUICK) for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert same(state(one), state(again))
    assert not same(state(one), state(other))
    assert one.threshold == again.threshold


def test_the_callers_random_numbers_are_left_alone(tmp_path):
    before = torch.get_rng_state()
    train(out=tmp_path / "run", **QUICK)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_data_frame_trains_as_the_file_it_came_from(creditcard, fraud, tmp_path):
    frame = train(fraud[1], label="Class", out=tmp_path / "frame", **QUICK)
    file = train(creditcard / "val.csv", label="Class", drop=["ID"], out=tmp_path / "file", **QUICK)
    assert same(state(frame), state(file))
    fingerprints = [runs.read_record(r.run)["training_data"]["fingerprint"] for r in (frame, file)]
    assert fingerprints[0] == fingerprints[1]


def test_the_reference_decides_by_the_plain_cosine_of_the_raw_row_at_0_95(fraud, reference):
    detector = runs.read_run(reference.run).detector
    rows = torch.from_numpy(fraud[1].drop(columns="Class").to_numpy(np.float32))
    with torch.no_grad():
        similarity, anomaly, _ = detector(rows)
        expected = cosine_similarity(rows, detector.networks(rows)[:, 0], dim=1, eps=1e-6)
    assert torch.allclose(similarity, expected, rtol=0, atol=1e-6)
    assert np.array_equal(anomaly.numpy(), is_anomaly(similarity.numpy(), 0.95))
    assert reference.threshold.value == np.float32(0.95)


def test_the_reference_keeps_the_epoch_of_the_best_macro_f1(reference):
    history = runs.read_history(reference.run)
    assert len(history) == 8
    best = max(history, key=lambda line: line["score"])
    assert reference.best_step == best["step"]
    assert reference.metrics.macro_f1 == pytest.approx(best["score"], abs=1e-3)


def test_the_report_is_about_the_calibration_rows(reference, fraud):
    labels = fraud[1].Class.to_numpy() == 1
    assert reference.metrics == measure(reference.calibration_similarity, labels, reference.threshold.value)
    ordinary = reference.calibration_similarity[~labels]
    flagged = int(is_anomaly(ordinary, 0.95).sum())
    assert reference.threshold.alarms.expected == pytest.approx(1000 * (flagged + 0.5) / (len(ordinary) + 1))


def test_standard_scaling_centres_and_scales_the_rows_that_training_saw(fraud, tmp_path):
    report = train(fraud[0], out=tmp_path / "run", **QUICK)
    detector = runs.read_run(report.run).detector
    rows = fraud[0].to_numpy()
    assert np.allclose(detector.center.numpy(), rows.mean(0), atol=0.1)
    assert np.allclose(1 / detector.inverse_scale.numpy(), rows.std(0), rtol=0.2)
    assert report.rows < len(rows)


def test_a_constant_column_is_centred_and_not_blown_up(fraud, tmp_path):
    report = train(fraud[0].assign(site=7.0), out=tmp_path / "run", **QUICK)
    detector = runs.read_run(report.run).detector
    assert (detector.center[-1], detector.inverse_scale[-1]) == (7, 1)


def test_the_conformal_default_is_the_smallest_rate_that_the_rows_allow(fraud, tmp_path):
    report = train(fraud[0], out=tmp_path / "run", **QUICK)
    rows = report.threshold.rows
    assert report.threshold.target == pytest.approx(1 / (rows + 1))
    assert not is_anomaly(report.calibration_similarity, report.threshold.value).any()
    assert report.threshold.value not in report.calibration_similarity


def test_a_loss_that_is_not_finite_stops_with_the_epoch_the_batch_and_the_column(fraud, tmp_path):
    """Raw values of 1e37 overflow the first layer's batch statistics; the reference met this as silent NaN."""
    rows = fraud[0].assign(V7=fraud[0].V7 * 1e37)
    with pytest.raises(CheckFailed, match=r"not finite in epoch \d+, batch \d+; columns at fault: V7") as error:
        train(rows, recipe="reference", out=tmp_path / "run", **QUICK)
    assert error.value.exit_code == 1
    assert not runs.is_finished(tmp_path / "run")


def test_values_beyond_the_bound_of_the_clipping_are_said(fraud, tmp_path):
    """Without scaling, large values lie beyond the bound, so that the cosine is not of the raw row."""
    report = train(
        fraud[0].assign(clock=np.random.default_rng(0).normal(1.7e9, 1e8, len(fraud[0]))),
        recipe="reference",
        out=tmp_path / "run",
        **QUICK,
    )
    bound = runs.read_run(report.run).detector.bound
    assert bound < 1.7e9
    assert any("'clock'" in warning and f"{bound:g}" in warning for warning in report.warnings)


def test_the_record_counts_every_row_once(tmp_path):
    report = train(out=tmp_path / "run", **QUICK)
    counts = runs.read_record(report.run)["training_data"]
    dataset = load_dataset(None)
    assert counts["fit_rows"] + counts["selection_rows"] + counts["calibration_rows"] == len(dataset.rows)
    assert counts["fingerprint"] == dataset.fingerprint


@pytest.mark.parametrize(
    ("name", "value"), [("missing", "mean"), ("recipe", "best"), ("device", "tpu"), ("epochs", 0), ("seed", -1)]
)
def test_an_option_out_of_range_is_refused_and_leaves_no_folder(tmp_path, name, value):
    with pytest.raises(BadInput, match=str(value)):
        train(out=tmp_path / "run", **(QUICK | {name: value}))
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_says_how_to_go_on(tmp_path, monkeypatch):
    def fit(job, saved):
        raise Interrupted("Stopped after step 3 of 9.", 2)

    monkeypatch.setattr(fitting, "fit", fit)
    with pytest.raises(Interrupted) as error:
        train(out=tmp_path / "my run", **QUICK)
    assert error.value.exit_code == 130
    assert f"aetk train --resume --out '{tmp_path}/my run'" in error.value.hint
