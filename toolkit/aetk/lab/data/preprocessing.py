"""What every row goes through before a network sees it: imputation and scaling."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from aetk.contract import spec
from aetk.lab.data.moments import SMALLEST, Moments, is_constant
from aetk.lab.recipe import Recipe

_LARGEST = 1e30
"""Scales stay between `SMALLEST` and this, so that no inverse is 0 or infinite in float32, and no product NaN."""

_NORMAL_IQR = 1.349
"""The interquartile range of a normal distribution, in standard deviations."""
_SMALLEST_SHARE = 0.01
"""An interquartile range below this share of the standard deviation says nothing of the column's scale."""


@dataclass(frozen=True)
class Preprocessing:
    """Imputation, if the run imputes, and scaling, both fitted.

    Attributes:
        center, inverse_scale: float32 [n].
        fill: float64 [n], the medians.
        imputes: whether `fill` replaces missing and infinite values.
    """

    center: Tensor
    inverse_scale: Tensor
    fill: Tensor
    imputes: bool

    def filled(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows, float64 [rows, n], with `fill` in place of missing and infinite values if the run imputes."""
        return impute(rows, self.fill.numpy()) if self.imputes else rows

    def __call__(self, rows: NDArray[np.float64]) -> Tensor:
        """Rows, float64 [rows, n], as the networks take them, float32 on the CPU."""
        return (torch.from_numpy(self.filled(rows).astype(np.float32)) - self.center) * self.inverse_scale


def medians(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [n]: each column's median over its finite values; 0 where there are none."""
    finite = np.where(np.abs(rows) <= spec.FINITE_LIMIT, rows, np.nan)
    return np.array([np.nanmedian(c) if np.isfinite(c).any() else 0.0 for c in finite.T])


def impute(rows: NDArray[np.float64], fill: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows, float64 [rows, n], with `fill`, float64 [n], in place of missing and infinite values."""
    return np.where(np.abs(rows) <= spec.FINITE_LIMIT, rows, fill)


@dataclass(frozen=True)
class ColumnStatistics:
    """What every scaling is made of, [n] each; `is_constant` says which columns are."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    is_constant: NDArray[np.bool_]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> "ColumnStatistics":
        """Of rows, float64 [rows, n]."""
        constant = np.array([is_constant(column) for column in rows.T])
        return cls(rows.mean(0), rows.std(0), rows.min(0), rows.max(0), constant)

    @classmethod
    def known(cls, moments: Moments) -> "ColumnStatistics":
        """Of rows that are not in memory."""
        largest = np.maximum(np.abs(moments.low), np.abs(moments.high))
        constant = moments.deviation <= np.maximum(1e-12 * largest, SMALLEST)
        return cls(moments.mean, moments.deviation, moments.low, moments.high, constant | (moments.low == moments.high))


def fit_scaling(rows: NDArray[np.float64], recipe: Recipe, moments: Moments | None = None) -> tuple[Tensor, Tensor]:
    """Center and inverse scale, float32 [n], of rows, float64 [rows, n]; a constant column is only centred.

    With the `moments` of more rows, `rows` are a sample of those, for what they do not tell: the quantiles.
    """
    n = rows.shape[1]
    if recipe.scaling == "none":
        return torch.zeros(n), torch.ones(n)
    statistics = ColumnStatistics.of(rows) if moments is None else ColumnStatistics.known(moments)
    center, spread = _FITS[recipe.scaling](rows, statistics)
    inverse = 1.0 / np.minimum(np.where(statistics.is_constant, 1.0, spread), _LARGEST)
    return torch.from_numpy(center.astype(np.float32)), torch.from_numpy(inverse.astype(np.float32))


CenterAndScale = tuple[NDArray[np.float64], NDArray[np.float64]]


def _standard(_rows: NDArray[np.float64], statistics: ColumnStatistics) -> CenterAndScale:
    return statistics.mean, statistics.deviation


def _robust(rows: NDArray[np.float64], statistics: ColumnStatistics) -> CenterAndScale:
    """The median and the interquartile range; the standard deviation where half of the values are the same."""
    low, middle, high = np.quantile(rows, (0.25, 0.5, 0.75), axis=0)
    width = (high - low) / _NORMAL_IQR
    return middle, np.where(width > _SMALLEST_SHARE * statistics.deviation, width, statistics.deviation)


def _min_max(_rows: NDArray[np.float64], statistics: ColumnStatistics) -> CenterAndScale:
    return statistics.low, statistics.high - statistics.low


_FITS = {"standard": _standard, "robust": _robust, "min-max": _min_max}
