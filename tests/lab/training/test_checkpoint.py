"""A checkpoint is read strictly, and one of an older version still."""

import json

import pytest
from safetensors.torch import save_file

from aetk.base.errors import BadInput
from aetk.lab.training.checkpoint import Checkpoint, Progress, _digest, read_checkpoint, write_checkpoint
from aetk.lab.training.options import Options, read_options


@pytest.mark.parametrize(
    ("before", "after"), [('"loss_sum": 0.0', '"loss_sum": NaN'), ('"step": 0', '"step": 7, "step": 0')]
)
def test_json_that_is_not_strict_is_refused_though_the_digest_is_right(tmp_path, before, after):
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, Checkpoint(Options(), Progress(), {}))
    assert read_checkpoint(path).progress == Progress()
    header = {"request": json.dumps(Options().to_data()), "progress": json.dumps(vars(Progress()))}
    assert before in header["progress"]
    header["progress"] = header["progress"].replace(before, after)
    save_file({}, path, {**header, "sha256": _digest(header, {})})
    with pytest.raises(BadInput, match="is not a checkpoint"):
        read_checkpoint(path)


def test_options_of_a_version_without_mixed_precision_are_read():
    data = Options(seed=7).to_data()
    del data["amp"]
    assert read_options(data, "checkpoint") == Options(seed=7)
