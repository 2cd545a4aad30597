"""Decides by a hash of a row's number in the table what the row is used for.

So the split does not depend on how many processes read the rows, or in which order.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aetk.lab.data.split import HELD_BACK, SELECTING

FIT, SELECTION, CALIBRATION = range(3)
_PURPOSE, _ORDER = 1, 2
"""Two independent hashes of a row: one decides what it is used for, the other its place in the shuffled order."""


@dataclass(frozen=True)
class HashSplit:
    """Splits rows by a hash of their numbers.

    Attributes:
        seed: the seed of the run.
        calibrates: whether a quarter of the ordinary rows is set aside to calibrate on.
        selects: whether a tenth of the rest chooses the best weights.
    """

    seed: int
    calibrates: bool
    selects: bool

    def parts(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return FIT, SELECTION or CALIBRATION, [rows], for the rows with these numbers; valid for ordinary rows."""
        lot = self._lot(numbers, _PURPOSE) / 2.0**64
        held_back = HELD_BACK if self.calibrates else 0.0
        selecting = held_back + (1 - held_back) * SELECTING if self.selects else held_back
        return np.select([lot < held_back, lot < selecting], [CALIBRATION, SELECTION], FIT)

    def order(self, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
        """A key for each row, [rows]; sorting by the keys shuffles the rows."""
        return self._lot(numbers, _ORDER)

    def _lot(self, numbers: NDArray[np.int64], kind: int) -> NDArray[np.uint64]:
        """Hash seed and number to uniform 64-bit values, with SplitMix64 (Steele, Lea and Flood, 2014)."""
        return _mixed(_mixed(np.uint64(4 * self.seed + kind)) + numbers.astype(np.uint64) * _GOLDEN)


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(value: NDArray[np.uint64] | np.uint64) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):  # the product is meant to wrap around
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(value ^ (value >> np.uint64(31)))


class HashSample:
    """Samples the rows with the smallest keys; the order in which rows are added does not matter.

    Args:
        most: the largest number of rows to keep.
        width: the number of columns of a row.
    """

    def __init__(self, most: int, width: int) -> None:
        self.most, self._width = most, width
        self._parts: list[tuple[NDArray[np.uint64], NDArray[np.float64]]] = []
        self._held = 0
        self._last = np.uint64(2**64 - 1)
        self.shown = 0

    def show(self, keys: NDArray[np.uint64], rows: NDArray[np.float64]) -> None:
        """Add rows, float64 [rows, width], with their keys, [rows]."""
        self.shown += len(keys)
        near = keys <= self._last
        self._parts.append((keys[near], rows[near]))
        self._held += int(near.sum())
        if self._held > 2 * self.most:  # happens rarely, so the cost per row is small
            keys, rows = self._first()
            self._parts, self._held, self._last = [(keys, rows)], len(keys), keys[-1]

    def _first(self) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
        keys = np.concatenate([np.empty(0, np.uint64), *(part[0] for part in self._parts)])
        rows = np.concatenate([np.empty((0, self._width)), *(part[1] for part in self._parts)])
        kept = np.argsort(keys, kind="stable")[: self.most]
        return keys[kept], rows[kept]

    @property
    def rows(self) -> NDArray[np.float64]:
        """The rows of the sample, float64 [rows, width], in the order of their keys."""
        return self._first()[1]

    def state(self) -> dict[str, NDArray]:
        """The state that another process needs to `merge` this sample into its own."""
        keys, rows = self._first()
        return {"keys": keys.view(np.int64), "rows": rows, "shown": np.array([self.shown])}

    def merge(self, state: Mapping[str, NDArray]) -> None:
        """Add the rows of another process's sample."""
        before = self.shown
        self.show(state["keys"].view(np.uint64), state["rows"])
        self.shown = before + int(state["shown"][0])
