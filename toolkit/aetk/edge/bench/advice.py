"""What follows from a benchmark for the machine it was made on: when to use which provider, with which options.

Nothing follows from rows whose windows disagree or whose samples are too few, and nothing at all where other processes
took the machine: then it is data what is missing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aetk.edge.bench.crossover import Crossover, Doubtful, find_crossovers, find_fastest
from aetk.edge.bench.grid import compared_batches
from aetk.edge.bench.row import Measured
from aetk.edge.bench.setting import Setting
from aetk.edge.bench.snippet import snippet

_ALIKE = 1.05
_CPU_ALIKE = 1.10
"""Medians this close are a tie, which less processor time wins; is that alike too, fewer threads and no spinning do."""


@dataclass(frozen=True)
class Choice:
    """The session options that served a batch size best, all rows that might have been faster being known.

    Attributes:
        setting: provider, threads and spinning.
        median: seconds of a run with them.
        others: what was tried besides.
    """

    setting: Setting
    median: float
    others: tuple[Setting, ...]


@dataclass(frozen=True)
class Undecided:
    """A batch size for which no options can be chosen, and the rows that are not known well enough."""

    batch: int
    doubtful: tuple[Doubtful, ...]


@dataclass(frozen=True)
class ScorerThroughput:
    """The highest throughput of aetk's Scorer.

    Attributes:
        batch: the rows of a call.
        rows_per_second: what it reached with them.
        ratio: to the highest throughput of a single session on the CPU; None where that is not known.
    """

    batch: int
    rows_per_second: float
    ratio: float | None


@dataclass(frozen=True)
class Conclusion:
    """What follows from a benchmark, as data.

    Attributes:
        withheld: whether nothing is concluded, since other processes took the machine; all else is empty then.
        crossovers: one for every other provider and mode that was measured beside the CPU.
        choices: at the smallest batch and at the one near 1,024 rows, where the rows allow one.
        undecided: where they do not.
        scorer: None where the Scorer was not measured, or not well enough.
        snippet: Python that opens a session for each of the choices; empty without one.
    """

    withheld: bool
    crossovers: tuple[Crossover, ...]
    choices: tuple[Choice, ...]
    undecided: tuple[Undecided, ...]
    scorer: ScorerThroughput | None
    snippet: str


def conclude(model: Path, measured: Sequence[Measured], withheld: bool = False) -> Conclusion:
    """Compare medians: by provider where batches agree, by session options at two batch sizes."""
    if withheld:
        return Conclusion(True, (), (), (), None, "")
    sizes = [row.setting.batch for row in measured if row.setting.mode == "run"]
    decided = [_choose(measured, batch) for batch in (compared_batches(sizes) if sizes else ())]
    choices = tuple(found for found in decided if isinstance(found, Choice))
    return Conclusion(
        False,
        find_crossovers(measured),
        choices,
        tuple(found for found in decided if isinstance(found, Undecided)),
        _scorer(measured),
        snippet(model, [choice.setting for choice in choices]),
    )


def _choose(measured: Sequence[Measured], batch: int) -> Choice | Undecided:
    rows = [row for row in measured if row.setting.batch == batch and row.setting.mode == "run"]
    fastest, doubtful = find_fastest(rows)
    if fastest is None or fastest.median is None or doubtful:
        return Undecided(batch, doubtful)
    known = [(row.median, row) for row in rows if row.doubt is None and row.median is not None]
    fast = [(median, row) for median, row in known if median <= _ALIKE * fastest.median]
    least = min(row.cpu_seconds_per_1000_rows for _, row in fast)
    median, best = min(
        ((median, row) for median, row in fast if row.cpu_seconds_per_1000_rows <= _CPU_ALIKE * least),
        key=lambda pair: (pair[1].setting.threads or math.inf, pair[1].setting.spinning),
    )
    return Choice(best.setting, median, tuple(row.setting for _, row in known if row is not best))


def _scorer(measured: Sequence[Measured]) -> ScorerThroughput | None:
    rows = [row for row in measured if row.setting.mode == "scorer" and row.doubt is None]
    if not rows:
        return None
    best = max(rows, key=lambda row: row.rows_per_second)
    return ScorerThroughput(best.setting.batch, best.rows_per_second, _ratio(best, measured))


def _ratio(scorer: Measured, measured: Sequence[Measured]) -> float | None:
    """Throughput over the best of single sessions on the CPU; None where a doubtful one might be the best."""
    plain = [row for row in measured if row.setting.mode == "run" and row.setting.provider == "cpu"]
    best = max((row.rows_per_second for row in plain if row.doubt is None), default=0.0)
    doubtful = [row.setting.batch / row.fastest_run for row in plain if row.doubt is not None]
    return None if not best or max(doubtful, default=0.0) >= best else scorer.rows_per_second / best
