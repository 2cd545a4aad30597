"""What the end of a training says of the rows that it saw."""

import numpy as np
import pandas as pd
import pytest

from aetk.lab import runs
from aetk.lab.training.trainer import train

QUICK = {"epochs": 2, "device": "cpu", "progress": False}


@pytest.fixture
def frame():
    """300 rows of four columns, one of which, `clock`, is far beyond what can be told apart without scaling."""
    random = np.random.default_rng(3)
    return pd.DataFrame(random.normal(size=(300, 3)), columns=list("abc")).assign(clock=random.normal(1.7e9, 1e8, 300))


@pytest.mark.parametrize("gap", [np.nan, np.inf], ids=["missing", "infinite"])
def test_a_column_that_is_clipped_is_named_though_some_of_its_values_are_imputed(frame, tmp_path, gap):
    frame.loc[::7, "clock"] = gap
    report = train(frame, recipe="reference", missing="median", out=tmp_path / "run", **QUICK)
    bound = runs.read_run(report.run).detector.bound
    (note,) = [warning for warning in report.warnings if "reaches beyond" in warning]
    assert note.startswith(f"Column 'clock' reaches beyond {bound:g}")


def test_an_infinite_value_that_is_imputed_is_not_called_beyond_the_bound(frame, tmp_path):
    frame = frame.drop(columns="clock")
    frame.loc[::7, "b"] = np.inf
    report = train(frame, recipe="reference", missing="median", out=tmp_path / "run", **QUICK)
    assert not [warning for warning in report.warnings if "beyond" in warning]
