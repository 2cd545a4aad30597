"""Rows of Parquet files, dealt out to the processes of a fit, read piece by piece and shuffled in a bounded buffer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.edge.tables import parquet
from aetk.edge.tables.chunk import row_location
from aetk.lab.data.hash_split import FIT, HashSplit
from aetk.lab.data.moments import Moments

BLOCK_ROWS = 64
"""Rows that are never dealt to two processes; the fingerprint goes by them."""


@dataclass(frozen=True)
class Shard:
    """Consecutive rows of one row group of a Parquet file.

    Attributes:
        first: the number of its first row in the whole table, from 0.
        in_file: the same in the file.
        skip: rows of the row group that come before.
        rows: how many it has.
    """

    path: Path
    row_group: int
    first: int
    in_file: int
    skip: int
    rows: int

    def where(self, row: int) -> str:
        """How a message names one of its rows, counted from 0."""
        return row_location(self.path, self.in_file + row + 1)


@dataclass(frozen=True)
class Columns:
    """What to read of each row: features by name, and the label's column or None."""

    features: tuple[str, ...]
    label: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, the label last."""
        return self.features if self.label is None else (*self.features, self.label)


@dataclass(frozen=True)
class Piece:
    """Some rows of a shard.

    Attributes:
        shard: whose they are.
        start: the first of them in the shard, from 0.
        cells: float64 [rows, columns], the label last.
        columns: what they are.
    """

    shard: Shard
    start: int
    cells: NDArray[np.float64]
    columns: Columns

    @property
    def values(self) -> NDArray[np.float64]:
        """The features, float64 [rows, n]."""
        return self.cells[:, : len(self.columns.features)]

    @property
    def labels(self) -> NDArray[np.float64] | None:
        """The label as it was read, float64 [rows], or None."""
        return None if self.columns.label is None else self.cells[:, -1]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Where the rows stand in the whole table, int64 [rows], from 0."""
        first = self.shard.first + self.start
        return np.arange(first, first + len(self.cells), dtype=np.int64)

    def where(self, row: int) -> str:
        """How a message names one of these rows, counted from 0."""
        return self.shard.where(self.start + row)


def find_shards(path: Path, columns: Columns) -> tuple[Shard, ...]:
    """The row groups of a Parquet file, or of a folder of them, in order; those without rows are left out.

    Raises:
        BadInput: no such file, one that is not Parquet, a missing column.
        NoNumbers: a column of another type.
        MissingExtra: pyarrow is not installed.
    """
    found, first = [], 0
    for file in parquet.files(path):
        in_file = 0
        for index, rows in enumerate(parquet.row_groups(file, columns.names)):
            if rows:
                found.append(Shard(file, index, first + in_file, in_file, 0, rows))
            in_file += rows
        first += in_file
    return tuple(found)


def deal(shards: Sequence[Shard], rank: int, world: int) -> tuple[Shard, ...]:
    """The shards of one process: of all rows in their order, the `rank`th of `world` equal parts, in whole blocks.

    At most `world` - 1 row groups are read by two processes, so a single one can be dealt out, too.
    """
    blocks = -(-sum(shard.rows for shard in shards) // BLOCK_ROWS)
    start, stop = (part * blocks // world * BLOCK_ROWS for part in (rank, rank + 1))
    mine = []
    for shard in shards:
        before = max(start - shard.first, 0)
        rows = min(stop - shard.first, shard.rows) - before
        if rows > 0:
            mine.append(
                replace(shard, first=shard.first + before, in_file=shard.in_file + before, skip=before, rows=rows)
            )
    return tuple(mine)


def read(shard: Shard, columns: Columns) -> Iterator[Piece]:
    """The rows of a shard in order, some thousands at a time; BadInput for a damaged file."""
    done = -shard.skip  # rows of the shard that were read
    for cells in parquet.read_row_group(shard.path, shard.row_group, columns.names):
        start, done = done, done + len(cells)
        cells = cells[max(-start, 0) : max(shard.rows - start, 0)]
        if len(cells):
            yield Piece(shard, max(start, 0), cells, columns)
        if done >= shard.rows:
            return


@dataclass(frozen=True)
class Stream:
    """Rows that are not in memory, as one process sees them.

    Attributes:
        shards: of this process.
        columns: to read.
        hash_split: what each row is for.
        own_rows: int64 [shards], how many of each shard are to fit on.
        moments: of all rows to fit on, of all processes.
    """

    shards: tuple[Shard, ...]
    columns: Columns
    hash_split: HashSplit
    own_rows: NDArray[np.int64]
    moments: Moments


def is_fit(piece: Piece, hash_split: HashSplit) -> NDArray[np.bool_]:
    """Which rows of a piece gradients see, bool [rows]: ordinary ones by lot."""
    chosen = np.equal(hash_split.parts(piece.numbers), FIT)
    return chosen if piece.labels is None else chosen & np.not_equal(piece.labels, 1)
