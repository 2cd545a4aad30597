"""Training is drawn as a PNG file."""

from types import SimpleNamespace

import numpy as np
import pytest

from aetk.lab.training.checkpoint import Evaluation
from aetk.render.training_picture import draw_training

PNG = b"\x89PNG\r\n\x1a\n"
SIMILARITY = np.float32([0.99, 0.98, 0.98, 0.2, -1.0])
LABELS = np.array([False, False, True, True, True])


@pytest.mark.parametrize("labels", [LABELS, None])
def test_training_is_drawn_with_and_without_labels(labels):
    report = SimpleNamespace(
        history=[Evaluation(step, 1, 1 / step, -1 / step, 0.01) for step in (1, 2, 3)],
        best_step=2,
        calibration_similarity=SIMILARITY,
        calibration_labels=labels,
        threshold=SimpleNamespace(value=0.9),
    )
    assert draw_training(report).startswith(PNG)
