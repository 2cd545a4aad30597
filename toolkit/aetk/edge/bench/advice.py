"""What follows from a benchmark for the machine it was made on: when to use which provider, with which options."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aetk.edge.bench.grid import compared_batches
from aetk.edge.bench.row import Measured
from aetk.edge.bench.setting import Setting
from aetk.edge.bench.snippet import snippet

_ALIKE = 1.05
_CPU_ALIKE = 1.10
"""Medians this close are a tie, which less processor time wins; is that alike too, fewer threads and no spinning do."""


@dataclass(frozen=True)
class Crossover:
    """From which batch size another provider beats the CPU.

    Attributes:
        provider: the other one.
        mode: `run` with the copies, `bound` with rows and answers on the device.
        batch: its median is the lower one here and at every larger batch measured; None where it never is.
        compared_batch: the batch size of the medians below: `batch`, or the largest that both ran where that is None.
        median: seconds of a run on the other provider.
        cpu_median: seconds of a run on the CPU.
    """

    provider: str
    mode: str
    batch: int | None
    compared_batch: int
    median: float
    cpu_median: float


@dataclass(frozen=True)
class Choice:
    """The session options that served a batch size best.

    Attributes:
        setting: provider, threads and spinning.
        median: seconds of a run with them.
        unstable: whether that row's windows disagree.
        others: what was tried besides.
    """

    setting: Setting
    median: float
    unstable: bool
    others: tuple[Setting, ...]


@dataclass(frozen=True)
class ScorerThroughput:
    """The highest throughput of aetk's Scorer.

    Attributes:
        batch: the rows of a call.
        rows_per_second: what it reached with them.
        ratio: to the highest throughput of a single session on the CPU; None where none was measured.
    """

    batch: int
    rows_per_second: float
    ratio: float | None


@dataclass(frozen=True)
class Conclusion:
    """What follows from a benchmark, as data.

    Attributes:
        crossovers: one for every other provider and mode that was measured beside the CPU.
        choices: at the smallest batch and at the one near 1,024 rows, where samples were enough.
        scorer: None where no batch was large enough for the Scorer to be measured.
        snippet: Python that opens a session for each of the choices; empty without one.
    """

    crossovers: tuple[Crossover, ...]
    choices: tuple[Choice, ...]
    scorer: ScorerThroughput | None
    snippet: str


def conclude(model: Path, measured: Sequence[Measured]) -> Conclusion:
    """Compare medians: by provider where batches agree, by session options at two batch sizes."""
    crossings = tuple(
        crossing
        for provider, mode in dict.fromkeys((row.setting.provider, row.setting.mode) for row in measured)
        if provider != "cpu" and mode != "scorer"
        for crossing in _crossover(measured, provider, mode)
    )
    sizes = [row.setting.batch for row in measured if row.setting.mode == "run"]
    choices = tuple(
        choice for batch in (compared_batches(sizes) if sizes else ()) for choice in _choose(measured, batch)
    )
    return Conclusion(crossings, choices, _scorer(measured), snippet(model, [choice.setting for choice in choices]))


def _medians(measured: Sequence[Measured], provider: str, mode: str) -> dict[int, float]:
    """The lowest median at each batch size, whatever the options."""
    found: dict[int, float] = {}
    for row in measured:
        if (row.setting.provider, row.setting.mode) == (provider, mode) and row.median is not None:
            found[row.setting.batch] = min(row.median, found.get(row.setting.batch, row.median))
    return found


def _crossover(measured: Sequence[Measured], provider: str, mode: str) -> list[Crossover]:
    cpu, other = _medians(measured, "cpu", "run"), _medians(measured, provider, mode)
    both = sorted(cpu.keys() & other.keys(), reverse=True)
    if not both:
        return []
    first = None
    for batch in both:
        if other[batch] >= cpu[batch]:
            break
        first = batch
    compared = both[0] if first is None else first
    return [Crossover(provider, mode, first, compared, other[compared], cpu[compared])]


def _choose(measured: Sequence[Measured], batch: int) -> list[Choice]:
    rows = [row for row in measured if row.setting.batch == batch and row.setting.mode == "run"]
    timed = [(row.median, row) for row in rows if row.median is not None]
    if not timed:
        return []
    fastest = min(median for median, _ in timed)
    fast = [(median, row) for median, row in timed if median <= _ALIKE * fastest]
    least = min(row.cpu_seconds_per_1000_rows for _, row in fast)
    median, best = min(
        ((median, row) for median, row in fast if row.cpu_seconds_per_1000_rows <= _CPU_ALIKE * least),
        key=lambda pair: (pair[1].setting.threads or math.inf, pair[1].setting.spinning),
    )
    others = tuple(row.setting for _, row in timed if row is not best)
    return [Choice(best.setting, median, best.timings.unstable is True, others)]


def _scorer(measured: Sequence[Measured]) -> ScorerThroughput | None:
    rows = [row for row in measured if row.setting.mode == "scorer"]
    if not rows:
        return None
    best = max(rows, key=lambda row: row.rows_per_second)
    plain = [row.rows_per_second for row in measured if row.setting.mode == "run" and row.setting.provider == "cpu"]
    ratio = best.rows_per_second / max(plain) if plain else None
    return ScorerThroughput(best.setting.batch, best.rows_per_second, ratio)
