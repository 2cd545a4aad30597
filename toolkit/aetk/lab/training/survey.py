"""The first pass over streamed rows: checks, moments, a sample, and the rows to calibrate and to select on."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from aetk.base.errors import BadInput, Interrupted
from aetk.contract import spec
from aetk.edge.tables.chunk import no_rows
from aetk.edge.tables.labels import as_labels
from aetk.lab.data.dataset import check_enough, no_number, not_finite, reading_in_bytes
from aetk.lab.data.hash_split import CALIBRATION, FIT, SELECTION, HashSample, HashSplit
from aetk.lab.data.moments import Moments
from aetk.lab.data.redundancy import Redundancy
from aetk.lab.data.shards import BLOCK_ROWS, Columns, Piece, Shard, deal, read
from aetk.lab.training.distributed.group import Group, Tensors
from aetk.lab.training.signals import StopRequest

_SAMPLE, _SELECTION, _CALIBRATION, _ANOMALIES = "sample", "selection", "calibration", "anomalies"
KEPT_ROWS = {_SAMPLE: 100_000, _SELECTION: 50_000, _CALIBRATION: 200_000, _ANOMALIES: 50_000}
"""The maximum number of rows of each kind that are kept in memory."""
_KEPT_VALUES, _FEWEST_KEPT = 2**23, 1000
"""Lower limits for wide rows: this number of float64 values (64 MiB) of a kind, but at least this number of rows."""
_MODULUS = 2**256


@dataclass(frozen=True)
class Survey:
    """The results of the pass; `rows`, `ordinary` and `redundancy` cover all processes only in the first one.

    Attributes:
        shards: the shards of this process.
        own_rows: int64 [shards], the number of rows to fit on in each of these shards.
        rows, ordinary: the number of rows, and of those that are not labelled as anomalies.
        fit_rows: the number of rows to fit on, in all processes.
        moments: the moments of all rows to fit on, of each column and then of each category's copies, see
            `Expansion.with_copies`.
        fingerprint: SHA-256 over names, rows and labels, in hexadecimal digits; independent of the layout of files.
        sample, selection, calibration, anomalies: float64 [rows, n], the rows kept of each kind: rows to fit on,
            ordinary rows to select and to calibrate on, labelled anomalies. Empty in all processes but the first.
        redundancy: the redundancy of the rows.
        notes: notes for the user on kinds with more rows than are kept; empty in all processes but the first.
    """

    shards: tuple[Shard, ...]
    own_rows: NDArray[np.int64]
    rows: int
    ordinary: int
    fit_rows: int
    moments: Moments
    fingerprint: str
    sample: NDArray[np.float64]
    selection: NDArray[np.float64]
    calibration: NDArray[np.float64]
    anomalies: NDArray[np.float64]
    redundancy: Redundancy
    notes: tuple[str, ...]


def take_survey(
    shards: Sequence[Shard],
    columns: Columns,
    title: str,
    hash_split: HashSplit,
    missing: str,
    group: Group,
    stop: StopRequest,
) -> Survey:
    """Read every row once, each process a part of them; all processes return together.

    Raises:
        BadInput: a value or label cannot be used, there are too few rows, or a file is damaged.
        Interrupted: a signal came.
    """
    mine = deal(shards, group.rank, group.world)
    tally = _Tally(columns, hash_split)
    with group.fail_together():
        for shard in mine:
            tally.begin()
            for piece in read(shard, columns):
                tally.add(piece)
                if stop.received is not None:
                    raise Interrupted("Stopped while the rows were looked at; nothing was trained yet.", stop.received)
    by_rank = [sum(tally.fit_rows)]
    for other in group.gather_to_first(tally.tensors()):
        by_rank.append(int(other["counts"][1]))
        tally.merge(other)
    shared: Tensors = {}
    with group.fail_together():
        if group.is_first:
            _check_values(tally, shards, columns, title, missing)
            _check_counts(tally, title, hash_split, by_rank)
            shared = {"moments": torch.from_numpy(tally.moments.stacked()), "fingerprint": tally.fingerprint()}
            shared["fit_rows"] = torch.tensor(int(tally.counts[1]))
    shared = group.broadcast_tensors(shared)
    moments = Moments(*shared["moments"].numpy())
    return Survey(
        shards=mine,
        own_rows=np.array(tally.fit_rows, np.int64),
        rows=int(tally.counts[0]),
        ordinary=int(tally.counts[2]),
        fit_rows=int(shared["fit_rows"]),
        moments=moments,
        fingerprint=shared["fingerprint"].numpy().tobytes().hex(),
        redundancy=tally.redundancy,
        notes=tuple(tally.notes()) if group.is_first else (),
        **{kind: drawn.rows if group.is_first else drawn.rows[:0] for kind, drawn in tally.drawn.items()},
    )


class _Tally:
    """Statistics of the rows that a process has read; the first process merges those of all.

    Attributes:
        fit_rows: the number of rows to fit on in each shard of this process.
        counts: int64 [7], the numbers of rows, rows to fit on, ordinary rows, missing or infinite values, and rows with
            such a value; then the number and the column of the first such row, or -1.
    """

    def __init__(self, columns: Columns, hash_split: HashSplit) -> None:
        n = len(columns.features)
        most = max(_KEPT_VALUES // n, _FEWEST_KEPT)
        self._columns, self._hash_split = columns, hash_split
        self.drawn = {kind: HashSample(min(rows, most), n) for kind, rows in KEPT_ROWS.items()}
        self._expansion = columns.expansion
        self.moments = Moments.of(self._expansion.with_copies(np.empty((0, n))))
        self.redundancy = Redundancy(n)
        self.fit_rows: list[int] = []
        self.counts = np.array([0, 0, 0, 0, 0, -1, -1])
        self._blocks, self._block, self._open_at = 0, hashlib.sha256(), 0

    def begin(self) -> None:
        """Begin another shard."""
        self.fit_rows.append(0)

    def add(self, piece: Piece) -> None:
        """Add rows, in the order of the table; raise BadInput for an invalid label."""
        label, labels = self._columns.label, np.zeros(len(piece.cells), bool)
        if label is not None:
            labels = as_labels(piece.cells[:, -1], label, piece.where, whole=False)
        self._digest(piece)
        self.redundancy.see(piece.values, piece.numbers)
        bad = ~(np.abs(piece.values) <= spec.FINITE_LIMIT)
        bad[:, self._expansion.categories] = False
        if bad.any():
            self._note_bad(piece, bad)
        parts = self._hash_split.parts(piece.numbers)
        kinds = {
            _SAMPLE: ~labels & (parts == FIT),
            _SELECTION: ~labels & (parts == SELECTION),
            _CALIBRATION: ~labels & (parts == CALIBRATION),
            _ANOMALIES: labels & self._hash_split.calibrates,
        }
        order = self._hash_split.order(piece.numbers)
        for kind, chosen in kinds.items():
            self.drawn[kind].show(order[chosen], piece.values[chosen])
        fit_rows = int(kinds[_SAMPLE].sum())
        self.fit_rows[-1] += fit_rows
        self.moments += Moments.of(self._expansion.with_copies(piece.values[kinds[_SAMPLE]]))
        self.counts[:3] += len(labels), fit_rows, int((~labels).sum())

    def _note_bad(self, piece: Piece, bad: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(bad.any(axis=1))
        if self.counts[5] < 0:
            self.counts[5:] = piece.numbers[rows[0]], np.flatnonzero(bad[rows[0]])[0]
        self.counts[3:5] += int(bad.sum()), len(rows)

    def _digest(self, piece: Piece) -> None:
        """Add the digests of blocks to a sum, which has no order; blocks begin at the same rows in every process."""
        cells, number = piece.cells, int(piece.numbers[0])
        while len(cells):
            rows = min(len(cells), BLOCK_ROWS - number % BLOCK_ROWS)
            self._block.update(cells[:rows].tobytes())
            cells, number = cells[rows:], number + rows
            if number % BLOCK_ROWS == 0:
                self._close(number)
        self._open_at = number

    def _close(self, number: int) -> None:
        """End the block before this row number, and add its digest to the sum."""
        self._block.update(number.to_bytes(8, "little"))
        self._blocks = (self._blocks + int.from_bytes(self._block.digest(), "little")) % _MODULUS
        self._block = hashlib.sha256()

    def tensors(self) -> Tensors:
        """Return all statistics, for `merge`; no rows may be added afterwards."""
        if self._open_at % BLOCK_ROWS:  # the table's last block may be shorter
            self._close(self._open_at)
        parts = {f"{kind}.{name}": array for kind, drawn in self.drawn.items() for name, array in drawn.state().items()}
        parts |= self.redundancy.state()
        arrays = {"counts": self.counts.copy(), "moments": self.moments.stacked(), **parts}
        return {name: torch.from_numpy(array) for name, array in arrays.items()} | {"blocks": self._sum()}

    def _sum(self) -> torch.Tensor:
        return torch.frombuffer(bytearray(self._blocks.to_bytes(32, "little")), dtype=torch.uint8)

    def merge(self, other: Tensors) -> None:
        """Add the statistics of the process with the next rank."""
        arrays = {name: tensor.numpy() for name, tensor in other.items()}
        self.moments += Moments(*arrays["moments"])
        self.redundancy.merge(arrays)
        self._blocks = (self._blocks + int.from_bytes(arrays["blocks"].tobytes(), "little")) % _MODULUS
        if self.counts[5] < 0:
            self.counts[5:] = arrays["counts"][5:]
        self.counts[:5] += arrays["counts"][:5]
        for kind, drawn in self.drawn.items():
            drawn.merge({name: arrays[f"{kind}.{name}"] for name in ("keys", "rows", "shown")})

    def fingerprint(self) -> torch.Tensor:
        """SHA-256 over the names, the number of rows and the sum of the blocks' own digests, uint8 [32]."""
        columns = self._columns
        digest = hashlib.sha256("\0".join(columns.names).encode())
        digest.update(reading_in_bytes(columns.features, columns.encodings, columns.table))
        digest.update(int(self.counts[0]).to_bytes(8, "little") + self._blocks.to_bytes(32, "little"))
        return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)

    def notes(self) -> Iterator[str]:
        """Notes for the user on rows that were not kept."""
        words = {_SELECTION: "choose the weights", _CALIBRATION: "calibrate", _ANOMALIES: "calibrate as anomalies"}
        for kind, purpose in words.items():
            drawn = self.drawn[kind]
            if drawn.shown > drawn.most:
                yield f"Of {drawn.shown:,} rows to {purpose}, {drawn.most:,} drawn by lot are held in memory and used."


def _check_values(tally: _Tally, shards: Sequence[Shard], columns: Columns, title: str, missing: str) -> None:
    values, rows, number, column = map(int, tally.counts[3:])
    if missing == "median":
        for position, name in enumerate(columns.features):
            if tally.counts[1] and not tally.moments.count[position]:
                raise no_number(title, name)
    elif values:
        shard = next(shard for shard in shards if shard.first <= number < shard.first + shard.rows)
        raise not_finite(title, values, rows, shard.where(number - shard.first), columns.features[column])


def _check_counts(tally: _Tally, title: str, hash_split: HashSplit, fit_rows: Sequence[int]) -> None:
    if not tally.counts[0]:
        raise no_rows(Path(title))
    ordinary = int(tally.counts[2])
    check_enough(title, ordinary, int(tally.counts[0]))
    needed = {_SELECTION: hash_split.selects, _CALIBRATION: hash_split.calibrates}
    if any(tally.drawn[kind].shown < 2 for kind, is_needed in needed.items() if is_needed) or not all(fit_rows):
        raise BadInput(
            f"{title} holds {ordinary} ordinary rows, too few to draw parts of by lot in {_processes(len(fit_rows))}.",
            "Leave --stream and torchrun out; so few rows fit into memory.",
        )


def _processes(count: int) -> str:
    return f"{count} process{'es' * (count > 1)}"
