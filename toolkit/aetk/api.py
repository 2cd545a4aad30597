"""The calls that need the packages of the extra `lab`; `train` also draws the picture of the training."""

from functools import wraps
from importlib.util import find_spec
from typing import Any

from aetk.base.errors import BadInput, MissingExtra, out_of_memory

try:
    from aetk.lab.evaluation import evaluate
    from aetk.lab.export.publish import export
    from aetk.lab.training.finish import TrainReport
    from aetk.lab.training.trainer import train as _train
except ImportError as error:
    raise out_of_memory(error) or MissingExtra("Making or measuring a model", "lab,cpu") from error
if find_spec("matplotlib") is None:  # found out now, and not after the fit
    raise MissingExtra("Making or measuring a model", "lab,cpu")
from aetk.render.training_picture import draw_training

__all__ = ["evaluate", "export", "train"]


@wraps(_train)
def train(*arguments: Any, **options: Any) -> TrainReport:
    """See `aetk.lab.training.trainer.train`; the run folder also gets `training.png`."""
    if "extras" in options:
        raise BadInput("aetk.train takes no 'extras'; it draws the picture of the training itself.")
    return _train(*arguments, extras=lambda report: {"training.png": draw_training(report)}, **options)
