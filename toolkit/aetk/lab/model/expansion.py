"""Where the columns of rows go when categories are expanded into copies, one for each level."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract.reading import Encoding

NEAREST = 0.25
"""An index this close to a whole number is that of its level. The comparison is then exact in float32 for every level
that a category can have."""


@dataclass(frozen=True)
class Expansion:
    """The n columns of rows, of which some are categories, and the m columns of the expanded rows.

    A category of L levels becomes L + 1 copies of 0 and 1: one for each level, and one, the other copy, for every index
    that is not one of 0 to L - 1; NaN and infinities are such indices too. An expanded row holds the columns of numbers
    first, then the copies for the levels of all categories, then the other copies of all categories.

    Attributes:
        levels: the number of levels of each of the n columns; 0 for a column of numbers.
    """

    levels: tuple[int, ...]

    @classmethod
    def of(cls, encodings: Sequence[Encoding], n: int) -> "Expansion":
        """That of n columns with these encodings; without encodings all are columns of numbers."""
        return cls(tuple(len(encoding.levels) for encoding in encodings) or (0,) * n)

    @property
    def is_plain(self) -> bool:
        """Whether there are no categories, so that rows are expanded to themselves."""
        return not any(self.levels)

    @cached_property
    def numbers(self) -> list[int]:
        """The positions of the columns of numbers."""
        return [position for position, count in enumerate(self.levels) if not count]

    @cached_property
    def categories(self) -> list[int]:
        """The positions of the categories."""
        return [position for position, count in enumerate(self.levels) if count]

    @cached_property
    def indices(self) -> NDArray[np.int64]:
        """The index of each copy for a level, int64 [levels of all categories]."""
        return np.concatenate([np.arange(self.levels[position]) for position in self.categories])

    @cached_property
    def owners(self) -> NDArray[np.int64]:
        """The position of the column that each of the m expanded columns comes from, int64 [m]."""
        levels = [position for position in self.categories for _ in range(self.levels[position])]
        return np.array([*self.numbers, *levels, *self.categories], np.int64)

    @property
    def width(self) -> int:
        """The number m of expanded columns."""
        return len(self.owners)

    def expand(self, rows: NDArray[Any], dtype: Any = np.float64) -> NDArray[Any]:
        """Expand rows, [rows, n], to an array of this type, [rows, m]."""
        if self.is_plain:
            return rows.astype(dtype, copy=False)
        return np.concatenate([block.astype(dtype) for block in self.blocks(rows)], axis=1)

    def blocks(self, rows: NDArray[np.float64]) -> Iterator[NDArray[Any]]:
        """The expanded rows in blocks of columns: numbers, the levels' copies of each category, the other copies."""
        yield rows[:, self.numbers]
        others = []
        for position in self.categories:
            column = rows[:, position]
            hot = np.stack([np.abs(column - level) <= NEAREST for level in range(self.levels[position])], axis=1)
            others.append(~hot.any(axis=1))
            yield hot
        if others:
            yield np.stack(others, axis=1)

    def with_copies(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rows, float64 [rows, n], followed by the copies of their categories."""
        return np.concatenate([rows, *list(self.blocks(rows))[1:]], axis=1)

    @cached_property
    def in_copies(self) -> list[int]:
        """The positions of the expanded columns in the result of `with_copies`."""
        n = len(self.levels)
        return [*self.numbers, *range(n, n + self.width - len(self.numbers))]

    def fill(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values to replace missing ones, float64 [n], with the index of the other copy for categories."""
        return np.where(self.levels, np.array(self.levels, np.float64), values)
