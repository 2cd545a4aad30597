"""What follows from a benchmark for the machine it was made on: when to use which provider, with which options."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aetk.edge.bench.grid import compared_batches
from aetk.edge.bench.row import Measured, Skipped
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
        way: `run` with the copies, `bound` with rows and answers on the device.
        batch: its median is the lower one here and at every larger batch measured; None where it never is.
    """

    provider: str
    way: str
    batch: int | None


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
class Conclusion:
    """What a benchmark says in the end.

    Attributes:
        words: the same, to be read.
        crossovers: one for every other provider and way that was measured beside the CPU.
        choices: at the smallest batch and at the one near 1,024 rows, where samples were enough.
        snippet: Python that opens a session for each of the choices; empty without one.
    """

    words: tuple[str, ...]
    crossovers: tuple[Crossover, ...]
    choices: tuple[Choice, ...]
    snippet: str


def conclude(model: Path, measured: Sequence[Measured], skipped: Sequence[Skipped]) -> Conclusion:
    """Compare medians: by provider where batches agree, by session options at two batch sizes."""
    crossings = tuple(
        crossing
        for provider, way in dict.fromkeys((row.setting.provider, row.setting.way) for row in measured)
        if provider != "cpu" and way != "scorer"
        for crossing in _crossover(measured, provider, way)
    )
    sizes = [row.setting.batch for row in measured if row.setting.way == "run"]
    choices = tuple(
        choice for batch in (compared_batches(sizes) if sizes else ()) for choice in _choose(measured, batch)
    )
    words = [_crossing_words(crossing, measured) for crossing in crossings]
    words += [
        f"from which batch size {missing.provider} would beat the CPU here is not known: {missing.reason}"
        for missing in skipped
        if missing.provider != "cpu"
    ]
    words += [_choice_words(choice) for choice in choices]
    if sizes and not choices:
        words.append("too few samples to choose session options by; give more --seconds")
    words += _scorer_words(measured)
    return Conclusion(tuple(words), crossings, choices, snippet(model, [choice.setting for choice in choices]))


def _medians(measured: Sequence[Measured], provider: str, way: str) -> dict[int, float]:
    """The lowest median at each batch size, whatever the options."""
    found: dict[int, float] = {}
    for row in measured:
        if (row.setting.provider, row.setting.way) == (provider, way) and row.median is not None:
            found[row.setting.batch] = min(row.median, found.get(row.setting.batch, row.median))
    return found


def _crossover(measured: Sequence[Measured], provider: str, way: str) -> list[Crossover]:
    cpu, other = _medians(measured, "cpu", "run"), _medians(measured, provider, way)
    both = sorted(cpu.keys() & other.keys(), reverse=True)
    if not both:
        return []
    first = None
    for batch in both:
        if other[batch] >= cpu[batch]:
            break
        first = batch
    return [Crossover(provider, way, first)]


def _crossing_words(crossing: Crossover, measured: Sequence[Measured]) -> str:
    how = "with the copies" if crossing.way == "run" else "with rows and answers on the device"
    cpu, other = (_medians(measured, *who) for who in (("cpu", "run"), (crossing.provider, crossing.way)))
    if crossing.batch is None:
        last = max(cpu.keys() & other.keys())
        return (
            f"{crossing.provider}, {how}, does not beat the CPU at the largest batch, {_rows(last)}: "
            f"{_time(other[last])} against {_time(cpu[last])}"
        )
    times = f"{_time(other[crossing.batch])} against {_time(cpu[crossing.batch])}"
    return f"{crossing.provider}, {how}, beats the CPU from {_rows(crossing.batch)} on: there {times}"


def _choose(measured: Sequence[Measured], batch: int) -> list[Choice]:
    rows = [row for row in measured if row.setting.batch == batch and row.setting.way == "run"]
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


def _choice_words(choice: Choice) -> str:
    others = "; ".join(options_in_words(setting) for setting in choice.others)
    tried = f" (tried besides: {others})" if others else " (nothing else was tried)"
    doubt = ", but unstable: measure again on a quiet machine" if choice.unstable else ""
    words = options_in_words(choice.setting)
    return f"best for {_rows(choice.setting.batch)}: {words}, p50 {_time(choice.median)}{doubt}{tried}"


def options_in_words(setting: Setting) -> str:
    """Provider, threads and spinning in a few words."""
    if setting.provider != "cpu":
        return setting.provider
    if setting.threads == 1:
        return "cpu with 1 thread"
    threads = "auto" if setting.threads is None else f"{setting.threads}"
    return f"cpu with {threads} threads" + ("" if setting.spinning else ", not spinning")


def _scorer_words(measured: Sequence[Measured]) -> list[str]:
    rows = [row for row in measured if row.setting.way == "scorer"]
    if not rows:
        return []
    best = max(rows, key=lambda row: row.rows_per_second)
    plain = [row.rows_per_second for row in measured if row.setting.way == "run" and row.setting.provider == "cpu"]
    against = f", {best.rows_per_second / max(plain):.2g} times the best single session.run" if plain else ""
    return [
        f"aetk's Scorer answers {_rows(best.setting.batch)} at {best.rows_per_second / 1e6:.2f} million rows/s{against}"
    ]


def _rows(batch: int) -> str:
    return "1 row" if batch == 1 else f"{batch:,} rows"


def _time(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds >= 1e-3 else f"{1e6 * seconds:.3g} µs"
