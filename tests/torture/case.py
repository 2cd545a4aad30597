"""A hand-made hostile input: how it is made, what is tried with it, and how that must end."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[2] / "exports/reference/breast-cancer.onnx"
MODEL = "model.onnx"
FEATURES = tuple(
    feature["name"] for feature in json.loads(REFERENCE.with_suffix(".card.json").read_bytes())["features"]
)


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        name: what it is, in words.
        arguments: of `aetk`, run in the case's folder.
        build: writes the input into that folder, which already holds `model.onnx` and its card.
        code: the exit code that is expected; 0 for what is odd and yet right.
        message: a part of standard error; empty for a code of 0.
    """

    name: str
    arguments: tuple[str, ...]
    build: Callable[[Path], None]
    code: int
    message: str
