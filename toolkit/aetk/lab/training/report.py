"""The report of a training."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.contract.threshold import Threshold
from aetk.lab.metrics import Metrics


@dataclass
class Evaluation:
    """One line of the history; `loss` is the mean training loss since the line before, `score` the selection score."""

    step: int
    epoch: int
    loss: float
    score: float
    learning_rate: float


@dataclass(frozen=True)
class TrainReport:
    """The results of a training.

    Attributes:
        run: the run folder.
        rows, selection_rows: the numbers of rows that were fitted to, and that chose the best weights.
        device: the device that was used.
        amp: whether mixed precision was used.
        device_peak_bytes: the most memory that PyTorch held on the device, as the maximum over all processes; None if
            the device does not count it.
        fit_seconds: the time spent in the training loop.
        steps, best_step: the number of steps done, and the step whose weights were kept.
        metrics: the metrics of the calibration rows if they are labelled, else None.
        calibration_similarity: float32 [rows].
        calibration_labels: bool [rows], or None.
        history: the evaluations, in order.
        warnings: the warnings for the user.
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
"""A function that makes additional files for the run folder, by name."""
