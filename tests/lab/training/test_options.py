"""The options of a run, and what a checkpoint keeps of them."""

import json
import os
from dataclasses import replace

import pytest

from aetk.base.errors import BadInput
from aetk.lab.presets import RECIPES
from aetk.lab.training.checkpoint import Checkpoint, Progress, read_checkpoint, write_checkpoint
from aetk.lab.training.options import Options, merge, read_options

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
