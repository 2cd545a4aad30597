"""Prepares rows for the networks: imputation, expansion of categories, and scaling."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aetk.contract import spec
from aetk.lab.data.moments import SMALLEST, Moments, is_constant
from aetk.lab.model.expansion import Expansion
from aetk.lab.recipe import Recipe

_LARGEST = 1e30
"""Scales stay between `SMALLEST` and this, so that no inverse is 0 or infinite in float32, and no product is NaN."""

_NORMAL_IQR = 1.349
"""The interquartile range of a normal distribution, in standard deviations."""
_SMALLEST_SHARE = 0.01
"""An interquartile range below this share of the standard deviation is no measure of the column's scale."""


@dataclass(frozen=True)
class Preprocessing:
    """Fitted scaling and, if the run imputes, imputation.

    Attributes:
        center, inverse_scale: float32 [m], of expanded rows.
        fill: float64 [n], the medians; the number of levels for a category.
        imputes: whether `fill` replaces missing and infinite values.
        expansion: which columns are categories.
    """

    center: Tensor
    inverse_scale: Tensor
    fill: Tensor
    imputes: bool
    expansion: Expansion

    def filled(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Replace missing and infinite values of rows, float64 [rows, n], by `fill` if the run imputes."""
        return impute(rows, self.fill.numpy()) if self.imputes else rows

    def __call__(self, rows: NDArray[np.float64]) -> Tensor:
        """Convert rows, float64 [rows, n], to the input of the networks, float32 [rows, m] on the CPU."""
        expanded = self.expansion.expand(self.filled(rows), np.float32)
        return (torch.from_numpy(expanded) - self.center) * self.inverse_scale


def medians(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column's median over its finite values, float64 [n]; 0 if a column has none."""
    finite = np.where(np.abs(rows) <= spec.FINITE_LIMIT, rows, np.nan)
    return np.array([np.nanmedian(c) if np.isfinite(c).any() else 0.0 for c in finite.T])


def impute(rows: NDArray[np.float64], fill: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace missing and infinite values of rows, float64 [rows, n], by `fill`, float64 [n]."""
    return np.where(np.abs(rows) <= spec.FINITE_LIMIT, rows, fill)


@dataclass(frozen=True)
class ColumnStatistics:
    """The statistics that the scalings use, each [n]; `is_constant` marks the constant columns."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    is_constant: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> "ColumnStatistics":
        """Compute the statistics of rows, float64 [rows, n]."""
        constant = np.array([is_constant(column) for column in rows.T])
        return cls(rows.mean(0), rows.std(0), rows.min(0), rows.max(0), constant)

    @classmethod
    def known(cls, moments: Moments) -> "ColumnStatistics":
        """Derive the statistics from moments, for rows that are not in memory."""
        largest = np.maximum(np.abs(moments.low), np.abs(moments.high))
        constant = moments.deviation <= np.maximum(1e-12 * largest, SMALLEST)
        return cls(moments.mean, moments.deviation, moments.low, moments.high, constant | (moments.low == moments.high))


def fit_scaling(rows: NDArray[np.float64], recipe: Recipe, moments: Moments | None = None) -> tuple[Tensor, Tensor]:
    """Return center and inverse scale, float32 [n], of rows, float64 [rows, n]; a constant column is only centred.

    With the `moments` of more rows, `rows` are a sample of these, and only their quantiles are used.
    """
    n = rows.shape[1]
    if recipe.scaling == "none":
        return torch.zeros(n), torch.ones(n)
    statistics = ColumnStatistics.of(rows) if moments is None else ColumnStatistics.known(moments)
    center, spread = _FITS[recipe.scaling](rows, statistics)
    inverse = 1.0 / np.minimum(np.where(statistics.is_constant, 1.0, spread), _LARGEST)
    return torch.from_numpy(center.astype(np.float32)), torch.from_numpy(inverse.astype(np.float32))


def fit_expanded(
    rows: NDArray[np.float64], expansion: Expansion, recipe: Recipe, moments: Moments | None = None
) -> tuple[Tensor, Tensor]:
    """Do the same as `fit_scaling` for the expanded rows, float32 [m] each, of rows, float64 [rows, n].

    The copies of categories are scaled as columns of 0 and 1; `moments` are those of expanded rows.
    """
    if expansion.is_plain:
        return fit_scaling(rows, recipe, moments)
    fitted, done = [], 0
    for block in expansion.blocks(rows):
        done += block.shape[1]
        part = None if moments is None else moments.columns(slice(done - block.shape[1], done))
        if block.shape[1]:
            fitted.append(fit_scaling(block.astype(np.float64), recipe, part))
    centers, inverses = zip(*fitted, strict=True)
    return torch.cat(centers), torch.cat(inverses)


CenterAndScale = tuple[NDArray[np.float64], NDArray[np.float64]]


def _standard(_rows: NDArray[np.float64], statistics: ColumnStatistics) -> CenterAndScale:
    return statistics.mean, statistics.deviation


def _robust(rows: NDArray[np.float64], statistics: ColumnStatistics) -> CenterAndScale:
    """The median and the interquartile range, or the standard deviation if half of the values are the same."""
    low, middle, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
    width = (high - low) / _NORMAL_IQR
    return middle, np.where(width > _SMALLEST_SHARE * statistics.deviation, width, statistics.deviation)


def _min_max(_rows: NDArray[np.float64], statistics: ColumnStatistics) -> CenterAndScale:
    return statistics.low, statistics.high - statistics.low


def _balanced(rows: NDArray[np.float64], statistics: ColumnStatistics) -> CenterAndScale:
    """The mean, and the geometric mean of the robust width and the range.

    One factor for all columns makes the mean squared deviation 1, as standard scaling does column by column: what
    the networks, the memory and the anchor take a row's length to be stays the same.
    """
    varies = ~statistics.is_constant
    _, width = _robust(rows, statistics)
    spread = np.sqrt(width) * np.sqrt(statistics.high - statistics.low)
    usable = varies & (spread > 0)
    ratio = np.divide(statistics.deviation, spread, out=np.ones_like(spread), where=usable)
    return statistics.mean, spread * (math.sqrt(float(np.mean(ratio[usable] ** 2))) if usable.any() else 1.0)


_FITS = {"standard": _standard, "robust": _robust, "min-max": _min_max, "balanced": _balanced}
