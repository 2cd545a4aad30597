"""Holds load on one model in one process, and watches answers, memory, file handles and threads."""

import gc
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.edge.model import card_path, load
from aetk.edge.scorer import Scorer, Scores

from .outcome import Outcome

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "exports" / "reference" / "breast-cancer.onnx"
_THREADS, _CALLS, _SESSIONS, _LOADS, _HOURS = 64, 1_000_000, 10_000, 1000, 24
_MOST_GROWTH = 32 * 2**20
"""Bytes of resident memory that an allocator may keep without anything being lost."""


def run(share: float, work: Path) -> list[Outcome]:
    """All loads on the reference model."""
    model = Path(shutil.copy(MODEL, work))
    shutil.copy(card_path(MODEL), work)
    return [
        _many_threads(model, _part(share, _CALLS)),
        _sessions(model, _part(share, _SESSIONS)),
        _sparse(model, share),
        _replaced(model, _part(share, _LOADS)),
    ]


def _part(share: float, count: int) -> int:
    return max(1, round(share * count))


@dataclass(frozen=True)
class Held:
    """What this process holds: bytes of memory, file handles, threads."""

    memory: int
    handles: int
    threads: int

    @classmethod
    def now(cls) -> "Held":
        """As it is after everything collectable is collected."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(
            pages * os.sysconf("SC_PAGE_SIZE"), len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
        )

    def grown(self, before: "Held") -> list[str]:
        """What grew since `before`, beyond what an allocator may keep."""
        faults = []
        if self.memory - before.memory > _MOST_GROWTH:
            faults.append(f"memory grew by {(self.memory - before.memory) / 2**20:.1f} MiB")
        if self.handles > before.handles:
            faults.append(f"file handles grew from {before.handles} to {self.handles}")
        if self.threads > before.threads:
            faults.append(f"threads grew from {before.threads} to {self.threads}")
        return faults

    def since(self, before: "Held") -> str:
        """The growth in words."""
        return (
            f"memory {(self.memory - before.memory) / 2**20:+.1f} MiB, {self.handles} file handles "
            f"({self.handles - before.handles:+d}), {self.threads} threads ({self.threads - before.threads:+d})"
        )


@dataclass(frozen=True)
class Batch:
    """Rows and what a lone scorer of one thread answered for them."""

    rows: NDArray[np.float32]
    expected: Scores


class Judge:
    """Holds answers against those computed beforehand."""

    def __init__(self, scorer: Scorer) -> None:
        self._threshold = scorer.threshold
        self._tolerance = scorer.model.card.similarity.tolerance

    def is_right(self, batch: Batch, found: Scores) -> bool:
        """Whether a batch's answers are the expected ones, decisions of near ties apart."""
        expected = batch.expected
        near = np.abs(expected.similarity - self._threshold) <= self._tolerance
        right = (
            np.array_equal(found.is_valid, expected.is_valid)
            and bool((np.abs(found.similarity - expected.similarity) <= self._tolerance).all())
            and bool(((found.is_anomaly == expected.is_anomaly) | near).all())
        )
        if not right or expected.contribution is None or found.contribution is None:
            return right and (expected.contribution is None) == (found.contribution is None)
        return bool(np.allclose(found.contribution, expected.contribution, atol=self._tolerance))


def _batches(scorer: Scorer, chance: np.random.Generator) -> list[Batch]:
    """Batches of 1 to 700 rows like the golden ones, among them invalid ones and huge values."""
    golden = scorer.model.card.golden.inputs
    found = []
    for size in [1] * 120 + [2, 3, 5, 8, 17, 33, 64] * 6 + [100, 250, 511, 700] * 3:
        rows = golden[chance.integers(0, len(golden), size)] * chance.uniform(0.8, 1.2, (size, 1)).astype(np.float32)
        rows[chance.random(rows.shape) < 0.002] = chance.choice([np.nan, np.inf, -np.inf, 1e38])
        found.append(Batch(rows, scorer.score(rows)))
    return found


def _many_threads(model: Path, calls: int) -> Outcome:
    """One scorer under many threads, whose every answer is compared."""
    with np.errstate(over="ignore"):
        batches = _batches(Scorer(model, threads=1), np.random.default_rng(1))
    scorer, judge = Scorer(model), Judge(Scorer(model))
    wrong: list[str] = []

    def work(share: tuple[int, int]) -> int:
        seed, count = share
        chance, rows = random.Random(seed), 0
        for _ in range(count):
            batch = chance.choice(batches)
            try:
                if not judge.is_right(batch, scorer.score(batch.rows)):
                    wrong.append(f"another answer for a batch of {len(batch.rows)} rows")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
                wrong.append(f"{type(error).__name__}: {error}")
            rows += len(batch.rows)
        return rows

    with ThreadPoolExecutor(_THREADS) as pool:
        shares = [(seed, max(1, calls // _THREADS)) for seed in range(_THREADS)]
        everybody = threading.Barrier(_THREADS)
        list(pool.map(lambda _: everybody.wait(), shares))  # now all threads of the pool are there
        list(pool.map(work, [(seed, max(20, count // 10)) for seed, count in shares]))
        before, started = Held.now(), time.perf_counter()
        rows = sum(pool.map(work, shares))
        seconds, after = time.perf_counter() - started, Held.now()
    made = sum(count for _, count in shares)
    found = f"{rows:,} rows in {seconds:.0f} s ({made / seconds:,.0f} calls/s); {after.since(before)}"
    what = f"calls of 1 to 700 rows, some invalid, on one scorer from {_THREADS} threads, every answer compared"
    return Outcome("load", what, made, found, (*sorted(set(wrong)), *after.grown(before)))


def _sessions(model: Path, count: int) -> Outcome:
    """Scorers that are opened, used once and dropped."""
    wrong: list[str] = []
    rows = load(model).card.golden.inputs
    expected = Batch(rows, Scorer(model).score(rows))
    judge = Judge(Scorer(model))

    def use(times: int) -> None:
        for _ in range(times):
            if not judge.is_right(expected, Scorer(model).score(rows)):
                wrong.append("another answer of a fresh session")

    use(max(20, count // 10))
    before, started = Held.now(), time.perf_counter()
    use(count)
    seconds, after = time.perf_counter() - started, Held.now()
    found = f"{1000 * seconds / count:.1f} ms each; {after.since(before)}"
    return Outcome("load", "sessions opened, used once and dropped", count, found, (*wrong, *after.grown(before)))


def _sparse(model: Path, share: float) -> Outcome:
    """A day of single rows at random intervals, the gaps shortened: what happens in them is done at once.

    A gap is replaced by what it would bring: other allocations that come and go, a collection, now and then a sleep.
    """
    chance = random.Random(2)
    scorer = Scorer(model)
    judge, rows = Judge(scorer), load(model).card.golden.inputs
    batches = [Batch(row[None], scorer.score(row)) for row in rows]
    gaps = [chance.expovariate(1 / 60) for _ in range(max(50, round(share * _HOURS * 60)))]  # one a minute on average
    wrong: list[str] = []
    for batch in batches:
        scorer.score(batch.rows)
    before, micros = Held.now(), []
    for gap in gaps:
        _pass_time(gap, chance)
        batch = chance.choice(batches)
        started = time.perf_counter()
        found = scorer.score(batch.rows)
        micros.append(1e6 * (time.perf_counter() - started))
        if not judge.is_right(batch, found):
            wrong.append("another answer after a pause")
    after, half = Held.now(), len(micros) // 2
    early, late = statistics.median(micros[:half]), statistics.median(micros[half:])
    if late > 3 * early:
        wrong.append(f"calls became slower: {early:.0f} µs, then {late:.0f} µs")
    found = (
        f"{sum(gaps) / 3600:.1f} simulated hours, gaps up to {max(gaps) / 60:.1f} min; median call {early:.0f} µs in "
        f"the first half, {late:.0f} µs in the second, slowest {max(micros):,.0f} µs; {after.since(before)}"
    )
    what = "single rows a minute apart on average, the gaps simulated by allocations, collections and short sleeps"
    return Outcome("load", what, len(gaps), found, (*wrong, *after.grown(before)))


def _pass_time(gap: float, chance: random.Random) -> None:
    others = [bytearray(chance.randrange(1, 2**18)) for _ in range(min(50, int(gap)))]
    del others
    if chance.random() < 0.2:
        gc.collect()
    time.sleep(min(0.02, gap / 3000))


def _replaced(model: Path, count: int) -> Outcome:
    """Models loaded and scored while `aetk threshold` replaces the file again and again."""
    thresholds = ("0.3", "0.7")
    wrong: list[str] = []
    rows = load(model).card.golden.inputs
    old = Scorer(model)
    kept, judge = Batch(rows, old.score(rows)), Judge(old)
    stop, replaced = threading.Event(), [0]
    writer = threading.Thread(target=_replace, args=(model, thresholds, stop, replaced, wrong))
    allowed = {np.float32(text) for text in thresholds} | {np.float32(old.threshold)}
    writer.start()
    seen: dict[float, int] = {}
    try:
        for _ in range(count):
            wrong += _load_once(model, rows, allowed, seen)
            if not judge.is_right(kept, old.score(rows)):
                wrong.append("the scorer that was open answered otherwise")
        while replaced[0] < max(2, count // 20) and not wrong:  # loading is quicker than replacing
            wrong += _load_once(model, rows, allowed, seen)
    finally:
        stop.set()
        writer.join()
    found = f"replaced {replaced[0]} times meanwhile; " + ", ".join(
        f"{times} had the threshold {value:.6g}" for value, times in sorted(seen.items())
    )
    what = "models opened and scored while `aetk threshold` replaces the file; one stays open"
    return Outcome("load", what, sum(seen.values()), found, tuple(sorted(set(wrong))))


def _replace(
    model: Path, thresholds: tuple[str, ...], stop: threading.Event, replaced: list[int], wrong: list[str]
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "toolkit")}
    while not stop.is_set():
        value = thresholds[replaced[0] % len(thresholds)]
        command = [sys.executable, "-m", "aetk", "threshold", str(model), "--set", value]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            wrong.append(f"aetk threshold ended with {done.returncode}: {done.stderr.strip()}")
            return
        replaced[0] += 1


def _load_once(model: Path, rows: NDArray[np.float32], allowed: set[np.float32], seen: dict[float, int]) -> list[str]:
    try:
        scorer = Scorer(model)
        found = scorer.score(rows)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return [f"{type(error).__name__}: {error}"]
    seen[scorer.threshold] = seen.get(scorer.threshold, 0) + 1
    faults = [] if np.float32(scorer.threshold) in allowed else [f"a threshold of {scorer.threshold}"]
    if not np.array_equal(found.is_anomaly, ~(found.similarity >= np.float32(scorer.threshold))):
        faults.append("decisions by another threshold than the card's")
    return faults
