"""A row of numbers as pieces of C text that are not computed yet: what a loop over the piece evaluates.

Copies, parts and joined rows then cost no loop and no memory of their own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Code = Callable[[str, int], str]
"""Gives the C text of an element: of element `offset` for the variable "", else of element `variable + offset`."""

ANYWHERE = None
Reads = frozenset[tuple[str, int | None]]
"""The buffers that a piece reads, each with the element that the piece's first one is made from."""

Values = NDArray[np.float32]


def index(variable: str, offset: int) -> str:
    """The C text of an index."""
    if not variable:
        return str(offset)
    return f"{variable} + {offset}" if offset > 0 else f"{variable} - {-offset}" if offset else variable


@dataclass(frozen=True)
class Piece:
    """Consecutive numbers of a row that one loop can make.

    Attributes:
        length: how many.
        code: their text.
        reads: what they are made from.
        cost: about how many instructions one takes, without loads.
        values: float32 [length], where they are constant.
    """

    length: int
    code: Code
    reads: Reads = frozenset()
    cost: int = 0
    values: Values | None = None

    def sliced(self, start: int, length: int) -> "Piece":
        """A part of the piece."""
        if (start, length) == (0, self.length):
            return self
        if self.values is not None and uniform(self.values[start : start + length]) is not None:
            return literal(self.values[start : start + length])
        return Piece(
            length,
            lambda variable, offset: self.code(variable, offset + start),
            frozenset((name, None if at is None else at + start) for name, at in self.reads),
            self.cost,
            None if self.values is None else self.values[start : start + length],
        )

    def repeated(self, length: int) -> "Piece":
        """A single number, as often as wanted."""
        if self.length == length:
            return self
        reads: Reads = frozenset((name, ANYWHERE) for name, _ in self.reads)
        values = None if self.values is None else np.repeat(self.values, length)
        return Piece(length, lambda variable, offset: self.code("", 0), reads, self.cost, values)

    def is_all(self, value: float) -> bool:
        """Whether every number is this constant."""
        return self.values is not None and bool((self.values == value).all())


@dataclass(frozen=True)
class Row:
    """A value of the graph, for one row.

    Attributes:
        shape: its shape in the graph.
        pieces: its numbers, flattened; no two of them overlap.
        is_bool: whether the text is a condition.
    """

    shape: tuple[int | None, ...]
    pieces: tuple[Piece, ...]
    is_bool: bool = False

    @property
    def width(self) -> int:
        """How many numbers there are."""
        return sum(piece.length for piece in self.pieces)

    @property
    def cost(self) -> int:
        """The cost of its dearest piece."""
        return max(piece.cost for piece in self.pieces)

    def sliced(self, start: int, length: int) -> tuple[Piece, ...]:
        """The pieces of a part."""
        found, at = [], 0
        for piece in self.pieces:
            first, last = max(start, at), min(start + length, at + piece.length)
            if first < last:
                found.append(piece.sliced(first - at, last - first))
            at += piece.length
        return tuple(found)

    def repeated(self, width: int) -> "Row":
        """A single number, as often as wanted."""
        return self if self.width == width else replace(self, pieces=(self.pieces[0].repeated(width),))


def combined(rows: Sequence[Row], shape: tuple[int | None, ...], make: Callable[..., Piece], *, is_bool: bool) -> Row:
    """A row whose pieces are made from those of several rows of the same width, cut at all their ends."""
    ends = sorted({end for row in rows for end in np.cumsum([piece.length for piece in row.pieces]).tolist()})
    pieces: list[Piece] = []
    for start, end in zip([0, *ends], ends, strict=False):
        parts = [row.sliced(start, end - start)[0] for row in rows]
        pieces.append(make(*parts))
    return Row(shape, tuple(pieces), is_bool)


def literal(values: Values) -> Piece:
    """Equal numbers as a piece."""
    text = number(float(values[0]))
    return Piece(len(values), lambda variable, offset: text, values=values)


def number(value: float) -> str:
    """A float32 number as C text that reads back as the same number."""
    text = f"{np.float32(value):.9g}"
    return f"{text if '.' in text or 'e' in text else text + '.0'}f"


def uniform(values: NDArray[Any]) -> float | None:
    """The number that all of these are, if they are."""
    flat = values.reshape(-1)
    return float(flat[0]) if len(flat) and bool((flat == flat[0]).all()) else None
