"""The committed reference model: intact, and possible to make again."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from aetk import Scorer, verify
from aetk.edge.model import load
from aetk.lab.export.publish import export
from aetk.lab.training.trainer import train

MODEL = Path(__file__).parents[1] / "exports" / "reference" / "breast-cancer.onnx"


def test_the_committed_model_decides_as_its_golden_rows_say_and_its_card_is_current():
    report = verify(MODEL)
    assert report.passed
    assert report.card_copy == "current"


@pytest.mark.slow
def test_the_reference_model_can_be_made_again_and_still_decides_the_same(tmp_path):
    again = export(train(out=tmp_path / "reference").run, out=tmp_path / "breast-cancer.onnx").model
    old, new = load(MODEL).card, load(again).card
    assert new.feature_names == old.feature_names
    assert new.recipe == old.recipe
    assert new.training_data == old.training_data

    rows = load_breast_cancer().data
    before, now = Scorer(MODEL).score(rows), Scorer(again).score(rows)
    # Another processor rounds otherwise, and many steps magnify that: decisions may differ near the threshold.
    far = np.abs(before.similarity - old.threshold.value) > 0.3 * (1 - old.threshold.value)
    assert far.mean() > 0.5
    assert (before.is_anomaly == now.is_anomaly)[far].mean() > 0.98
    assert (before.is_anomaly == now.is_anomaly).mean() > 0.95
