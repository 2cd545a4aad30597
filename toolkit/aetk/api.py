"""The two calls that make a model, complete: what the lab computes, with the picture drawn of it."""

from functools import wraps
from typing import Any

from aetk.contract.errors import MissingExtra

try:
    from aetk.lab.export import export
    from aetk.lab.runs import read_history
    from aetk.lab.training import TrainReport
    from aetk.lab.training import train as _train
except ImportError as error:
    raise MissingExtra("Making a model", "lab,cpu") from error
from aetk.render.picture import draw_training

__all__ = ["export", "train"]


@wraps(_train)
def train(*args: Any, **options: Any) -> TrainReport:
    """See `aetk.lab.training.train`; the run folder also gets its picture, `training.png`."""
    report = _train(*args, **options)
    draw_training(
        report.run / "training.png",
        read_history(report.run),
        report.best_step,
        report.calibration_similarity,
        report.calibration_labels,
        report.threshold.value,
    )
    return report
