"""Helping threads stay off the caller's processor and are bound to none."""

import gc
import os
import threading

import pytest
from patience import PATIENCE

from aetk.edge.scoring import workers
from aetk.edge.scoring.workers import WorkerThreads

needs_affinity = pytest.mark.skipif(workers._current_cpu is None, reason="the system does not tell the processor")


def affinity_of(works):
    """The processors that a started helper may use, as it sees them itself."""
    found = []
    (future,) = works.start([lambda: found.append(os.sched_getaffinity(0))])
    future.result()
    return found[0]


def test_works_are_done_at_the_same_time_by_other_threads():
    meeting, seen = threading.Barrier(3, timeout=PATIENCE), []

    def work():
        seen.append(threading.get_ident())
        meeting.wait()

    started = WorkerThreads(2).start([work, work])
    meeting.wait()
    for future in started:
        future.result()
    assert len({*seen, threading.get_ident()}) == 3


def test_threads_end_with_their_owner():
    before = set(threading.enumerate())
    under_test = WorkerThreads(1)
    under_test.start([lambda: None])[0].result()
    (started,) = set(threading.enumerate()) - before
    del under_test
    gc.collect()
    started.join(timeout=PATIENCE)
    assert not started.is_alive()


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
    before = affinity_of(under_test)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    monkeypatch.setattr(workers, "_current_cpu", lambda: 0)
    monkeypatch.setattr(os, "sched_setaffinity", pytest.fail)
    under_test.start([lambda: None])[0].result()
    assert before


def test_a_system_that_does_not_tell_the_processor_is_no_fault(monkeypatch):
    monkeypatch.setattr(workers, "_current_cpu", None)
    assert WorkerThreads(1).start([lambda: None])[0].result() is None
