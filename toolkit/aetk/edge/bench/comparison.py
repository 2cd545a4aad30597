"""Compares a benchmark with an earlier one, row by row: how many times as long does a run take now?

A ratio of medians alone says little on a machine that others use too, so each has a spread, from the medians of the
windows on both sides: the lowest is the best window now over the worst one then, the highest the worst now over the
best then. No distribution is assumed, and windows that disagree widen the spread accordingly.

A row is slower than allowed only if the lowest ratio is above the limit: even its best window now, compared with the
worst one then, is too slow. So an unstable row fails only if the slowdown is larger than its own instability; a
slowdown within the spread is undecided. More --seconds narrow the spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from aetk.base.errors import BadInput
from aetk.edge.bench.baseline import Baseline, Key
from aetk.edge.bench.samples import Timings
from aetk.edge.bench.setting import Setting

_MACHINE = ("system", "processor", "usable_cpus", "cpu_quota", "gpus", "visible_gpus")
_VERSIONS = ("onnxruntime", "python", "numpy", "gpu_driver", "cuda", "cudnn")


@dataclass(frozen=True)
class Ratio:
    """One row in both reports.

    Attributes:
        setting: what was measured.
        interval_ms: the interval of sparse arrivals; None in the grid.
        median: median seconds now.
        other: median seconds then.
        ratio: `median` over `other`; above 1 is slower now.
        low: the lowest ratio of two windows; None if either side has too few samples for windows.
        high: the highest ratio of two windows, or None likewise.
        verdict: `slower` if the whole spread is above the limit (1 without a limit), `faster` if it is below 1,
            `undecided` if only the ratio itself is above the limit, `too few samples` without a spread, else `alike`.
    """

    setting: Setting
    interval_ms: int | None
    median: float
    other: float
    ratio: float
    low: float | None
    high: float | None
    verdict: Literal["slower", "faster", "alike", "undecided", "too few samples"]


@dataclass(frozen=True)
class Comparison:
    """The comparison of all rows that both reports hold.

    Attributes:
        other: the earlier report.
        fail_above: the ratio above which a row is too slow; None without a limit.
        rows: the compared rows, in this report's order.
        missing: rows that only the earlier report holds.
        warnings: what else differs: the model, the machine, the versions.
    """

    other: Path
    fail_above: float | None
    rows: tuple[Ratio, ...]
    missing: tuple[Key, ...]
    warnings: tuple[str, ...]

    @property
    def slower(self) -> tuple[Ratio, ...]:
        """The rows that are slower than the limit allows, or slower than before if there is no limit."""
        return tuple(row for row in self.rows if row.verdict == "slower")

    @property
    def passed(self) -> bool:
        """Whether no row is slower than allowed, and at least one could be compared; True if there is no limit."""
        judged = any(row.low is not None for row in self.rows)
        return self.fail_above is None or (judged and not self.slower)


def check(
    baseline: Baseline,
    settings: set[Key],
    environment: Mapping[str, Any],
    fail_above: float | None,
) -> None:
    """Refuse a meaningless comparison, before anything is measured.

    Raises:
        BadInput: the reports have no row in common, or there is a limit and the machines differ.
    """
    if not settings & baseline.rows.keys():
        raise BadInput(
            f"{baseline.path} holds no row that is to be measured now.",
            "Give the batch sizes, providers and threads that it was made with.",
        )
    differing = _differing(baseline, environment, _MACHINE)
    if fail_above is not None and differing:
        raise BadInput(
            f"{baseline.path} was made on another machine ({differing[0]}); a limit on ratios means nothing there.",
            "Make a report on this machine, or leave --fail-above out.",
        )


def compare(
    baseline: Baseline,
    now: Mapping[Key, Timings],
    model_sha256: str,
    environment: Mapping[str, Any],
    fail_above: float | None,
) -> Comparison:
    """Compute the ratios of medians with their spread, for every row that both reports hold."""
    rows = tuple(
        _ratio(key, timings, baseline.rows[key], fail_above) for key, timings in now.items() if key in baseline.rows
    )
    warnings = []
    if baseline.model_sha256 != model_sha256:
        warnings.append(
            f"ANOTHER MODEL: {baseline.path} measured {baseline.model} ({baseline.model_sha256[:12]}...), "
            f"not this file ({model_sha256[:12]}...)"
        )
    warnings += [f"another machine: {words}" for words in _differing(baseline, environment, _MACHINE)]
    warnings += [f"another version: {words}" for words in _differing(baseline, environment, _VERSIONS)]
    missing = tuple(key for key in baseline.rows if key not in now)
    return Comparison(baseline.path, fail_above, rows, missing, tuple(warnings))


def _differing(baseline: Baseline, environment: Mapping[str, Any], keys: tuple[str, ...]) -> list[str]:
    then = baseline.environment
    return [
        f"{key} {_text(then.get(key))} then, {_text(environment.get(key))} now"
        for key in keys
        if then.get(key) != environment.get(key)
    ]


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " and ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _ratio(key: Key, now: Timings, then: Timings, fail_above: float | None) -> Ratio:
    median, other = float(np.median(now.seconds)), float(np.median(then.seconds))
    here, there = now.window_medians, then.window_medians
    low = min(here) / max(there) if here and there else None
    high = max(here) / min(there) if here and there else None
    verdict = _verdict(median / other, low, high, 1.0 if fail_above is None else fail_above)
    return Ratio(key[0], key[1], median, other, median / other, low, high, verdict)


def _verdict(
    ratio: float, low: float | None, high: float | None, limit: float
) -> Literal["slower", "faster", "alike", "undecided", "too few samples"]:
    if low is None or high is None:
        return "too few samples"
    if low > limit:
        return "slower"
    if high < 1:
        return "faster"
    return "undecided" if ratio > limit else "alike"
