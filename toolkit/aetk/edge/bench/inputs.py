"""What a benchmark runs on when nothing else is named: the newest model, and rows like those it was made for."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.contract.card import QUANTILE_LEVELS, Card, between_quantiles
from aetk.contract.errors import BadInput


def ordinary_rows(card: Card, count: int) -> NDArray[np.float32]:
    """Rows drawn from the card's quantiles, float32 [count, n], the same each time."""
    levels = np.random.default_rng(0).uniform(QUANTILE_LEVELS[0], QUANTILE_LEVELS[-1], (count, len(card.features)))
    return np.ascontiguousarray(between_quantiles(card.features, levels), np.float32)


def newest_model(folder: Path = Path("exports")) -> Path:
    """The newest `.onnx` file of a folder, never of its subfolders; BadInput where there is none."""
    found = sorted(folder.glob("*.onnx"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not found:
        raise BadInput(f"There is no model in {folder}/.", "Make one with: aetk train, then: aetk export --onnx")
    return found[-1]
