"""Calibrates a threshold exactly, in two passes, on more rows than fit into memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput, CheckFailed
from aetk.base.names import as_text
from aetk.cluster.engine import Engine
from aetk.cluster.storage import Folder, open_folder
from aetk.contract import spec
from aetk.contract.threshold import Method, Threshold, conformal_rank, expected_alarms, just_below
from aetk.edge.destination import Destination
from aetk.edge.scoring.batch_scorer import BatchScorer
from aetk.edge.tables import arrow, parquet
from aetk.edge.tables.labels import as_labels
from aetk.edge.threshold import ThresholdReport, reissue

_LOW_BITS = 16
"""Half the bits of a similarity: its rank is found by the higher half of its bits first, then by the lower half."""


def calibrate_on_engine(
    model: str | Path,
    method: Method,
    data: str,
    engine: Engine,
    label: str | None = None,
    *,
    sign_key: str | Path | None = None,
    out: str | Path | None = None,
    dry_run: bool = False,
) -> ThresholdReport:
    """Calibrate a model's threshold on a folder of Parquet files: split-conformal, as `calibrate_threshold` does.

    The first pass counts similarities by the higher half of their bits, and so finds the few that are close to the
    threshold; the second pass counts those one by one.

    Args:
        model: the model to change, at the same path on every machine of the engine.
        method: `conformal`.
        data: a folder or its URL, with the model's features. Without a label every row counts as ordinary.
        engine: the engine that does the work.
        label: a column of 0 (ordinary) and 1 (anomaly).
        sign_key: a private Ed25519 key in PEM, to sign the file again.
        out: another file to write, so that `model` stays as it is.
        dry_run: whether nothing is written.

    Raises:
        BadInput: the data cannot be scored or has too few ordinary rows, or another process writes the model's folder.
        CheckFailed: the workers' results differ from pass to pass.
        Unavailable: the engine or a store cannot be reached or failed.
    """
    folder, destination = open_folder(data), Destination(out, dry_run, sign_key)
    with destination.held(Path(model)) as loaded:
        names = [entry.name for entry in folder.tables()]
        if not names:
            raise BadInput(f"{folder} holds no Parquet files; expected a folder of them.", "Name another folder.")
        count = _Count(BatchScorer(loaded.path, threads=engine.threads), folder, label)
        with engine.connected():
            coarse, invalid = _sum(engine.run(count, [{"name": name} for name in names]))
            rows = sum(coarse.values())
            rank, rate = conformal_rank(rows, method.parameter)
            value, flagged = _search(coarse, rank, lambda bins: _among(engine, count, names, bins))
        basis = f"ordinary rows of {as_text(PurePosixPath(str(folder)).name)}"
        threshold = Threshold(value, str(method), rate, rows, basis, expected_alarms(flagged, rows))
        return reissue(loaded, threshold, invalid, destination)


@dataclass(frozen=True)
class _Count:
    """Counts the similarities of a partition's ordinary rows, by keys that have the same order as the similarities.

    Without `bins`, a key is the number of a bin: the higher half of the bits. With `bins`, it is the full key of a
    similarity in one of these bins.
    """

    scorer: BatchScorer
    data: Folder
    label: str | None
    bins: tuple[int, ...] | None = None

    def __call__(self, task: dict[str, Any]) -> dict[str, Any]:
        counts, invalid, first = dict[int, int](), 0, 1
        names = list(self.scorer.feature_names)
        columns = names if self.label is None else [*names, self.label]
        with self.data.local(task["name"]) as path:
            parquet.checked_rows(path, columns, [])
            for piece in parquet.batches(path, columns, []):
                scored = self.scorer(piece.select(names))
                valid = scored.column(spec.IS_VALID).to_numpy(zero_copy_only=False)
                invalid += int((~valid).sum())
                keys = _keys(scored.column(spec.SIMILARITY).to_numpy()[valid & ~self._anomalies(piece, first)])
                _add(counts, self._chosen(keys))
                first += piece.num_rows
        return {"counts": list(counts.items()), "invalid": invalid}

    def _chosen(self, keys: NDArray[np.uint32]) -> NDArray[np.uint32]:
        high = keys >> np.uint32(_LOW_BITS)
        return high if self.bins is None else keys[np.isin(high, self.bins)]

    def _anomalies(self, piece: Any, first: int) -> NDArray[np.bool_]:
        if self.label is None:
            return np.zeros(piece.num_rows, bool)
        values = np.empty((piece.num_rows, 1))
        arrow.fill(values, [piece.column(self.label)])
        return as_labels(values[:, 0], self.label, lambda row: f"{self.data}, row {first + row}", whole=False)


def _add(counts: dict[int, int], keys: NDArray[np.uint32]) -> None:
    for key, number in zip(*(part.tolist() for part in np.unique(keys, return_counts=True)), strict=True):
        counts[key] = counts.get(key, 0) + number


def _sum(results: Iterator[dict[str, Any]]) -> tuple[dict[int, int], int]:
    counts, invalid = dict[int, int](), 0
    for result in results:
        invalid += result["invalid"]
        for key, number in result["counts"]:
            counts[key] = counts.get(key, 0) + number
    return counts, invalid


def _among(engine: Engine, count: _Count, names: Sequence[str], bins: Mapping[int, int]) -> dict[int, int]:
    """Count the similarities of some bins one by one; raise CheckFailed if the first pass counted another number."""
    counts, _ = _sum(engine.run(replace(count, bins=tuple(bins)), [{"name": name} for name in names]))
    found = dict.fromkeys(bins, 0)
    for key, number in counts.items():
        found[key >> _LOW_BITS] += number
    if found != bins:
        raise CheckFailed(
            f"The second pass over {count.data} found {sum(found.values()):,} rows where the first found "
            f"{sum(bins.values()):,}: data, or the processors that score, are not the same from pass to pass.",
            "Nothing was changed. Calibrate on data that nothing changes, and on workers of the same kind.",
        )
    return counts


def _search(
    bins: Mapping[int, int], rank: int, among: Callable[[dict[int, int]], Mapping[int, int]]
) -> tuple[float, int]:
    """The threshold just below the similarity of a rank, and how many similarities lie below the threshold.

    Args:
        bins: the number of similarities in each bin.
        rank: the rank, counted from 1 for the smallest similarity.
        among: counts the similarities of some bins one by one.
    """
    order = sorted(bins)
    up_to = np.cumsum([bins[key] for key in order])
    at = int(np.searchsorted(up_to, rank))
    low = max(0, at - 1)  # the neighbour below the rank may lie in the bin below, or in one still lower
    while True:
        counts = among({key: bins[key] for key in order[low : at + 2]})
        keys = np.array(sorted(counts), np.uint32)
        below = int(up_to[low - 1]) if low else 0
        numbers = np.cumsum([counts[int(key)] for key in keys]) + below
        known = _similarities(keys)
        value = just_below(known[np.searchsorted(numbers, rank)], known)
        smaller = int(np.searchsorted(known, np.float32(value)))
        if smaller or not low:
            return value, int(numbers[smaller - 1]) if smaller else below
        low -= 1


def _keys(similarity: NDArray[np.float32]) -> NDArray[np.uint32]:
    """The bits of float32 numbers, changed so that they have the same order as the numbers."""
    bits = (similarity + np.float32(0)).view(np.uint32)  # turns -0 into 0
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def _similarities(keys: NDArray[np.uint32]) -> NDArray[np.float32]:
    """Turn keys back into similarities."""
    return np.where(keys >> 31, keys & np.uint32((1 << 31) - 1), ~keys).view(np.float32)
