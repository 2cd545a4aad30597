"""What is settled for rows that are streamed, in one process and without a fit."""

import contextlib

import numpy as np
import pandas as pd
import pytest

from aetk.base.errors import BadInput
from aetk.contract.threshold import Method
from aetk.lab.data.looked import look_first
from aetk.lab.presets import RECIPES
from aetk.lab.training.checkpoint import Checkpoint, Progress
from aetk.lab.training.distributed.group import ALONE
from aetk.lab.training.options import FRAME, Options
from aetk.lab.training.signals import StopRequest
from aetk.lab.training.streamed_plan import make_streamed_plan

from .planned import ANOMALIES, small_table
from .torchrun import write_parts


@pytest.fixture
def planned(tmp_path):
    """A function that plans a run in `tmp_path/run` on a table in three files, the small one unless given."""
    held = contextlib.ExitStack()

    def plan(data=None, validation=None, saved=None, **changes):
        table = tmp_path / "table"
        if not table.exists():
            write_parts(small_table() if data is None else data, table, 3, row_group=16)
        other = {} if validation is None else {"validation": FRAME}
        options = Options(**{"data": str(table), "label": "y", "device": "cpu"} | other | changes)
        looked = look_first(options.data, validation, options.wishes)
        return make_streamed_plan(options, looked, tmp_path / "run", saved, ALONE, StopRequest(), held)

    with held:
        yield plan


def sorted_rows(*parts):
    return sorted(map(tuple, np.concatenate(parts)))


def test_every_row_has_one_purpose_and_the_anomalies_calibrate(planned, tmp_path):
    plan = planned()
    parts, table = plan.parts, small_table()
    assert plan.fit_rows == len(parts.fit)  # so few that the sample holds them all
    assert sorted_rows(parts.fit, parts.selection, parts.calibration) == sorted_rows(table[["a", "b"]].to_numpy())
    assert sorted_rows(parts.calibration[parts.calibration_labels]) == sorted_rows(
        table[["a", "b"]].to_numpy()[:ANOMALIES]
    )
    assert (plan.method, parts.basis) == (Method("best-f1"), "rows held back from training")
    assert (plan.folder, plan.folder.is_dir()) == (tmp_path / "run", True)
    assert plan.dataset.features == ("a", "b")


def test_the_stream_tells_how_many_rows_of_each_shard_are_fitted_and_their_moments(planned):
    plan = planned()
    assert len(plan.stream.shards) == 9  # of three files of 40 rows, in row groups of 16, 16 and 8
    assert plan.stream.own_rows.sum() == plan.fit_rows
    assert np.allclose(plan.stream.moments.mean, plan.parts.fit.mean(0))
    assert np.allclose(plan.stream.moments.deviation, plan.parts.fit.std(0))


def test_validation_rows_calibrate_in_place_of_rows_held_back(planned):
    rows, validation = small_table()[ANOMALIES:].drop(columns="y"), small_table()[["b", "y", "a"]]
    plan = planned(data=rows, validation=validation)
    assert plan.fit_rows + len(plan.parts.selection) == len(rows)
    assert np.array_equal(plan.parts.calibration, small_table()[["a", "b"]].to_numpy())
    assert plan.parts.calibration_labels.sum() == ANOMALIES
    assert plan.parts.basis == "validation rows"


def test_the_fingerprint_is_of_the_rows_the_label_and_the_validation_rows(planned, tmp_path):
    validation = small_table()
    one = planned(validation=validation).options.fingerprint
    assert planned(validation=validation).options.fingerprint == one
    others = {planned().options.fingerprint, planned(validation=validation.assign(a=1.0)).options.fingerprint}
    others.add(planned(validation=validation, label=None, drop=("y",)).options.fingerprint)
    assert len(others - {one}) == 3


def test_a_fit_goes_on_with_the_data_that_it_began_with(planned):
    saved = Checkpoint(planned().options, Progress(), {})
    assert planned(saved=saved).options == saved.options
    with pytest.raises(BadInput, match="not what the interrupted run was trained on"):
        planned(saved=saved, drop=("a",))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"drop": ("a", "b")}, "has no feature columns left after --label and --drop"),
        ({"drop": ("gone",)}, "has no column 'gone'"),
        ({"recipe": RECIPES["default"].to_data() | {"trim": 0.1}}, "trim is 0.1"),
        ({"recipe": RECIPES["default"].to_data() | {"batch_rows": 1}}, "batch_rows is 1"),
        ({"threshold": "conformal:1e-6"}, "needs at least 999999 ordinary calibration rows"),
        ({"device": "tpu"}, "No device is called 'tpu'"),
    ],
)
def test_what_cannot_be_met_is_refused_and_leaves_no_folder(planned, tmp_path, changes, words):
    with pytest.raises(BadInput, match=words):
        planned(**changes)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (small_table()[:9], "found 9 ordinary|found 0 ordinary"),
        (small_table().assign(a=small_table().a.where(small_table().index != 70)), r"row 71, column 'a'"),
        (
            small_table().assign(y=small_table().y.where(small_table().index != 50, 3)),
            "label column 'y' holds .*3 .1 row",
        ),
        (small_table().assign(kind=["k", "l"] * 60), "is not a table that can be streamed"),
    ],
    ids=["few rows", "a gap", "a label", "text"],
)
def test_rows_that_cannot_be_used_are_named_by_file_and_row(planned, data, words):
    with pytest.raises(BadInput, match=words):
        planned(data=data)


def test_columns_that_differ_nowhere_are_noted_as_for_rows_in_memory(planned):
    told = planned(data=pd.concat([small_table().assign(site=7.0)] * 2)).dataset.warnings
    assert any("'site'" in words for words in told)
