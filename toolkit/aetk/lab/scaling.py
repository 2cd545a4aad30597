"""Brings columns to a common scale, and knows which cannot be."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aetk.lab.detector import Detector
from aetk.lab.recipe import Recipe

_SMALLEST, _LARGEST = 1e-30, 1e30
"""Scales stay within these, so that their inverse is never 0 or infinite in float32, where 0 * infinity lurks."""


def is_constant(column: NDArray[np.float64]) -> bool:
    """Whether a column's finite values do not differ in any way that arithmetic could scale."""
    return bool(column.std() <= max(1e-12 * float(np.abs(column).max()), _SMALLEST))


def fit_scaling(rows: NDArray[np.float64], recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Center and inverse scale, float32 [n], of rows, float64 [rows, n]; a constant column is only centred."""
    n = rows.shape[1]
    if recipe.scaling == "none":
        return torch.zeros(n), torch.ones(n)
    spread = np.array([1.0 if is_constant(column) else column.std() for column in rows.T])
    inverse = 1.0 / np.minimum(spread, _LARGEST)
    return torch.from_numpy(rows.mean(0).astype(np.float32)), torch.from_numpy(inverse.astype(np.float32))


def clipping_notes(detector: Detector, names: Sequence[str], rows: NDArray[np.float64]) -> list[str]:
    """A note for each column that reaches beyond what the detector can tell apart."""
    scaled = np.abs((rows - detector.center.numpy()) * detector.inverse_scale.numpy()).max(0)
    return [
        f"Column '{name}' reaches beyond {detector.bound:g}, where values are clipped; scale it first, or use the "
        "default recipe, which does."
        for name, largest in zip(names, scaled, strict=True)
        if largest > detector.bound
    ]
