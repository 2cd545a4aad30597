"""The calls that need the packages of the extra `lab`; `train` also draws the picture of the training.

Importing them needs NumPy alone. Each call imports what it uses, when it comes to use it.
"""

from collections.abc import Callable
from functools import wraps
from importlib.util import find_spec
from typing import Any, ParamSpec, TypeVar

from aetk.base.errors import BadInput, MissingExtra, out_of_memory
from aetk.lab import evaluation
from aetk.lab.export import publish
from aetk.lab.look import convert as conversion
from aetk.lab.look import examine
from aetk.lab.training import trainer
from aetk.lab.training.report import TrainReport
from aetk.render.training_picture import draw_training

__all__ = ["convert", "evaluate", "export", "look", "train", "verify_against_run"]

P = ParamSpec("P")
R = TypeVar("R")

_PACKAGES = ("torch", "onnx", "onnxscript", "safetensors", "pandas", "sklearn", "matplotlib", "tqdm")


def _needs_lab(function: Callable[P, R]) -> Callable[P, R]:
    """A call that raises MissingExtra before it does anything where a package of the extra is not installed."""

    def missing() -> MissingExtra:
        return MissingExtra("Making or measuring a model", "lab,cpu")

    @wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        if any(find_spec(package) is None for package in _PACKAGES):
            raise missing()
        try:
            return function(*arguments, **options)
        except ImportError as error:
            raise out_of_memory(error) or missing() from error

    return call


convert = _needs_lab(conversion.convert)
evaluate = _needs_lab(evaluation.evaluate)
export = _needs_lab(publish.export)
look = _needs_lab(examine.look)
verify_against_run = _needs_lab(publish.verify_against_run)


@_needs_lab
@wraps(trainer.train)
def train(*arguments: Any, **options: Any) -> TrainReport:
    """See `aetk.lab.training.trainer.train`; the run folder also gets `training.png`."""
    if "extras" in options:
        raise BadInput("aetk.train takes no 'extras'; it draws the picture of the training itself.")
    return trainer.train(*arguments, extras=lambda report: {"training.png": draw_training(report)}, **options)
