"""Ctrl-C while many rows are scored on several threads: wherever it comes, it ends the call, and that alone."""

import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from patience import PATIENCE

from aetk.contract import spec
from aetk.edge.model import load
from aetk.edge.runtime.session import open_session
from aetk.edge.scoring import tiles
from aetk.edge.scoring.tiles import Tiles

ROWS = 2048
TRACED = {str(Path(tiles.__file__).parent / name) for name in ("tiles.py", "workers.py", "pipeline.py", "lanes.py")}
TRACED.add(threading.__file__)


class Counting:
    """A session that counts its runs, and takes its time, so that both threads have pieces."""

    def __init__(self, raw):
        self._raw, self.runs = raw, 0

    def run(self, names, feed):
        self.runs += 1
        time.sleep(0.001)
        return self._raw.run(names, feed)


@pytest.fixture(scope="module")
def session(model):
    return open_session(load(model).data, threads=1)


@pytest.fixture(scope="module")
def rows(breast_cancer):
    return np.resize(breast_cancer.data, (ROWS, 30)).astype(np.float32)


def results():
    return [np.zeros(ROWS, np.float32), np.zeros(ROWS, bool), np.zeros(ROWS, bool)]


def traced(call, at_line):
    """Call something, and a function at each line of the code in question that this thread comes to."""

    def local(frame, event, _):
        if event == "line":
            at_line((frame.f_code.co_filename, frame.f_lineno))
        return local

    sys.settrace(lambda frame, event, _: local if frame.f_code.co_filename in TRACED else None)
    try:
        call()
    finally:
        sys.settrace(None)


def interrupt_at(line, call):
    """Ctrl-C when this thread comes to a line for the first time; whether it did."""
    came = []

    def at_line(here):
        if here == line and not came:
            came.append(here)
            raise KeyboardInterrupt

    try:
        traced(call, at_line)
    except KeyboardInterrupt:
        assert came
    return bool(came)


def within_patience(call):
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return not thread.is_alive()


@pytest.mark.skipif(sys.gettrace() is not None, reason="another tracer is at work")
def test_wherever_ctrl_c_comes_the_call_ends_and_the_next_one_is_answered(session, rows):
    """Line by line, on new threads and on such as are there already."""
    expected = session.raw.run(None, {spec.INPUT: rows})[0]
    seen = list[tuple[str, int]]()
    traced(lambda: Tiles(session, 30, 64, 3).run(rows, results()), seen.append)
    assert len({path for path, _ in seen}) >= 4
    for line in dict.fromkeys(seen):
        counting = Counting(session.raw)
        under_test = Tiles(replace(session, raw=counting), 30, 64, 3)
        if not interrupt_at(line, lambda under_test=under_test: under_test.run(rows, results())):
            continue  # which lines it comes to is in part a matter of time
        runs = counting.runs
        time.sleep(0.01)
        assert counting.runs == runs, f"interrupted at {line}, its threads went on"
        assert within_patience(lambda under_test=under_test: under_test.run(rows, results())), line
        found = results()
        under_test.run(rows, found)
        assert np.abs(found[0] - expected).max() <= spec.TOLERANCE, line
