"""Pictures are drawn for every report that has one, and are PNG files."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aetk.lab.checkpoint import Evaluation
from aetk.lab.evaluation import EvaluateReport, ModelEvaluation
from aetk.lab.metrics import measure
from aetk.render import picture

PNG = b"\x89PNG\r\n\x1a\n"
SIMILARITY = np.float32([0.99, 0.98, 0.98, 0.2, -1.0])
LABELS = np.array([False, False, True, True, True])


def evaluation(labels, thresholds):
    models = [ModelEvaluation(Path(f"{t}.onnx"), t, measure(SIMILARITY, labels, t), 1, SIMILARITY) for t in thresholds]
    return EvaluateReport(Path("rows.csv"), "y", labels, tuple(models))


@pytest.mark.parametrize("labels", [LABELS, ~LABELS, LABELS & False, LABELS | True], ids=["mixed", "inverse", "0", "1"])
def test_an_evaluation_is_drawn_whatever_the_labels(labels):
    assert picture.draw_evaluation(evaluation(labels, (0.9, -0.5))).startswith(PNG)


@pytest.mark.parametrize("labels", [LABELS, None])
def test_training_is_drawn_with_and_without_labels(labels):
    report = SimpleNamespace(
        history=[Evaluation(step, 1, 1 / step, -1 / step, 0.01) for step in (1, 2, 3)],
        best_step=2,
        calibration_similarity=SIMILARITY,
        calibration_labels=labels,
        threshold=SimpleNamespace(value=0.9),
    )
    assert picture.draw_training(report).startswith(PNG)


def test_the_same_report_gives_the_same_picture():
    first, second = (picture.draw_evaluation(evaluation(LABELS, (0.9,))) for _ in range(2))
    assert first == second
