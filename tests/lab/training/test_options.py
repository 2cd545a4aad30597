"""The options of a run, and what a checkpoint keeps of them."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from aetk.base.errors import BadInput
from aetk.lab.presets import RECIPES
from aetk.lab.runs import CHECKPOINT
from aetk.lab.training.checkpoint import Checkpoint, Progress, read_checkpoint, write_checkpoint
from aetk.lab.training.options import (
    FRAME,
    Options,
    check_world,
    find_folder,
    merge,
    plan_recipe,
    read_options,
    resume_command,
)

SOME = Options(data="rows.csv", label="y", drop=("a", "b"), epochs=3, fingerprint="of the table")


def as_json(options):
    return json.loads(json.dumps(options.to_data()))


@pytest.mark.parametrize("options", [Options(), SOME, replace(SOME, stream=True), replace(SOME, stream=True, world=2)])
def test_options_are_the_same_after_json(options):
    assert read_options(as_json(options), "options") == options


def test_without_torchrun_no_number_of_processes_is_kept():
    assert "world" not in as_json(SOME)
    assert as_json(replace(SOME, world=2))["world"] == 2


def test_rows_in_memory_keep_no_stream_as_in_earlier_versions():
    assert "stream" not in as_json(SOME)
    assert as_json(replace(SOME, stream=True))["stream"] is True


def test_a_checkpoint_of_an_earlier_version_streams_if_torchrun_started_it():
    assert not read_options(as_json(SOME), "options").stream
    earlier = as_json(replace(SOME, world=1))
    assert "stream" not in earlier
    assert read_options(earlier, "options") == replace(SOME, stream=True, world=1)


def test_torchrun_implies_streaming():
    assert merge({"stream": None}, None, 2) == Options(stream=True, world=2)
    assert merge({"stream": True}, None, None) == Options(stream=True)
    with pytest.raises(BadInput, match="under torchrun rows are always streamed"):
        merge({"stream": False}, None, 2)


def test_a_checkpoint_may_name_a_file_whose_name_is_not_unicode(tmp_path):
    options = replace(SOME, data=os.fsdecode(b"r\xffows.csv"))
    write_checkpoint(tmp_path / "c", Checkpoint(options, Progress(), {}))
    assert read_checkpoint(tmp_path / "c").options == options


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": "41"}, "seed is '41'; expected a whole number"),
        ({"drop": "a"}, "drop is 'a'; expected a list"),
        ({"data": 7}, "data is 7; expected text"),
    ],
)
def test_a_checkpoint_with_other_options_than_a_run_has_is_refused_with_the_way_out(
    tmp_path, monkeypatch, change, words
):
    forged = as_json(SOME) | change
    monkeypatch.setattr(Options, "to_data", lambda _: forged)
    write_checkpoint(tmp_path / "c", Checkpoint(SOME, Progress(), {}))
    with pytest.raises(BadInput, match=words) as error:
        read_checkpoint(tmp_path / "c")
    assert str(tmp_path / "c") in error.value.message
    assert "Delete it" in error.value.hint


def test_a_checkpoint_that_lacks_an_option_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Options, "to_data", lambda _: {})
    write_checkpoint(tmp_path / "c", Checkpoint(SOME, Progress(), {}))
    with pytest.raises(BadInput, match="lacks data"):
        read_checkpoint(tmp_path / "c")


def test_options_not_named_are_the_interrupted_runs_else_the_defaults():
    given = {"data": None, "label": "y", "drop": None, "recipe": None, "seed": None}
    assert merge(given, None, None) == Options(label="y")
    assert merge(given, SOME, None) == SOME


def test_an_option_against_the_interrupted_runs_is_refused_in_the_words_of_both():
    with pytest.raises(BadInput, match=r"drop \['a', 'b'\], not \['a'\]"):
        merge({"drop": ["a"]}, SOME, None)
    other = replace(RECIPES["default"], kappa=1.0).to_data()
    with pytest.raises(BadInput, match=r"the recipe's kappa 3\.0, not 1\.0"):
        merge({"recipe": other}, SOME, None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(missing="mean"), "'mean' is not a policy for missing values"),
        (Options(seed=-1), "--seed is -1; expected 0 to 4294967295"),
        (Options(seed=2**32), "--seed is 4294967296"),
        (Options(epochs=0), "--epochs is 0; expected 1 or more"),
    ],
)
def test_an_option_out_of_range_is_refused(options, words):
    with pytest.raises(BadInput, match=words):
        plan_recipe(options)


def test_epochs_take_the_place_of_the_recipes_own_length():
    assert plan_recipe(Options()) == RECIPES["default"]
    found = plan_recipe(Options(epochs=3))
    assert (found.epochs, found.steps) == (3, None)
    assert found.total_steps(7) == 21


@pytest.mark.parametrize(("saved", "world"), [(None, 2), (SOME, None), (replace(SOME, world=2), 2)])
def test_a_run_goes_on_with_as_many_processes_as_it_had(saved, world):
    check_world(saved, world)


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (None, 2, "was started without torchrun, this one by torchrun with 2 processes"),
        (1, 3, "was started by torchrun with 1 process, this one by torchrun with 3 processes"),
        (2, None, "was started by torchrun with 2 processes, this one without torchrun"),
    ],
)
def test_another_number_of_processes_is_refused(before, now, words):
    with pytest.raises(BadInput, match=words):
        check_world(replace(SOME, world=before), now)


def test_the_run_to_go_on_with_is_the_one_named_else_the_newest_interrupted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="no interrupted run under runs/"):
        find_folder(None)
    with pytest.raises(BadInput, match="There is no interrupted run in absent"):
        find_folder(Path("absent"))
    for age, name in enumerate(("new", "old")):
        (tmp_path / "runs" / name).mkdir(parents=True)
        checkpoint = tmp_path / "runs" / name / CHECKPOINT
        checkpoint.touch()
        os.utime(checkpoint, (1000 - age, 1000 - age))
    assert find_folder(None) == Path("runs/new")
    assert find_folder(Path("runs/old")) == Path("runs/old")


def test_the_way_to_go_on_can_be_typed_as_it_stands():
    folder = Path("my run")
    assert resume_command(Options(), folder) == "aetk train --resume --out 'my run'"
    assert resume_command(SOME, folder) == "aetk train rows.csv --resume --out 'my run'"
    launcher = ("torchrun", "--nproc-per-node", "2", "-m", "aetk")
    assert resume_command(SOME, folder, launcher).startswith("torchrun --nproc-per-node 2 -m aetk train rows.csv ")
    assert resume_command(Options(data=FRAME), folder) == "aetk.train(data, ..., resume=True, out='my run')"
    assert resume_command(replace(SOME, validation=FRAME), folder).startswith("aetk.train(data, ...")
