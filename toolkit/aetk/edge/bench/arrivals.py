"""Sparse arrivals: single rows at fixed intervals, as on devices.

A model that runs all the time has its weights in the caches and its threads awake; one that runs once a second has
neither, and takes several times as long. Rows arrive at fixed times, so that a late one does not delay those after it;
the process sleeps in between. Several sessions share an interval, unless it is too short for the threads of one to
fall asleep before the row of the next; then they take turns.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from aetk.edge.bench.rounds import Runner, settle
from aetk.edge.bench.samples import SAMPLES_NEEDED, WINDOWS, Round, Timings
from aetk.edge.bench.setting import Setting
from aetk.edge.runtime.session import Session

INTERVALS_MS = (10, 100, 1000)
_SHARES = {10: 0.3, 100: 0.2, 1000: 0.5}
"""The share of the time for each interval: ten samples at 1 s take as long as a thousand at 10 ms."""
_SPIN_DOWN = 0.03
"""Seconds after which a spinning thread pool is asleep: it was seen to take 20 to 25 ms."""


@dataclass(frozen=True)
class Arrivals:
    """Rows that arrived one by one at a fixed interval.

    Attributes:
        setting: the setting in which they were run.
        interval_ms: milliseconds from one to the next.
        timings: the timings of the runs; processor time counts until the next arrival, with threads that still spin.
        late: the number of runs that began late by more than a tenth of the interval.
        warm_ratio: the median over that of the same setting run without pauses; None if a median is missing.
        placement: nodes per provider.
        evidence: how the placement is known.
    """

    setting: Setting
    interval_ms: int
    timings: Timings
    late: int
    warm_ratio: float | None
    placement: dict[str, int]
    evidence: str


@dataclass(frozen=True)
class _Arrival:
    """One run: its owner, its start by `time.perf_counter_ns`, its delay and duration in ns, its processor time."""

    owner: int
    start: int
    late: int
    took: int
    cpu_seconds: float


def measure_arrivals(
    runners: Sequence[tuple[Runner, Session]],
    seconds: float,
    origin: float,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Arrivals]:
    """Feed single rows to every runner at each interval, within `seconds` in total.

    Args:
        runners: warm runners of one row each, with their sessions.
        seconds: the time for all intervals; an interval is left out if there is no time for one row of each runner.
        origin: start of the benchmark, by `time.perf_counter`.
        progress: called with a text that says what is being done.
    """
    found: list[Arrivals] = []
    for interval_ms in INTERVALS_MS if runners else ():
        interval = interval_ms / 1000
        shares = interval / len(runners) >= _SPIN_DOWN
        groups = [list(range(len(runners)))] if shares else [[i] for i in range(len(runners))]
        count = min(SAMPLES_NEEDED[99.9], int(_SHARES[interval_ms] * seconds / (interval * len(groups))) - 1)
        if count < 1:  # the first row comes after an interval of rest
            continue
        progress(f"one row every {interval_ms} ms")
        turns: list[list[Round]] = [[] for _ in runners]
        ends = time.perf_counter_ns() + round(1e9 * _SHARES[interval_ms] * seconds)
        late = [0] * len(runners)
        for place, stretch in enumerate([count] if shares else _parts(count)):
            if place and time.perf_counter_ns() >= ends:
                break
            for group in groups:
                seen = _feed([(i, runners[i][0].call) for i in group], interval, stretch, ends)
                for owner in group:
                    own = [arrival for arrival in seen if arrival.owner == owner]
                    turns[owner] += _turns(own, origin, WINDOWS if shares else 1)
                    late[owner] += sum(arrival.late > 0.1e9 * interval for arrival in own)
        for (runner, session), its_turns, behind in zip(runners, turns, late, strict=True):
            timings = Timings(tuple(its_turns))
            here, warm = timings.percentile(50), runner.timings.percentile(50)
            ratio = here / warm if here is not None and warm is not None else None
            found.append(
                Arrivals(runner.setting, interval_ms, timings, behind, ratio, session.placement, session.evidence)
            )
    return found


def _parts(count: int, parts: int = WINDOWS) -> list[int]:
    ends = [count * part // parts for part in range(parts + 1)]
    return [end - start for start, end in pairwise(ends) if end > start]


def _feed(calls: Sequence[tuple[int, Callable[[], object]]], interval: float, count: int, ends: int) -> list[_Arrival]:
    """Run the calls in turn, the first after an interval of rest; fewer rows if a run takes longer than its interval.

    Args:
        calls: the calls, each with the number of its owner.
        interval: seconds from one row of an owner to the next.
        count: rows of each owner.
        ends: time by `time.perf_counter_ns` after which no owner gets another row, except its first.
    """
    clock, seen, spent = time.perf_counter_ns, list[tuple[int, int, int, int]](), list[float]()
    settle()
    step = round(interval * 1e9 / len(calls))
    due = clock() + round(interval * 1e9)
    for turn in range(count):
        if turn and clock() >= ends:
            break
        for owner, call in calls:
            _sleep_until(due)
            spent.append(time.process_time())
            start = clock()
            call()
            seen.append((owner, start, start - due, clock() - start))
            due += step
    _sleep_until(due)
    spent.append(time.process_time())
    return [_Arrival(*one, after - before) for one, (before, after) in zip(seen, pairwise(spent), strict=True)]


def _sleep_until(moment: int) -> None:
    left = moment - time.perf_counter_ns()
    if left > 0:
        time.sleep(left / 1e9)


def _turns(own: Sequence[_Arrival], origin: float, parts: int) -> list[Round]:
    """Divide one owner's arrivals into at most `parts` turns."""
    found, begin = list[Round](), 0
    for length in _parts(len(own), parts):
        part = own[begin : begin + length]
        samples = tuple(arrival.took for arrival in part)
        found.append(Round(part[0].start / 1e9 - origin, sum(arrival.cpu_seconds for arrival in part), samples))
        begin += length
    return found
