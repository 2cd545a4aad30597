"""Run folders whose files vouch for each other and are none that training writes."""

import hashlib
import json
import os
import shutil

import pytest
import torch
from safetensors.torch import load, save

from aetk.base.errors import BadInput
from aetk.lab import runs


@pytest.fixture
def forge(breast_cancer_run, tmp_path):
    """A function that changes a copy of a run, and makes the digests right again; returns the copy."""

    def change(edit_record=lambda record: None, **tensors):
        folder = tmp_path / "run"
        shutil.copytree(breast_cancer_run.run, folder)
        state = {**load((folder / runs.WEIGHTS).read_bytes()), **tensors}
        (folder / runs.WEIGHTS).write_bytes(save({name: t for name, t in state.items() if t is not None}))
        record = json.loads((folder / runs.RECORD).read_bytes())
        record["sha256"][runs.WEIGHTS] = hashlib.sha256((folder / runs.WEIGHTS).read_bytes()).hexdigest()
        edit_record(record)
        (folder / runs.RECORD).write_text(json.dumps(record))
        return folder

    return change


def test_a_copy_that_nothing_was_changed_in_is_read(forge):
    assert runs.read_run(forge()).feature_names


@pytest.mark.parametrize(
    "tensors",
    [
        {"center": torch.zeros(30, dtype=torch.float64)},
        {"center": torch.zeros(30, 1)},
        {"center": torch.full((30,), torch.nan)},
        {"weights": torch.zeros(0)},
        {"networks.0.0.bias": None},
        {"networks.9.0.bias": torch.zeros(3)},
        {"memory.prototypes": torch.zeros(30)},
        {"memory.prototypes": None},
        {"threshold": torch.tensor(0.123)},
    ],
    ids=lambda tensors: next(iter(tensors)),
)
def test_tensors_of_another_kind_than_training_writes_are_refused(forge, tensors):
    with pytest.raises(BadInput, match="The run's t"):
        runs.read_run(forge(**tensors))


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record.update(sha256=[]),
        lambda record: record.pop("versions"),
        lambda record: record.update(features=[]),
        lambda record: record["features"].append(record["features"][0]),
        lambda record: record["features"][0].update(quantiles=["a"]),
        lambda record: record["features"][0].update(quantiles=[1.0]),
        lambda record: record["recipe"].update(networks=[[10**9]]),
        lambda record: record["threshold"].update(value="x"),
    ],
)
def test_a_record_of_another_kind_than_training_writes_is_refused(forge, edit):
    with pytest.raises(BadInput):
        runs.read_run(forge(edit))


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{", "[]", "\x00", '{"sha256": {}, "sha256": {}}', '{"sha256": {}, "seconds": NaN}']
)
def test_a_record_that_is_none_is_refused(forge, text):
    folder = forge()
    (folder / runs.RECORD).write_text(text)
    with pytest.raises(BadInput):
        runs.read_run(folder)


def test_of_runs_of_one_time_as_a_clone_leaves_them_the_highest_number_is_the_newest(tmp_path):
    for file in (runs.RECORD, runs.CHECKPOINT):
        for number in (9, 10, 1):
            folder = tmp_path / file / f"rows-{number}"
            folder.mkdir(parents=True)
            (folder / file).touch()
            os.utime(folder / file, (1000, 1000))
    assert runs.newest_finished(tmp_path / runs.RECORD).name == "rows-10"
    assert runs.newest_interrupted(tmp_path / runs.CHECKPOINT).name == "rows-10"
