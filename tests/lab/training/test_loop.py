import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from aetk.base.errors import CheckFailed
from aetk.cli.main import run
from aetk.lab.presets import RECIPES
from aetk.lab.runs import read_history, read_run
from aetk.lab.training import loop as fitting
from aetk.lab.training.batches import steps_per_epoch
from aetk.lab.training.checkpoint import read_checkpoint
from aetk.lab.training.loop import fit
from aetk.lab.training.trainer import train

from .fitting import SHAPES, bits, make_job, one_thread, table

QUICK = {"epochs": 12, "device": "cpu", "progress": False}


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def weights(run):
    return (run / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits_again_and_in_a_fresh_process(tmp_path):
    first, second = (train(out=tmp_path / name, **QUICK).run for name in "ab")
    command = [sys.executable, "-m", "aetk", "train", "--epochs", "12", "--device", "cpu", "--out", "c"]
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True)
    assert weights(first) == weights(second) == weights(tmp_path / "c")
    assert read_history(first) == read_history(second) == read_history(tmp_path / "c")


def test_another_seed_gives_other_weights(tmp_path):
    assert weights(train(seed=1, out=tmp_path / "a", **QUICK).run) != weights(
        train(seed=2, out=tmp_path / "b", **QUICK).run
    )


def test_training_leaves_the_callers_random_state_and_determinism_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(out=tmp_path / "a", **QUICK)
    assert torch.equal(torch.rand(3), expected)
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.parametrize(
    ("rows", "sizes"),
    [(96, [32, 32, 32]), (97, [32, 32, 33]), (98, [32, 32, 32, 2]), (33, [33]), (20, [20])],
)
def test_a_last_batch_of_one_row_joins_the_one_before(tmp_path, rows, sizes):
    job = make_job(tmp_path, rows=table(rows), steps=len(sizes), evaluate_every=1000)
    seen = []
    job.networks.register_forward_pre_hook(
        lambda network, inputs: seen.append(len(inputs[0])) if network.training else None
    )
    fit(job)
    assert seen == sizes
    assert steps_per_epoch(rows, job.recipe) == len(sizes)


def test_every_row_is_seen_once_an_epoch(tmp_path):
    rows = torch.arange(97.0).repeat(4, 1).T.contiguous()
    job = make_job(tmp_path, rows=rows, steps=6, evaluate_every=1000, swap_noise=(0.0,))
    seen = []
    job.networks.register_forward_pre_hook(
        lambda network, inputs: seen.append(inputs[0][:, 0]) if network.training else None
    )
    fit(job)
    epochs = torch.cat(seen).reshape(2, 97)
    assert torch.equal(epochs.sort(dim=1).values, rows[:, 0].repeat(2, 1))
    assert not torch.equal(epochs[0], epochs[1])


def scripted(scores):
    """A score function that reads its answers from a list, and the networks it was shown."""
    answers, shown = iter(scores), []

    def score(network):
        shown.append(bits(network))
        return next(answers)

    return score, shown


def test_patience_ends_training_after_so_many_evaluations_without_improvement(tmp_path):
    score, shown = scripted([1.0, 3.0, 2.0, 3.0, 1.0, 9.0])
    job = make_job(tmp_path, score=score, steps=100, evaluate_every=5, patience=3)
    progress = fit(job)
    assert (progress.step, progress.best_step, progress.best_score) == (25, 10, 3.0)
    assert [line.score for line in progress.history] == [1.0, 3.0, 2.0, 3.0, 1.0]
    assert bits(job.networks) == shown[1]


def test_without_patience_all_steps_are_done_and_the_best_weights_kept(tmp_path):
    score, shown = scripted([1.0, 3.0, 2.0, 0.5])
    job = make_job(tmp_path, score=score, steps=20, evaluate_every=5, patience=None)
    progress = fit(job)
    assert (progress.step, progress.best_step) == (20, 10)
    assert bits(job.networks) == shown[1] != shown[3]
    assert not job.networks.training


@pytest.mark.parametrize("recipe", ["default", "reference"])
def test_the_final_network_scores_what_the_history_calls_best(tmp_path, recipe):
    job = make_job(tmp_path, recipe=recipe, steps=60, learning_rate=0.1)
    progress = fit(job)
    best = max(progress.history, key=lambda line: line.score)
    assert job.score(job.networks) == progress.best_score == best.score
    assert progress.best_step == best.step


def test_a_score_that_stalls_halves_the_reference_learning_rate(tmp_path):
    score, _ = scripted([1.0] * 24)
    progress = fit(make_job(tmp_path, recipe="reference", score=score, steps=24, batch_rows=100))
    rates = [line.learning_rate for line in progress.history]
    assert rates == [0.01] * 12 + [0.005] * 11 + [0.0025]


def test_the_default_learning_rate_rises_to_its_peak_and_falls_to_nothing(tmp_path):
    progress = fit(make_job(tmp_path, steps=100, evaluate_every=1, patience=None))
    rates = [line.learning_rate for line in progress.history]
    assert max(rates) == pytest.approx(RECIPES["default"].learning_rate, rel=1e-3)
    assert rates[0] < max(rates) / 10
    assert rates[-1] < max(rates) / 10_000


def test_a_loss_that_is_not_finite_names_epoch_batch_and_column_and_keeps_the_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "_SAVE_EVERY", 0.0)
    job = make_job(tmp_path, recipe="reference", steps=40, shapes=SHAPES[:1])
    kept = {}

    def spoil_the_seventh(network, inputs):
        if network.training and len(kept) < 7:
            kept[len(kept)] = job.checkpoint.read_bytes() if job.checkpoint.exists() else None
        elif network.training:
            kept["last"] = job.checkpoint.read_bytes()
            spoiled = inputs[0].clone()
            spoiled[3, 2] = torch.inf
            inputs[0].copy_(spoiled)

    monkeypatch.setattr(torch.nn.Sequential, "forward", _with(spoil_the_seventh))
    with pytest.raises(CheckFailed, match=r"epoch 2, batch 4; columns at fault: c\b") as caught:
        fit(job)
    assert caught.value.exit_code == 1
    assert job.checkpoint.read_bytes() == kept["last"]
    assert read_checkpoint(job.checkpoint).progress.step == 7


def _with(before):
    forward = torch.nn.Sequential.forward

    def wrapped(self, rows):
        before(self, (rows,))
        return forward(self, rows)

    return wrapped


def huge(tmp_path, values):
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(200, 4)), columns=list("abcd"))
    frame["c"] = values(random)
    frame.to_csv(tmp_path / "huge.csv", index=False)
    return str(tmp_path / "huge.csv")


def test_raw_values_that_overflow_the_loss_stop_the_command_with_exit_1_and_no_run(tmp_path, capsys):
    data = huge(tmp_path, lambda random: random.uniform(1e38, 3e38, 200))
    out = tmp_path / "R"
    assert run(["train", data, "--recipe", "reference", "--epochs", "5", "--out", str(out)]) == 1
    message = capsys.readouterr().err
    assert "epoch 1, batch 1" in message
    assert "columns at fault: c" in message
    assert not (out / "run.json").exists()


def test_only_columns_at_fault_are_named(tmp_path, capsys):
    data = huge(tmp_path, lambda random: random.uniform(1e38, 3e38, 200))
    run(["train", data, "--recipe", "reference", "--epochs", "5", "--out", str(tmp_path / "R")])
    assert "columns at fault: c." in capsys.readouterr().err  # the others are of size 1


def test_a_network_that_overflows_while_the_loss_is_finite_names_the_column_and_is_never_saved(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(fitting, "_SAVE_EVERY", 0.0)

    def one_huge(random):
        column = random.normal(size=200)
        column[100] = 3e38
        return column

    data, out = huge(tmp_path, one_huge), tmp_path / "R"
    assert run(["train", data, "--recipe", "reference", "--epochs", "8", "--out", str(out)]) == 1
    saved = read_checkpoint(out / "checkpoint.safetensors").tensors if any(out.iterdir()) else {}
    spoiled = [name for name, t in saved.items() if t.is_floating_point() and not t.isfinite().all()]
    assert spoiled == []
    assert "at fault: c" in capsys.readouterr().err


def test_the_same_values_train_with_scaling(tmp_path):
    data = huge(tmp_path, lambda random: random.uniform(1e28, 3e28, 200))
    assert run(["train", data, "--epochs", "5", "--out", str(tmp_path / "R")]) == 0
    read_run(tmp_path / "R")
