"""Many rows in tiles, on several threads, with the same answers as one run."""

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from patience import PATIENCE

from aetk.contract import spec
from aetk.edge.model import load
from aetk.edge.runtime.session import open_session
from aetk.edge.scoring import tiles
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.scoring.tiles import Tiles, rows_per_tile

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def loaded(explaining_model):
    return load(explaining_model)


@pytest.fixture(scope="module")
def session(loaded):
    return open_session(loaded.data, threads=1)


@pytest.fixture(scope="module")
def rows(breast_cancer):
    table = np.tile(breast_cancer.data, (12, 1)).astype(np.float32)
    table[RANDOM.integers(0, len(table), 50), RANDOM.integers(0, 30, 50)] = np.nan
    return table


def empty(count, n=30):
    return [np.empty(count, np.float32), np.empty(count, bool), np.empty(count, bool), np.empty((count, n), np.float32)]


def check(found, session, rows):
    expected = session.raw.run(None, {spec.INPUT: np.ascontiguousarray(rows, np.float32)})
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert np.abs(one.astype(float) - other).max(initial=0) <= spec.TOLERANCE


@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 255, 256, 257, 511, 512, 513, 4099])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_rows_on_any_number_of_threads_gives_the_answers_of_one_run(session, rows, count, threads):
    results = empty(count)
    Tiles(session, 30, 64, threads).run(rows[:count], results)
    check(results, session, rows[:count])


def test_many_callers_at_once_get_their_own_answers(loaded, session, rows):
    scorer = Scorer(loaded, threads=3)
    lengths = [1, 1, 7, 300, 1, 700, 2500, 1] * 8
    parts = [rows[start : start + length] for start, length in enumerate(lengths)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(scorer.score, parts))
    for part, scores in zip(parts, found, strict=True):
        check([scores.similarity, scores.is_anomaly, scores.is_valid, scores.contribution], session, part)


def test_one_thread_starts_no_other(session, rows, monkeypatch):
    monkeypatch.setattr(tiles, "WorkerThreads", None)
    Tiles(session, 30, 64, 1).run(rows, empty(len(rows)))


def test_several_threads_really_work(session, rows, monkeypatch):
    seen, meeting = set(), threading.Barrier(2, timeout=PATIENCE)

    def run(names, feed):
        if threading.get_ident() not in seen:
            seen.add(threading.get_ident())
            meeting.wait()  # two threads must be here at the same time
        return session.raw.run(names, feed)

    class Raw:
        pass

    raw = Raw()
    raw.run = run
    Tiles(replace(session, raw=raw), 30, 64, 2).run(rows[:1024], empty(1024))
    assert len(seen) == 2


def test_a_failing_run_fails_the_call_and_the_next_one_works(session, rows):
    class Raw:
        fails = True

        def run(self, names, feed):
            if self.fails and np.isposinf(feed[spec.INPUT]).any():
                raise RuntimeError("broken")
            return session.raw.run(names, feed)

    raw, spoilt = Raw(), rows[:1024].copy()
    spoilt[1000] = np.inf
    under_test = Tiles(replace(session, raw=raw), 30, 64, 2)
    with pytest.raises(RuntimeError, match="broken"):
        under_test.run(spoilt, empty(1024))
    raw.fails, results = False, empty(1024)
    under_test.run(spoilt, results)
    check(results, session, spoilt)


def test_a_short_call_does_not_wait_for_a_long_one(session, rows):
    started, release = threading.Semaphore(0), threading.Event()

    class Raw:
        def run(self, names, feed):
            if np.isposinf(feed[spec.INPUT]).any():
                started.release()
                assert release.wait(PATIENCE)
            return session.raw.run(names, feed)

    under_test, results = Tiles(replace(session, raw=Raw()), 30, 64, 2), empty(1024)
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(under_test.run, np.full((1024, 30), np.inf, np.float32), empty(1024))
        try:
            assert started.acquire(timeout=PATIENCE)
            assert started.acquire(timeout=PATIENCE)  # both of its threads are busy
            under_test.run(rows[:1024], results)
            assert not long.done()
        finally:
            release.set()
    check(results, session, rows[:1024])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_a_forked_child_scores_with_threads_of_its_own(loaded, rows):
    scorer = Scorer(loaded, threads=2)
    expected = scorer.score(rows).similarity
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, which is what is tested
        child = os.fork()
    if child == 0:
        os._exit(0 if np.allclose(scorer.score(rows).similarity, expected, atol=1e-5) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_rows_beyond_float32_are_converted_without_a_warning_on_every_thread(loaded):
    huge = np.full((2000, 30), 1e300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = Scorer(loaded, threads=2).score(huge)
    assert not scores.is_valid.any()


def test_a_tile_holds_what_fits_the_cache(loaded, monkeypatch):
    monkeypatch.setattr(tiles, "cache_bytes", lambda: 2**20)
    assert rows_per_tile(loaded.graph) == 512  # 256 + 31 + 30 numbers of 4 bytes a row
    monkeypatch.setattr(tiles, "cache_bytes", lambda: 2**18)
    assert rows_per_tile(loaded.graph) == 128
    for size, expected in ((1, 64), (2**30, 4096)):
        monkeypatch.setattr(tiles, "cache_bytes", lambda size=size: size)
        assert rows_per_tile(loaded.graph) == expected
    assert rows_per_tile(loaded.graph, "cuda") == 65_536
    assert rows_per_tile(SimpleNamespace(n_features=1000), "cuda") == 8192  # 32 MiB
    assert rows_per_tile(SimpleNamespace(n_features=10**8), "cuda") == 1
