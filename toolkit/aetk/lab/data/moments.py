"""Mean, spread and range of columns, gathered piece by piece in float64."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec

Column = NDArray[np.float64]
SMALLEST = 1e-30
"""A standard deviation up to this counts as 0."""


def is_constant(column: Column) -> bool:
    """Whether a column's finite values, float64 [rows], are equal, or too close for float64 to scale them."""
    return bool(column.std() <= max(1e-12 * float(np.abs(column).max()), SMALLEST))


@dataclass(frozen=True)
class Moments:
    """The moments of the finite values of each column, each float64 [n].

    Attributes:
        count: the number of finite values.
        mean: their mean; 0 if there are none.
        squares: the sum of their squared differences from the mean.
        low, high: the smallest and the largest; +∞ and -∞ if there are none.
    """

    count: Column
    mean: Column
    squares: Column
    low: Column
    high: Column

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> "Moments":
        """Compute the moments of rows, float64 [rows, n]."""
        finite = np.abs(rows) <= spec.FINITE_LIMIT
        count = finite.sum(0).astype(np.float64)
        mean = np.where(finite, rows, 0.0).sum(0) / np.maximum(count, 1)
        squares = np.where(finite, rows - mean, 0.0)
        return cls(
            count,
            mean,
            np.square(squares).sum(0),
            np.where(finite, rows, np.inf).min(0, initial=np.inf),
            np.where(finite, rows, -np.inf).max(0, initial=-np.inf),
        )

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of the rows of both.

        Source: Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances"
        (1979).
        """
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        apart = other.mean - self.mean
        return Moments(
            count,
            self.mean + apart * share,
            self.squares + other.squares + np.square(apart) * self.count * share,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )

    def filled(self, rows: int, fill: Column) -> "Moments":
        """The moments after the values that a column lacks to have `rows` values are replaced by its `fill`."""
        missing = rows - self.count
        there = np.where(missing > 0, fill, np.nan)
        return self + Moments(missing, fill, np.zeros_like(fill), _or(there, np.inf), _or(there, -np.inf))

    def columns(self, chosen: slice | list[int]) -> "Moments":
        """The moments of some of the columns."""
        return Moments(*self.stacked()[:, chosen])

    @property
    def deviation(self) -> Column:
        """The standard deviation."""
        deviation: Column = np.sqrt(self.squares / np.maximum(self.count, 1))
        return deviation

    def stacked(self) -> NDArray[np.float64]:
        """All moments in one array, [5, n]; `Moments(*array)` is the inverse."""
        return np.stack([self.count, self.mean, self.squares, self.low, self.high])


def _or(values: Column, other: float) -> Column:
    return np.where(np.isnan(values), other, values)
