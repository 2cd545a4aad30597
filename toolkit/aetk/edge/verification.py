"""Proves on any machine, without PyTorch, that a model file still decides as it did when it was exported.

The Scorer itself scores the golden rows, on each of its paths: a single row may reach the device in another way than a
tile, and only one of the two ways may be wrong.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.arguments import checked
from aetk.contract.golden import GoldenReport, compare, worst
from aetk.edge.model import load
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.scoring.scorer import Scorer

_THREADS = 2
"""A fixed number, so that a machine with many processors replays no more rows; two threads use every path."""


@dataclass(frozen=True)
class PathCheck:
    """The golden rows replayed on one path of the Scorer, forwards and backwards: each row then follows two others.

    Attributes:
        path: its description.
        rows: the number of rows in each call.
        golden: the worst figures of all replays.
    """

    path: str
    rows: int
    golden: GoldenReport


@dataclass(frozen=True)
class ProviderCheck:
    """The golden rows replayed on one provider.

    Attributes:
        provider: its short name.
        runtime: name and version.
        placement: the number of nodes per provider.
        golden: the worst figures of all paths.
        paths: the result of each path of the Scorer.
    """

    provider: str
    runtime: str
    placement: dict[str, int]
    golden: GoldenReport
    paths: tuple[PathCheck, ...]


@dataclass(frozen=True)
class VerifyReport:
    """The result for a model file, whose digests, threshold and signature were checked before."""

    model: Path
    model_sha256: str
    card_copy: str
    trusted_key: Path | None
    checks: tuple[ProviderCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether every provider decides as the golden rows do."""
        return all(check.golden.passed for check in self.checks)


@checked
def verify(model: str | Path | Any, *, providers: Sequence[str] = ("cpu",)) -> VerifyReport:
    """Replay the golden rows on each provider, on every path of the Scorer.

    Args:
        model: see `edge.model.load`.
        providers: see `Scorer`.

    Raises:
        BadInput: not a model of the contract.
        CheckFailed: the model is not the one that its card describes.
        Unavailable: a provider cannot run it; no other provider is used instead.
    """
    loaded = load(model)
    checks = tuple(_check(Scorer(loaded, providers=[name], threads=_THREADS)) for name in providers)
    return VerifyReport(loaded.path, loaded.card.model_sha256, loaded.card_copy, loaded.trusted_key, checks)


def _check(scorer: Scorer) -> ProviderCheck:
    paths = (
        _replayed(scorer, "one row", 1),
        _replayed(scorer, "a tile", scorer.tile),  # the threads share a large one
        _replayed(scorer, "tiles and a last row", _THREADS * scorer.tile + 1),  # a tile per thread, and one row
    )
    runtime = f"onnxruntime {onnxruntime().__version__}"
    golden = worst([path.golden for path in paths])
    return ProviderCheck(scorer.provider, runtime, scorer.placement, golden, paths)


def _replayed(scorer: Scorer, path: str, rows: int) -> PathCheck:
    """Replay the golden rows forwards and backwards, repeated until they fill whole calls of `rows` rows."""
    count = len(scorer.model.card.golden)
    order = np.arange(rows * math.ceil(count / rows)) % count
    reports = [report for turned in (order, order[::-1]) for report in _replays(scorer, turned, rows)]
    return PathCheck(path, rows, worst(reports))


def _replays(scorer: Scorer, order: NDArray[np.intp], rows: int) -> list[GoldenReport]:
    """One report for each round of golden rows in `order`; the last round may share rows with the one before."""
    card = scorer.model.card
    count = len(card.golden)
    outputs = _outputs(scorer, card.golden.inputs[order], rows)
    reports = []
    for start in (*range(0, len(order) - count, count), len(order) - count):
        place = start + np.argsort(order[start : start + count])
        answers = {name: values[place] for name, values in outputs.items()}
        reports.append(compare(card.golden, answers, card.threshold.value, card.similarity.tolerance))
    return reports


def _outputs(scorer: Scorer, inputs: NDArray[np.float32], rows: int) -> dict[str, NDArray[Any]]:
    """The model's answers for `inputs`, float32 [any multiple of `rows`, n], in calls of `rows` rows."""
    scores = [scorer.score(inputs[start : start + rows]) for start in range(0, len(inputs), rows)]
    names = [*spec.OUTPUTS, *([] if scores[0].contribution is None else [spec.CONTRIBUTION])]
    return {name: np.concatenate([getattr(part, name) for part in scores]) for name in names}
