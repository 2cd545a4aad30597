"""Brings columns to a common scale, and knows which cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aetk.edge.tables.chunk import listed, show_name
from aetk.lab.data.moments import Moments
from aetk.lab.model.detector import Detector
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


@dataclass(frozen=True)
class Facts:
    """What every scaling is made of, [n] each; `is_constant` says which columns are."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    is_constant: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> "Facts":
        """Of rows, float64 [rows, n]."""
        constant = np.array([is_constant(column) for column in rows.T])
        return cls(rows.mean(0), rows.std(0), rows.min(0), rows.max(0), constant)

    @classmethod
    def known(cls, moments: Moments) -> "Facts":
        """Of rows that are not in memory."""
        largest = np.maximum(np.abs(moments.low), np.abs(moments.high))
        constant = moments.deviation <= np.maximum(1e-12 * largest, _SMALLEST)
        return cls(moments.mean, moments.deviation, moments.low, moments.high, constant | (moments.low == moments.high))


def fit_scaling(rows: NDArray[np.float64], recipe: Recipe, moments: Moments | None = None) -> tuple[Tensor, Tensor]:
    """Center and inverse scale, float32 [n], of rows, float64 [rows, n]; a constant column is only centred.

    With the `moments` of more rows, `rows` are a sample of those, for what they do not tell: the quantiles.
    """
    n = rows.shape[1]
    if recipe.scaling == "none":
        return torch.zeros(n), torch.ones(n)
    facts = Facts.of(rows) if moments is None else Facts.known(moments)
    center, spread = _FITS[recipe.scaling](rows, facts)
    inverse = 1.0 / np.minimum(np.where(facts.is_constant, 1.0, spread), _LARGEST)
    return torch.from_numpy(center.astype(np.float32)), torch.from_numpy(inverse.astype(np.float32))


_Fit = tuple[NDArray[np.float64], NDArray[np.float64]]


def _standard(_rows: NDArray[np.float64], facts: Facts) -> _Fit:
    return facts.mean, facts.deviation


def _robust(rows: NDArray[np.float64], facts: Facts) -> _Fit:
    """The median and the interquartile range; the standard deviation where half of the values are the same."""
    low, middle, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
    width = (high - low) / _NORMAL_IQR
    return middle, np.where(width > _SMALLEST_SHARE * facts.deviation, width, facts.deviation)


def _min_max(_rows: NDArray[np.float64], facts: Facts) -> _Fit:
    return facts.low, facts.high - facts.low


_FITS = {"standard": _standard, "robust": _robust, "min-max": _min_max}


def clipping_notes(detector: Detector, names: Sequence[str], rows: NDArray[np.float64]) -> list[str]:
    """A note on the columns that reach beyond what the detector can tell apart."""
    scaled = np.abs((rows - detector.center.numpy()) * detector.inverse_scale.numpy()).max(0)
    beyond = [f"'{show_name(name)}'" for name, largest in zip(names, scaled, strict=True) if largest > detector.bound]
    if not beyond:
        return []
    remedy = "or use the default recipe, which does"
    if len(beyond) == 1:
        found = f"Column {beyond[0]} reaches beyond {detector.bound:g}, where values are clipped; scale it first"
        return [f"{found}, {remedy}."]
    found = f"{len(beyond):,} columns reach beyond {detector.bound:g}, where values are clipped; scale them first"
    return [f"{found}, {remedy}: {listed(beyond, '.')}"]
