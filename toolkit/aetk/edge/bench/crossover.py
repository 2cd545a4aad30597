"""Finds the batch size from which another provider is faster than the CPU, and how far that is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aetk.edge.bench.row import Measured
from aetk.edge.bench.samples import Doubt
from aetk.edge.bench.setting import RunMode, Setting


@dataclass(frozen=True)
class Doubtful:
    """A row that might have been the fastest, and why that is not known."""

    setting: Setting
    doubt: Doubt


@dataclass(frozen=True)
class Point:
    """Another provider compared with the CPU at one batch size.

    Attributes:
        batch: rows per run.
        verdict: `faster` or `slower` if every window of the provider is below, or above, every window of the CPU,
            `alike` if they overlap, `unknown` if a row is doubtful.
        setting: the provider's row.
        cpu: the CPU's fastest row; None if that is doubtful.
        median: median seconds of a run on the provider; None if it is doubtful.
        cpu_median: median seconds of a run on the CPU; None if it is doubtful.
        low: the lowest ratio of two windows, the provider's over the CPU's; None if a row is doubtful.
        high: the highest ratio of two windows, or None likewise.
        doubtful: the rows that are not known well enough.
    """

    batch: int
    verdict: Literal["faster", "slower", "alike", "unknown"]
    setting: Setting
    cpu: Setting | None
    median: float | None
    cpu_median: float | None
    low: float | None
    high: float | None
    doubtful: tuple[Doubtful, ...]


@dataclass(frozen=True)
class Crossover:
    """The batch size from which another provider is faster than the CPU: between two that were measured.

    Attributes:
        provider: the other provider.
        mode: the provider's mode; the CPU's is `run`.
        points: the points of every batch size that both ran, in order.
        slower_up_to: the largest batch below `faster_from` at which it is slower; None if there is none.
        faster_from: the batch from which it is faster, also at every larger one; None if it is not at the largest.
        cpu_threads: the CPU's thread counts if it was measured only with given threads; else empty.
    """

    provider: str
    mode: RunMode
    points: tuple[Point, ...]
    slower_up_to: int | None
    faster_from: int | None
    cpu_threads: tuple[int, ...]

    def at(self, batch: int) -> Point:
        """The point of a batch size that both ran."""
        return next(point for point in self.points if point.batch == batch)


def find_fastest(rows: Sequence[Measured]) -> tuple[Measured | None, tuple[Doubtful, ...]]:
    """The row with the lowest median among those that are not doubtful, and the doubtful ones that may be faster.

    A doubtful row is not listed if even its fastest run took longer than that median.
    """
    known = [(row.median, row) for row in rows if row.doubt is None and row.median is not None]
    best = min(known, key=lambda pair: pair[0]) if known else None
    doubtful = tuple(
        Doubtful(row.setting, row.doubt)
        for row in rows
        if row.doubt is not None and (best is None or row.fastest_run <= best[0])
    )
    return None if best is None else best[1], doubtful


def find_crossovers(measured: Sequence[Measured]) -> tuple[Crossover, ...]:
    """Find the crossover of every mode of every provider that was measured along with the CPU."""
    pairs = dict.fromkeys((row.setting.provider, row.setting.mode) for row in measured)
    found = [_crossover(measured, provider, mode) for provider, mode in pairs if provider != "cpu" and mode != "scorer"]
    return tuple(crossover for crossover in found if crossover.points)


def _crossover(measured: Sequence[Measured], provider: str, mode: RunMode) -> Crossover:
    def rows(provider: str, mode: RunMode, batch: int) -> list[Measured]:
        wanted = (provider, mode, batch)
        return [r for r in measured if (r.setting.provider, r.setting.mode, r.setting.batch) == wanted]

    batches = sorted({row.setting.batch for row in measured})
    pairs = [(batch, rows("cpu", "run", batch), rows(provider, mode, batch)) for batch in batches]
    points = [_point(batch, cpu, other) for batch, cpu, other in pairs if cpu and other]
    first = None
    for point in reversed(points):
        if point.verdict != "faster":
            break
        first = point.batch
    slower = [p.batch for p in points if p.verdict == "slower" and (first is None or p.batch < first)]
    threads = {row.setting.threads for row in measured if (row.setting.provider, row.setting.mode) == ("cpu", "run")}
    chosen = () if None in threads else tuple(sorted(number for number in threads if number is not None))
    return Crossover(provider, mode, tuple(points), max(slower, default=None), first, chosen)


def _point(batch: int, cpu_rows: Sequence[Measured], rows: Sequence[Measured]) -> Point:
    (cpu, doubts), (other, more) = find_fastest(cpu_rows), find_fastest(rows)
    medians = (None if other is None else other.median, None if cpu is None else cpu.median)
    settings = (rows[0].setting if other is None else other.setting, None if cpu is None else cpu.setting)
    if doubts or more or cpu is None or other is None:
        return Point(batch, "unknown", *settings, *medians, None, None, (*doubts, *more))
    here, there = other.timings.window_medians, cpu.timings.window_medians
    low, high = min(here) / max(there), max(here) / min(there)
    verdict: Literal["faster", "slower", "alike"] = "faster" if high < 1 else "slower" if low > 1 else "alike"
    return Point(batch, verdict, *settings, *medians, low, high, ())
