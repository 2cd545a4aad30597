"""Leaving out the training rows that look least like the others."""

import numpy as np
import pandas as pd
import pytest

from aetk.lab import runs
from aetk.lab.data.trim import trim
from aetk.lab.training.trainer import train


def contaminated(rows=500, strange=10, seed=0):
    """Rows around 0, and strange ones far out in all directions, among them."""
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, 4))
    where = random.choice(rows, strange, replace=False)
    values[where] *= 12
    return values, where


def test_nothing_is_left_out_unless_asked_for():
    rows, _ = contaminated()
    assert trim(rows, 0.0, 0) is rows
    assert trim(rows[:40], 0.02, 0) is not None
    assert len(trim(rows[:40], 0.02, 0)) == 40  # 2% of 40 rows is less than one


def test_the_strange_rows_go_and_the_others_keep_their_order():
    rows, where = contaminated()
    kept = trim(rows, 0.02, 0)
    assert len(kept) == 490
    strange = {tuple(rows[i]) for i in where}
    assert sum(tuple(row) in strange for row in kept) <= 1
    positions = [int(np.flatnonzero((rows == row).all(axis=1))[0]) for row in kept]
    assert positions == sorted(positions)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_cells_that_hold_no_number_are_no_obstacle(value):
    rows, _ = contaminated()
    rows[3, 1] = value
    assert len(trim(rows, 0.1, 0)) == 450


def test_a_run_says_how_many_rows_were_left_out_and_calibrates_on_all(tmp_path):
    frame = pd.DataFrame(contaminated(1000, 20)[0], columns=list("abcd"))
    options = {"epochs": 1, "threshold": "conformal:0.05"}
    plain, trimmed = (
        train(frame, settings=settings, out=tmp_path / name, **options)
        for name, settings in (("plain", {}), ("trimmed", {"trim": 0.02}))
    )
    assert runs.read_record(plain.run)["training_data"]["trimmed_rows"] == 0
    assert runs.read_record(trimmed.run)["training_data"]["trimmed_rows"] == 15
    assert plain.rows + plain.selection_rows - trimmed.rows - trimmed.selection_rows == 15
    assert np.array_equal(runs.read_run(plain.run).calibration, runs.read_run(trimmed.run).calibration)
    assert any("15 rows" in warning for warning in trimmed.warnings)
