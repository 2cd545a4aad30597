"""What a training reports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.contract.threshold import Threshold
from aetk.lab.metrics import Metrics


@dataclass
class Evaluation:
    """One line of the history: mean training loss since the last one, the selection score, the learning rate."""

    step: int
    epoch: int
    loss: float
    score: float
    learning_rate: float


@dataclass(frozen=True)
class TrainReport:
    """What came of training.

    Attributes:
        run: the folder.
        rows: that gradients saw; `selection_rows` chose the best weights.
        device: where it was trained.
        amp: whether in mixed precision.
        device_peak_bytes: the most memory that PyTorch held of the device, of all processes that which held most;
            None where it is not counted.
        fit_seconds: spent in the training loop.
        best_step: the step whose weights were kept, of `steps` done.
        metrics: on the calibration rows, where they are labelled.
        calibration_similarity: float32 [rows].
        calibration_labels: bool [rows], or None.
        history: the evaluations, in order.
        warnings: what a person should know.
    """

    run: Path
    recipe: str
    device: str
    amp: bool
    device_peak_bytes: int | None
    features: tuple[str, ...]
    rows: int
    selection_rows: int
    steps: int
    best_step: int
    fit_seconds: float
    threshold: Threshold
    metrics: Metrics | None
    calibration_similarity: NDArray[np.float32]
    calibration_labels: NDArray[np.bool_] | None
    history: tuple[Evaluation, ...]
    warnings: tuple[str, ...]


Extras = Callable[[TrainReport], Mapping[str, bytes]]
"""Makes more files for the run folder, by name."""
