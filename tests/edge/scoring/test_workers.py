"""Helping threads stay off the caller's processor and are bound to none."""

import gc
import os
import threading
import weakref
from queue import SimpleQueue

import pytest
from patience import PATIENCE, wait_until

from aetk.edge.scoring import workers
from aetk.edge.scoring.workers import WorkerThreads

needs_affinity = pytest.mark.skipif(workers._current_cpu is None, reason="the system does not tell the processor")


def affinity_of(works):
    """The processors that a started helper may use, as it sees them itself."""
    found = SimpleQueue()
    works.start([lambda: found.put(os.sched_getaffinity(0))])
    return found.get(timeout=PATIENCE)


def test_works_are_done_at_the_same_time_by_other_threads():
    meeting, seen = threading.Barrier(3, timeout=PATIENCE), []

    def work():
        seen.append(threading.get_ident())
        meeting.wait()

    under_test = WorkerThreads(2)
    under_test.start([work, work])
    meeting.wait()
    assert len({*seen, threading.get_ident()}) == 3


@pytest.fixture
def alive(monkeypatch):
    """How many threads there are, as (begun, ended)."""
    begun, ended, serve = [], [], workers._serve

    def watched(*arguments):
        begun.append(None)
        serve(*arguments)
        ended.append(None)

    monkeypatch.setattr(workers, "_serve", watched)
    return lambda: (len(begun), len(ended))


def test_threads_end_with_their_owner(alive):
    under_test, done = WorkerThreads(2), threading.Barrier(3, timeout=PATIENCE)
    under_test.start([done.wait, done.wait])
    done.wait()
    assert alive() == (2, 0)
    del under_test
    gc.collect()
    wait_until(lambda: alive() == (2, 2))


@needs_affinity
def test_a_helper_keeps_off_whichever_processor_the_caller_is_on(monkeypatch):
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("only one processor may be used")
    under_test = WorkerThreads(1)
    affinity_of(under_test)  # starts its thread
    for cpu in sorted(allowed):
        monkeypatch.setattr(workers, "_current_cpu", lambda cpu=cpu: cpu)
        assert affinity_of(under_test) == allowed - {cpu}
    assert os.sched_getaffinity(0) == allowed


@needs_affinity
def test_with_one_processor_there_is_nothing_to_keep_off(monkeypatch):
    under_test = WorkerThreads(1)
    affinity_of(under_test)  # starts its thread
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    monkeypatch.setattr(workers, "_current_cpu", lambda: 0)
    monkeypatch.setattr(os, "sched_setaffinity", pytest.fail)
    assert affinity_of(under_test) == {0}  # as the stand-in says; nothing was set


def test_a_system_that_does_not_tell_the_processor_is_no_fault(monkeypatch):
    monkeypatch.setattr(workers, "_current_cpu", None)
    done = threading.Event()
    under_test = WorkerThreads(1)
    under_test.start([done.set])
    assert done.wait(PATIENCE)


def test_no_more_threads_are_started_than_there_is_work_or_place_for(alive):
    done, under_test = threading.Semaphore(0), WorkerThreads(2)
    for works, threads in ((1, 1), (1, 1), (5, 2)):
        under_test.start([done.release] * works)
        for _ in range(works):
            assert done.acquire(timeout=PATIENCE)
        wait_until(lambda threads=threads: alive() == (threads, 0))


def test_a_work_that_is_done_keeps_nothing_alive():
    class Rows:
        pass

    rows, done, under_test = Rows(), threading.Event(), WorkerThreads(1)
    gone = weakref.ref(rows)
    under_test.start([lambda rows=rows: done.set()])
    del rows
    assert done.wait(PATIENCE)
    wait_until(lambda: gone() is None)
