"""Going on with an interrupted fit, step by step and from the command line, in this process."""

import random
import shutil
import signal
from dataclasses import astuple

import numpy as np
import pandas as pd
import pytest

from aetk.base.errors import Interrupted
from aetk.cli.main import run
from aetk.lab.runs import read_record
from aetk.lab.training import fitting, loop
from aetk.lab.training.checkpoint import read_checkpoint
from aetk.lab.training.loop import fit

from .fitting import SHAPES, bar_maker, bits, make_job, one_thread

ONE_CYCLE = {"recipe": "default", "steps": 24, "evaluate_every": 3, "patience": None}
PLATEAU = {"recipe": "reference", "steps": 60, "batch_rows": 64, "learning_rate": 0.3, "shapes": SHAPES[:1]}


@pytest.fixture(autouse=True)
def _one_thread():
    with one_thread():
        yield


def history(progress):
    return [astuple(line) for line in progress.history]


def interrupted(folder, at, resume=None, number=signal.SIGINT, **options):
    with pytest.raises(Interrupted) as caught:
        fit(make_job(folder, at=at, number=number, **options), resume)
    assert caught.value.exit_code == 128 + number
    saved = read_checkpoint(folder / "checkpoint.safetensors")
    assert saved.progress.step == at
    return saved


def assert_goes_on_as_if_never_stopped(folder, stops, **options):
    whole = make_job(folder, **options)
    expected = fit(whole)
    saved = None
    for at in stops:
        saved = interrupted(folder, at, saved, **options)
    rest = make_job(folder, **options)
    progress = fit(rest, saved)
    assert bits(rest.networks) == bits(whole.networks), f"stopped after {stops}"
    assert history(progress) == history(expected), f"stopped after {stops}"
    assert (progress.best_step, progress.best_score) == (expected.best_step, expected.best_score)


def test_a_one_cycle_fit_goes_on_bit_for_bit_from_every_step(tmp_path):
    """Four steps an epoch, an evaluation every third: all ways to fall between the two, and together."""
    for at in range(1, 24):
        assert_goes_on_as_if_never_stopped(tmp_path, [at], **ONE_CYCLE)


def test_a_plateau_fit_goes_on_bit_for_bit_from_steps_within_and_at_the_end_of_epochs(tmp_path):
    rates = [line.learning_rate for line in fit(make_job(tmp_path, **PLATEAU)).history]
    assert len(set(rates)) > 1, "the schedule never changed, so this test would prove nothing of it"
    for at in [1, 2, 3, 30, 31, 58, 59, *random.Random(41).sample(range(4, 58), 8)]:
        assert_goes_on_as_if_never_stopped(tmp_path, [at], **PLATEAU)


@pytest.mark.parametrize("options", [ONE_CYCLE, PLATEAU], ids=["one-cycle", "plateau"])
def test_many_interruptions_change_nothing(tmp_path, options):
    assert_goes_on_as_if_never_stopped(tmp_path, [2, 3, 4, 8, 12, 13, 23], **options)


def test_sigterm_is_told_from_ctrl_c(tmp_path):
    interrupted(tmp_path, 5, number=signal.SIGTERM, **ONE_CYCLE)


def test_a_signal_in_the_last_step_lets_the_fit_end(tmp_path):
    assert fit(make_job(tmp_path, at=24, **ONE_CYCLE)).step == 24


@pytest.mark.parametrize(
    "options", [ONE_CYCLE, {**ONE_CYCLE, "steps": 200, "learning_rate": 0.1, "patience": 2}], ids=["steps", "patience"]
)
def test_a_fit_that_was_over_when_it_was_saved_does_not_train_on(tmp_path, monkeypatch, options):
    monkeypatch.setattr(loop, "_SAVE_EVERY", 0.0)
    job = make_job(tmp_path, **options)
    expected = fit(job)
    assert expected.step == 24 if options is ONE_CYCLE else 24 < expected.step < 200
    rest = make_job(tmp_path, **options)
    progress = fit(rest, read_checkpoint(rest.checkpoint))
    assert history(progress) == history(expected)
    assert bits(rest.networks) == bits(job.networks)


def test_seconds_add_up_over_all_sittings(tmp_path):
    saved = interrupted(tmp_path, 12, **ONE_CYCLE)
    before = saved.progress.seconds
    assert fit(make_job(tmp_path, **ONE_CYCLE), saved).seconds > before > 0


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder with `rows.csv`, 300 rows of 4 columns."""
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(5).normal(size=(300, 4))
    pd.DataFrame(rows, columns=list("abcd")).to_csv("rows.csv", index=False)
    return tmp_path


@pytest.fixture
def stop_at(monkeypatch):
    """A function that lets the next training from the command line meet Ctrl-C at a step; None for never again."""
    return lambda step: monkeypatch.setattr(fitting, "progress_bar", lambda progress: bar_maker(step))


@pytest.fixture
def stopped(here, stop_at, capsys):
    """`R`, a run on rows.csv that was interrupted after 9 of 30 steps."""
    stop_at(9)
    assert run(["train", "rows.csv", "--epochs", "30", "--out", "R"]) == 130
    stop_at(None)
    assert "Go on with: aetk train rows.csv --resume --out R" in capsys.readouterr().err
    return here / "R"


def test_the_command_goes_on_with_the_options_of_the_run(stopped):
    assert run(["train", "--resume", "--out", "R"]) == 0
    record = read_record(stopped)
    assert (record["steps"], record["training_data"]["source"]) == (30, "rows.csv")
    assert not (stopped / "checkpoint.safetensors").exists()


def assert_refused(capsys, folder, arguments, *words):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run(["train", *arguments]) == 2
    message = capsys.readouterr().err
    assert all(word in message for word in words), message
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--seed", "7"], ["seed 41", "7"]),
        (["--epochs", "31"], ["epochs 30", "31"]),
        (["--recipe", "reference"], ["'default'", "'reference'"]),
        (["--set", "kappa=1"], ["the recipe's kappa 3.0", "not 1.0"]),
        (["--drop", "a"], ["drop", "'a'"]),
    ],
)
def test_an_option_against_those_of_the_run_is_refused(stopped, capsys, option, words):
    assert_refused(capsys, stopped, [*option, "--resume", "--out", "R"], *words)


def test_a_table_that_was_moved_is_known_by_its_content(stopped):
    shutil.move("rows.csv", "moved.csv")
    assert run(["train", "moved.csv", "--resume", "--out", "R"]) == 0


def test_options_equal_to_those_of_the_run_are_welcome(stopped):
    assert run(["train", "rows.csv", "--seed", "41", "--epochs", "30", "--resume", "--out", "R"]) == 0


def test_data_that_changed_since_is_refused(stopped, here, capsys):
    rows = pd.read_csv("rows.csv")
    rows.loc[7, "b"] += 0.5
    rows.to_csv("rows.csv", index=False)
    assert_refused(capsys, stopped, ["--resume", "--out", "R"], "data is not what the interrupted run was trained on")


def test_nothing_to_go_on_with_is_said(here, capsys):
    assert_refused(capsys, here, ["--resume"], "no interrupted run under runs/", "aetk train")


def test_a_finished_run_is_neither_gone_on_with_nor_overwritten(stopped, capsys):
    assert run(["train", "--resume", "--out", "R"]) == 0
    for arguments in (["--resume", "--out", "R"], ["rows.csv", "--out", "R"]):
        assert_refused(capsys, stopped, arguments, "R already holds a finished run")


def test_a_damaged_checkpoint_is_refused_with_the_way_out(stopped, capsys):
    file = stopped / "checkpoint.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert_refused(capsys, stopped, ["--resume", "--out", "R"], "is not a checkpoint", "Delete it")


def test_a_folder_that_was_left_before_the_first_checkpoint_is_started_afresh(here):
    (here / "R").mkdir()
    options = ["rows.csv", "--epochs", "30"]
    assert run(["train", *options, "--resume", "--out", "R"]) == 0
    assert run(["train", *options, "--out", "whole"]) == 0
    assert (here / "R/model.safetensors").read_bytes() == (here / "whole/model.safetensors").read_bytes()


def test_without_a_folder_the_newest_interrupted_run_is_gone_on_with(here, stop_at):
    stop_at(9)
    assert run(["train", "rows.csv", "--epochs", "20"]) == 130
    assert run(["train", "rows.csv", "--epochs", "30"]) == 130
    stop_at(None)
    assert run(["train", "--resume"]) == 0
    assert read_record(here / "runs/rows-2")["steps"] == 30
    assert run(["train", "--resume"]) == 0
    assert read_record(here / "runs/rows-1")["steps"] == 20


def test_a_checkpoint_left_in_a_finished_run_does_not_hide_an_interrupted_one(here, stop_at):
    """As after a kill between the renaming of run.json and the removal of the checkpoint."""
    stop_at(9)
    assert run(["train", "rows.csv", "--epochs", "20"]) == 130
    assert run(["train", "rows.csv", "--epochs", "30"]) == 130
    stop_at(None)
    left = (here / "runs/rows-2/checkpoint.safetensors").read_bytes()
    assert run(["train", "--resume"]) == 0
    (here / "runs/rows-2/checkpoint.safetensors").write_bytes(left)
    assert run(["train", "--resume"]) == 0
    assert read_record(here / "runs/rows-1")["steps"] == 20


def test_a_run_killed_in_its_first_step_does_not_go_on_with_other_data(here, monkeypatch):
    """Without a checkpoint nothing tells what the run was; the built-in table is not an answer to rows.csv."""

    def die(*_):
        raise SystemExit(137)

    with monkeypatch.context() as patch:
        patch.setattr(loop._Loop, "_step", die)
        with pytest.raises(SystemExit):
            run(["train", "rows.csv", "--epochs", "30", "--out", "R"])
    assert (here / "R" / "checkpoint.safetensors").exists()  # of step 0: options and data are known from then on
    assert run(["train", "--resume", "--out", "R"]) == 0
    assert read_record(here / "R")["training_data"]["source"] == "rows.csv"
    (here / "S").mkdir()
    assert run(["train", "--resume", "--out", "S"]) == 2
