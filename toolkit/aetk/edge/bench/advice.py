"""Concludes from a benchmark, for its machine, when to use which provider, with which options.

Rows whose windows disagree or whose samples are too few allow no conclusion, and no row does if other processes used
the machine. What is missing is reported as data.
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
"""Medians this close are equal: then less processor time wins; if that is equal too, fewer threads and no spinning."""


@dataclass(frozen=True)
class Choice:
    """The best session options for a batch size; no doubtful row can be faster.

    Attributes:
        setting: provider, threads and spinning.
        median: median seconds of a run with them.
        others: the other settings that were compared.
    """

    setting: Setting
    median: float
    others: tuple[Setting, ...]


@dataclass(frozen=True)
class Undecided:
    """A batch size for which no options can be chosen, and the doubtful rows."""

    batch: int
    doubtful: tuple[Doubtful, ...]


@dataclass(frozen=True)
class ScorerThroughput:
    """The highest throughput of aetk's Scorer.

    Attributes:
        batch: the rows of a call.
        rows_per_second: the throughput with that batch.
        ratio: the throughput over the highest of a single session on the CPU; None if that is not known.
    """

    batch: int
    rows_per_second: float
    ratio: float | None


@dataclass(frozen=True)
class Conclusion:
    """The conclusions from a benchmark, as data.

    Attributes:
        withheld: whether nothing is concluded, since other processes used the machine; all else is empty then.
        crossovers: one for every mode of every other provider that was compared with the CPU.
        choices: the choices at the smallest batch and at the one near 1,024 rows, if the rows allow one.
        undecided: those of the two batches that allow no choice.
        scorer: the Scorer's throughput; None if it was not measured, or not well enough.
        snippet: Python code that opens a session for each of the choices; empty if there are none.
    """

    withheld: bool
    crossovers: tuple[Crossover, ...]
    choices: tuple[Choice, ...]
    undecided: tuple[Undecided, ...]
    scorer: ScorerThroughput | None
    snippet: str


def conclude(model: Path, measured: Sequence[Measured], withheld: bool = False) -> Conclusion:
    """Compare medians: of providers at equal batch sizes, of session options at two batch sizes."""
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
    """The throughput over that of the best single session on the CPU; None if a doubtful one may be the best."""
    plain = [row for row in measured if row.setting.mode == "run" and row.setting.provider == "cpu"]
    best = max((row.rows_per_second for row in plain if row.doubt is None), default=0.0)
    doubtful = [row.setting.batch / row.fastest_run for row in plain if row.doubt is not None]
    return None if not best or max(doubtful, default=0.0) >= best else scorer.rows_per_second / best
