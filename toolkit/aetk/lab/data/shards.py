"""Distributes the rows of Parquet files among the processes of a fit, and reads them piece by piece."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.contract.reading import DEFAULT, Encoding, TableFormat
from aetk.edge.tables import parquet
from aetk.edge.tables.chunk import row_location
from aetk.lab.data.hash_split import FIT, HashSplit
from aetk.lab.data.moments import Moments
from aetk.lab.model.expansion import Expansion

BLOCK_ROWS = 64
"""Rows of a block, which is never split between two processes; the fingerprint is computed by blocks."""


@dataclass(frozen=True)
class Shard:
    """Consecutive rows of one row group of a Parquet file.

    Attributes:
        first: the number of its first row in the whole table, from 0.
        in_file: the number of its first row in the file, from 0.
        skip: the number of rows of the row group before the shard.
        rows: the number of rows of the shard.
    """

    path: Path
    row_group: int
    first: int
    in_file: int
    skip: int
    rows: int

    def where(self, row: int) -> str:
        """The name of one of its rows, counted from 0, for a message."""
        return row_location(self.path, self.in_file + row + 1)


@dataclass(frozen=True)
class Columns:
    """The columns to read.

    Attributes:
        features: the features by name.
        label: the label's column, or None.
        encodings, table: see `dataset.Dataset`.
    """

    features: tuple[str, ...]
    label: str | None
    encodings: tuple[Encoding, ...] = ()
    table: TableFormat = DEFAULT

    @property
    def expansion(self) -> Expansion:
        """Which features are categories."""
        return Expansion.of(self.encodings, len(self.features))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all columns, the label last."""
        return self.features if self.label is None else (*self.features, self.label)


@dataclass(frozen=True)
class Piece:
    """Some rows of a shard.

    Attributes:
        shard: the shard that the rows belong to.
        start: the number of the first of them in the shard, from 0.
        cells: float64 [rows, columns], the label last.
        columns: the columns of `cells`.
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
        """The numbers of the rows in the whole table, int64 [rows], from 0."""
        first = self.shard.first + self.start
        return np.arange(first, first + len(self.cells), dtype=np.int64)

    def where(self, row: int) -> str:
        """The name of one of these rows, counted from 0, for a message."""
        return self.shard.where(self.start + row)


def find_shards(path: Path, columns: Columns) -> tuple[Shard, ...]:
    """The row groups of a Parquet file, or of a folder of them, in order; those without rows are left out.

    Raises:
        BadInput: a file does not exist or is not Parquet, or lacks a column.
        NoNumbers: a column is not numeric.
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
    """Return the shards of one process: all rows in order are cut into `world` equal parts, in whole blocks.

    A row group may be cut too, so that a single one can be shared. At most `world` - 1 cuts fall inside row groups.
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
    """Read the rows of a shard in order, some thousands at a time; raise BadInput if the file is damaged."""
    done = -shard.skip  # rows of the shard that were read so far
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
        shards: the shards of this process.
        columns: the columns to read.
        hash_split: decides what each row is used for.
        own_rows: int64 [shards], the number of rows of each shard to fit on.
        moments: the moments of the rows to fit on of all processes, of each column and then of each category's copies,
            see `Expansion.with_copies`.
    """

    shards: tuple[Shard, ...]
    columns: Columns
    hash_split: HashSplit
    own_rows: NDArray[np.int64]
    moments: Moments


def is_fit(piece: Piece, hash_split: HashSplit) -> NDArray[np.bool_]:
    """Mark the rows of a piece to fit on, bool [rows]: ordinary rows that the hash split assigns to FIT."""
    chosen = np.equal(hash_split.parts(piece.numbers), FIT)
    return chosen if piece.labels is None else chosen & np.not_equal(piece.labels, 1)
