"""Holds a Scorer under many threads, opens and closes many, lets one wait for long, and replaces its file."""

import ctypes
import gc
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import AetkError
from aetk.contract.dialect import parse_cell
from aetk.edge.model import load
from aetk.edge.scoring.scorer import Scorer, Scores
from aetk.edge.threshold import set_threshold

from .case import MODEL, REFERENCE
from .outcome import Outcome

CALLS, THREADS, SESSIONS, HOURS, RELOADS = 1_000_000, 64, 10_000, 10_000, 1_000
_GROWTH = 32 * 2**20
_NEAR = 2e-6


def run(share: float, work: Path) -> list[Outcome]:
    """Each in this one process, one after the other."""
    return [
        _many_threads(round(CALLS * share)),
        _many_sessions(round(SESSIONS * share)),
        _sparse(round(HOURS * share)),
        _replaced(round(RELOADS * share), work),
    ]


def _rows(count: int) -> NDArray[np.float32]:
    """Ordinary rows, odd ones, and some that cannot be judged."""
    random_numbers = np.random.default_rng(41)
    card = load(REFERENCE).card
    quantiles = np.array([feature.quantiles for feature in card.features])
    rows = random_numbers.uniform(quantiles[:, 0] * 0.5, quantiles[:, -1] * 1.5, (count, len(quantiles)))
    rows[random_numbers.random(count) < 0.05, 3] = parse_cell("NaN")
    rows[random_numbers.random(count) < 0.05, 5] = np.inf
    rows[random_numbers.random(count) < 0.02] *= 1e30
    with np.errstate(over="ignore"):
        return rows.astype(np.float32)


def _differ(found: Scores, expected: Scores, rows: slice, threshold: float) -> bool:
    similarity = expected.similarity[rows]
    decided = np.abs(similarity - threshold) > _NEAR
    return bool(
        (np.abs(found.similarity - similarity) > _NEAR).any()
        or (found.is_valid != expected.is_valid[rows]).any()
        or ((found.is_anomaly != expected.is_anomaly[rows]) & decided).any()
    )


def _many_threads(calls: int) -> Outcome:
    scorer, rows, each = Scorer(REFERENCE), _rows(2048), -(-calls // THREADS)
    expected = scorer.score(rows)
    wrong: list[str] = []
    scored = [0] * THREADS

    def work(number: int) -> None:
        chance = random.Random(number)
        for _ in range(each):
            size = 1 if chance.random() < 0.9 else chance.choice((2, 7, 64, 300))
            start = chance.randrange(len(rows) - size)
            try:
                found = scorer.score(rows[start : start + size])
            except Exception as error:  # noqa: BLE001 - a finding
                wrong.append(f"a call among {THREADS} threads raised {error!r}")
                return
            scored[number] += size
            if _differ(found, expected, slice(start, start + size), scorer.threshold):
                wrong.append(f"a call among {THREADS} threads answered otherwise than alone")

    watch = _Watch()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    wrong += watch.growth(slack=THREADS)
    found = f"{sum(scored):,} rows in batches of 1 to 300, {each * THREADS / seconds:,.0f} calls/s; {watch.told}"
    return Outcome("load", f"calls of one Scorer from {THREADS} threads at once", each * THREADS, found, tuple(wrong))


def _many_sessions(count: int) -> Outcome:
    rows = _rows(4)
    expected = Scorer(REFERENCE).score(rows)
    wrong: list[str] = []

    def once() -> None:
        scorer = Scorer(REFERENCE)
        if _differ(scorer.score(rows), expected, slice(0, 4), scorer.threshold):
            wrong.append("a newly opened Scorer answered otherwise")

    for _ in range(min(200, count)):  # what allocators and libraries keep for ever
        once()
    gc.collect()
    watch = _Watch()
    for _ in range(count):
        once()
    wrong += watch.growth()
    return Outcome("load", "Scorers opened, used and dropped", count, watch.told, tuple(wrong))


def _sparse(hours: int) -> Outcome:
    """An hour between calls is simulated: by a collection, memory given back to the system, and a cold cache."""
    scorer, rows = Scorer(REFERENCE), _rows(64)
    expected = scorer.score(rows)
    release = _release()
    other = np.zeros(2**20)
    wrong, seconds = [], []
    for _ in range(20):
        scorer.score(rows[:1])
    watch = _Watch()
    for hour in range(hours):
        gc.collect(0)
        release()
        other += 1.0
        at = hour % 63
        started = time.perf_counter()
        found = scorer.score(rows[at : at + 1])
        seconds.append(time.perf_counter() - started)
        if _differ(found, expected, slice(at, at + 1), scorer.threshold):
            wrong.append(f"a call after {hour} hours answered otherwise")
    wrong += watch.growth()
    median, late = np.quantile(seconds, [0.5, 0.99]) * 1e6
    found = f"one row in {median:.0f} µs at the median, {late:.0f} at 99%; {watch.told}"
    return Outcome("load", "calls an hour apart (simulated) of one Scorer", hours, found, tuple(wrong))


def _release() -> Callable[[], Any]:
    try:
        trim = ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):
        return lambda: None
    return lambda: trim(0)


def _replaced(count: int, work: Path) -> Outcome:
    """One thread sets threshold after threshold while this one opens the file: always the old or the new one."""
    path = Path(shutil.copy(REFERENCE, work / MODEL))
    wrong: list[str] = []
    stop = threading.Event()
    written = 0

    def writer() -> None:
        nonlocal written
        while not stop.is_set():
            set_threshold(path, (written % 9 + 1) / 10)
            written += 1

    thread = threading.Thread(target=writer)
    thread.start()
    known = {np.float32(tenths / 10) for tenths in range(1, 10)} | {np.float32(load(REFERENCE).graph.threshold)}
    for _ in range(count):
        try:
            loaded = load(path)
        except AetkError as error:
            wrong.append(f"a file that was being replaced did not load: {error}")
            continue
        if np.float32(loaded.graph.threshold) not in known or loaded.graph.threshold != loaded.card.threshold.value:
            wrong.append("a file that was being replaced was neither the old nor the new one")
    stop.set()
    thread.join()
    found = f"replaced {written:,} times meanwhile"
    return Outcome("load", "openings of a model that `aetk threshold` replaced meanwhile", count, found, tuple(wrong))


class _Watch:
    """Memory, file handles and threads of this process, before and after."""

    def __init__(self) -> None:
        self._before = self._measure()
        self.told = ""

    @staticmethod
    def _measure() -> tuple[int, int, int]:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        handles = len(os.listdir("/proc/self/fd"))
        return pages * os.sysconf("SC_PAGE_SIZE"), handles, threading.active_count()

    def growth(self, slack: int = 0) -> list[str]:
        """What has grown; `slack` MiB more are let pass."""
        gc.collect()
        memory, handles, threads = (b - a for a, b in zip(self._before, self._measure(), strict=True))
        self.told = f"memory grew by {memory / 2**20:.1f} MiB, file handles by {handles}, threads by {threads}"
        limit = _GROWTH + slack * 2**20
        return [self.told] if memory > limit or handles > 0 or threads > 0 else []
