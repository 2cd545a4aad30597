"""Finds columns that add no information: copies of other columns, and row numbers."""

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_HEAD_ROWS, _BLOCK_ROWS = 16, 512
"""Rows that are compared at a time: a few first rows are cheap, and already show that most columns differ."""


class Redundancy:
    """Redundant columns of a table that is read piece by piece; the order of the pieces does not matter.

    Attributes:
        same_as: int64 [n], for each column the first one that equals it in every row; the column itself if it differs
            from all before it.
        start: float64 [n], the value in the table's first row of a column that goes up by one from row to row; NaN for
            every other column.
        rows: the number of rows that were added.
    """

    def __init__(self, n: int) -> None:
        self.same_as = np.zeros(n, np.int64)
        self.start = np.full(n, np.nan)
        self.rows = 0

    def see(self, values: NDArray[np.float64], numbers: NDArray[np.int64]) -> None:
        """Add rows, float64 [rows, n], whose numbers in the table, counted from 0, are int64 [rows]."""
        while len(values):
            rows = _BLOCK_ROWS if self.rows else _HEAD_ROWS
            self._compare(values[:rows])
            self._count(values[:rows], numbers[:rows])
            self.rows += len(values[:rows])
            values, numbers = values[rows:], numbers[rows:]

    def _compare(self, values: NDArray[np.float64]) -> None:
        """Separate columns that were equal so far but differ in these rows."""
        alike = np.bincount(self.same_as, minlength=len(self.same_as)) > 1
        first = dict[tuple[int, bytes], int]()
        for column in np.flatnonzero(alike[self.same_as]).tolist():
            cells = values[:, column] + 0.0  # turns -0 into 0
            key = int(self.same_as[column]), blake2b(cells.tobytes(), digest_size=16).digest()
            self.same_as[column] = first.setdefault(key, column)

    def _count(self, values: NDArray[np.float64], numbers: NDArray[np.int64]) -> None:
        """Of the columns that went up by one so far, keep those that still do."""
        if not self.rows:
            start = values[0] - numbers[0]
            self.start = np.where(np.isfinite(start) & (start == np.floor(start)), start, np.nan)
        counting = np.flatnonzero(~np.isnan(self.start))
        if len(counting):
            still = (values[:, counting] == self.start[counting] + numbers[:, None]).all(0)
            self.start[counting[~still]] = np.nan

    def state(self) -> dict[str, NDArray]:
        """The state that another process needs to `merge` these findings into its own."""
        return {"same_as": self.same_as.copy(), "start": self.start.copy(), "seen": np.array([self.rows])}

    def merge(self, state: Mapping[str, NDArray]) -> None:
        """Add the state of another process that read other rows of the same table."""
        rows = int(state["seen"][0])
        if rows and not self.rows:
            self.same_as, self.start = state["same_as"].copy(), state["start"].copy()
        elif rows:
            first = dict[tuple[int, int], int]()
            pairs = zip(self.same_as.tolist(), state["same_as"].tolist(), strict=True)
            self.same_as = np.array([first.setdefault(pair, column) for column, pair in enumerate(pairs)], np.int64)
            self.start = np.where(self.start == state["start"], self.start, np.nan)
        self.rows += rows


def find_redundancy(rows: NDArray[np.float64]) -> Redundancy:
    """Find the redundant columns of a whole table, float64 [rows, n]."""
    found = Redundancy(rows.shape[1])
    found.see(rows, np.arange(len(rows), dtype=np.int64))
    return found
