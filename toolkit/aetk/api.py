"""The two calls that make a model, complete: what the lab computes, with the picture drawn of it."""

from functools import partial

from aetk.contract.errors import MissingExtra

try:
    from aetk.lab.export import export
    from aetk.lab.training import train as _train
except ImportError as error:
    raise MissingExtra("Making a model", "lab,cpu") from error
from aetk.render.picture import draw_training

__all__ = ["export", "train"]

train = partial(_train, extras=lambda report: {"training.png": draw_training(report)})
train.__doc__ = _train.__doc__
