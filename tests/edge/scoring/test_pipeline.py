import _thread
import sys
import threading
import time

import pytest
from patience import PATIENCE

from aetk.edge.scoring.pipeline import overlap


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())  # of which some may be about to end
    yield
    assert set(threading.enumerate()) <= before


def endless(closed=None):
    number = 0
    try:
        while True:
            yield number
            number += 1
    finally:
        if closed is not None:
            closed.append(number)


def test_every_item_passes_in_order():
    found = []
    overlap((i for i in range(1000)), lambda item: item * 2, found.append)
    assert found == list(range(0, 2000, 2))


def test_no_items_are_no_work():
    overlap((i for i in ()), lambda item: pytest.fail("worked"), lambda item: pytest.fail("written"))


def test_the_stages_overlap():
    """The third item is taken, the second worked on and the first handed over at one time, or the meeting breaks."""
    meeting = threading.Barrier(3, timeout=PATIENCE)

    def source():
        for item in range(3):
            if item == 2:
                meeting.wait()
            yield item

    def work(item):
        if item == 1:
            meeting.wait()
        return item

    def sink(item):
        if item == 0:
            meeting.wait()

    overlap(source(), work, sink)


def test_a_slow_sink_holds_the_source_back():
    taken = []

    def source():
        for item in range(50):
            taken.append(item)
            yield item

    written = []

    def sink(item):
        time.sleep(0.002)
        written.append(item)
        assert len(taken) - len(written) < 10

    overlap(source(), lambda item: item, sink)
    assert len(written) == 50


def broken_source():
    yield from range(5)
    raise OSError("source")


def fail(name, at):
    def stage(item):
        if item == at:
            raise OSError(name)
        return item

    return stage


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_fault_of_the_work_ends_everything_and_closes_the_source(at):
    closed = []
    with pytest.raises(OSError, match="work"):
        overlap(endless(closed), fail("work", at), lambda item: None)
    assert closed


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_fault_of_the_sink_ends_everything_and_closes_the_source(at):
    closed, written = [], []
    with pytest.raises(OSError, match="sink"):
        overlap(endless(closed), lambda item: item, lambda item: written.append(fail("sink", at)(item)))
    assert closed
    assert len(written) == at


def test_a_fault_of_the_source_ends_everything_and_what_came_before_it_is_done():
    written = []
    with pytest.raises(OSError, match="source"):
        overlap(broken_source(), lambda item: item, written.append)
    assert written == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("stage", ["work", "sink"])
def test_a_fault_ends_the_wait_of_a_source_that_has_nothing(stage):
    told = threading.Event()

    def silent():
        yield 1
        assert told.wait(60)

    stages = [fail(name, 1 if name == stage else None) for name in ("work", "sink")]
    with pytest.raises(OSError, match=stage):
        overlap(silent(), *stages, told.set)
    assert told.is_set()


def test_ctrl_c_ends_the_waits_of_a_silent_source_and_of_a_sink_that_nobody_reads():
    told = threading.Event()

    def silent():
        yield from range(10)
        assert told.wait(60)

    def stuck(item):
        _thread.interrupt_main()
        assert told.wait(60)

    with pytest.raises(KeyboardInterrupt):
        overlap(silent(), lambda item: item, stuck, told.set)


def test_nothing_is_stopped_where_all_went_well():
    overlap((i for i in range(10)), lambda item: item, lambda item: None, lambda: pytest.fail("stopped"))


def test_ctrl_c_ends_everything_while_the_caller_waits():
    closed, release = [], threading.Event()

    def slow():
        try:
            yield 1
            assert release.wait(PATIENCE)
            yield 2
        finally:
            closed.append(True)

    caller = threading.get_ident()

    def interrupt_while_it_waits():
        while sys._current_frames()[caller].f_code.co_name != "wait":
            time.sleep(0.001)
        _thread.interrupt_main()
        release.set()

    presser = threading.Thread(target=interrupt_while_it_waits)
    with pytest.raises(KeyboardInterrupt):
        overlap(slow(), lambda item: presser.start(), lambda item: None)
    presser.join()
    assert closed


def test_a_thread_that_cannot_start_is_what_is_raised_and_the_other_has_ended(monkeypatch):
    start, started = threading.Thread.start, []

    def one_only(thread):
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", one_only)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        overlap((i for i in range(100)), lambda item: item, lambda item: None)
    assert not started[0].is_alive()
