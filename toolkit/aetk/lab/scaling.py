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

_NORMAL_IQR = 1.349
"""The interquartile range of a normal distribution, in standard deviations."""
_SMALLEST_SHARE = 0.01
"""An interquartile range below this share of the standard deviation says nothing of the column's scale."""


def is_constant(column: NDArray[np.float64]) -> bool:
    """Whether a column's finite values do not differ in any way that arithmetic could scale."""
    return bool(column.std() <= max(1e-12 * float(np.abs(column).max()), _SMALLEST))


def fit_scaling(rows: NDArray[np.float64], recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Center and inverse scale, float32 [n], of rows, float64 [rows, n]; a constant column is only centred."""
    n = rows.shape[1]
    if recipe.scaling == "none":
        return torch.zeros(n), torch.ones(n)
    center, spread = _FITS[recipe.scaling](rows)
    spread = np.array([1.0 if is_constant(c) else s for c, s in zip(rows.T, spread, strict=True)])
    inverse = 1.0 / np.minimum(spread, _LARGEST)
    return torch.from_numpy(center.astype(np.float32)), torch.from_numpy(inverse.astype(np.float32))


def _standard(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return rows.mean(0), rows.std(0)


def _robust(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The median and the interquartile range; the standard deviation where half of the values are the same."""
    low, middle, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
    deviation = rows.std(0)
    width = (high - low) / _NORMAL_IQR
    return middle, np.where(width > _SMALLEST_SHARE * deviation, width, deviation)


def _min_max(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return rows.min(0), np.ptp(rows, axis=0)


_FITS = {"standard": _standard, "robust": _robust, "min-max": _min_max}


def clipping_notes(detector: Detector, names: Sequence[str], rows: NDArray[np.float64]) -> list[str]:
    """A note for each column that reaches beyond what the detector can tell apart."""
    scaled = np.abs((rows - detector.center.numpy()) * detector.inverse_scale.numpy()).max(0)
    return [
        f"Column '{name}' reaches beyond {detector.bound:g}, where values are clipped; scale it first, or use the "
        "default recipe, which does."
        for name, largest in zip(names, scaled, strict=True)
        if largest > detector.bound
    ]
