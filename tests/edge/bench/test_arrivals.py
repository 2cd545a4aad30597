"""Rows that come now and then are slept for, come on time, and are booked on whom they belong to."""

from itertools import pairwise

import pytest

from aetk.edge.bench import arrivals
from aetk.edge.bench.arrivals import measure_arrivals
from aetk.edge.bench.rounds import Runner
from aetk.edge.bench.setting import Setting
from aetk.edge.runtime.session import open_session

from .clock import Clock
from .making import timings


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture(scope="module")
def session(model):
    return open_session(model.read_bytes())


def runner(call, **options):
    return Runner(Setting("cpu", 1, **options), call, turns=list(timings(1000).turns))


def test_rows_arrive_at_their_interval_and_the_time_between_is_slept(session, monkeypatch, clock):
    monkeypatch.setattr(arrivals, "INTERVALS_MS", (10, 100))
    monkeypatch.setattr(arrivals, "_SHARES", {10: 0.3, 100: 0.7})
    starts = {True: [], False: []}
    runners = [
        (runner(lambda s=spinning: starts[s].append(clock.perf_counter()), spinning=spinning), session)
        for spinning in starts
    ]
    began = clock.perf_counter()
    found = measure_arrivals(runners, 3.0, began)
    assert clock.perf_counter() - began < 3.2
    assert clock.process_time() < 0.01
    assert [(row.interval_ms, row.setting.spinning) for row in found] == [
        (10, True), (10, False), (100, True), (100, False),
    ]  # fmt: skip
    for row in found[2:]:
        count = len(row.timings.seconds)
        assert count in (19, 20)
        own = starts[row.setting.spinning][-count:]
        apart = [after - before for before, after in pairwise(own)]
        assert apart == pytest.approx([0.1] * (count - 1), rel=0.001)


def test_sessions_share_an_interval_only_where_threads_fall_asleep_in_between(session, monkeypatch):
    order = []
    runners = [(runner(lambda n=name: order.append(n), threads=name), session) for name in (1, 2)]
    monkeypatch.setattr(arrivals, "_SHARES", {10: 1.0})
    monkeypatch.setattr(arrivals, "INTERVALS_MS", (10,))
    measure_arrivals(runners, 0.5, 0.0)
    switches = sum(a != b for a, b in pairwise(order))
    assert switches < 10 < len(order)
    order.clear()
    monkeypatch.setattr(arrivals, "_SHARES", {100: 1.0})
    monkeypatch.setattr(arrivals, "INTERVALS_MS", (100,))
    measure_arrivals(runners, 0.6, 0.0)
    assert order == [1, 2] * (len(order) // 2)
    assert len(order) >= 6


def test_processor_time_runs_until_the_next_arrival_and_is_booked_on_its_owner(session, monkeypatch, clock):
    monkeypatch.setattr(arrivals, "_SHARES", {100: 1.0})
    monkeypatch.setattr(arrivals, "INTERVALS_MS", (100,))

    runners = [(runner(lambda: clock.burn(0.02)), session), (runner(lambda: None, spinning=False), session)]
    busy, idle = measure_arrivals(runners, 1.1, 0.0)
    assert busy.timings.cpu_seconds_per_1000_rows(1) == pytest.approx(20, rel=0.01)
    assert idle.timings.cpu_seconds_per_1000_rows(1) < 0.01
    assert busy.warm_ratio == pytest.approx(busy.timings.percentile(50) / 1e-3, rel=0.01)  # 1 ms without a pause


def test_late_arrivals_are_counted(session, monkeypatch, clock):
    monkeypatch.setattr(arrivals, "_SHARES", {10: 1.0})
    monkeypatch.setattr(arrivals, "INTERVALS_MS", (10,))
    (found,) = measure_arrivals([(runner(lambda: clock.sleep(0.02)), session)], 0.3, 0.0)
    assert found.late >= len(found.timings.seconds) - 10
    assert found.late > 5


def test_runs_that_outlast_their_interval_by_far_end_with_the_time(session, monkeypatch, clock):
    monkeypatch.setattr(arrivals, "_SHARES", {10: 1.0})
    monkeypatch.setattr(arrivals, "INTERVALS_MS", (10,))
    began = clock.perf_counter()
    (found,) = measure_arrivals([(runner(lambda: clock.sleep(0.4)), session)], 2.0, 0.0)
    assert clock.perf_counter() - began < 2.0 + 0.5
    assert 4 <= len(found.timings.seconds) <= 6


def test_without_a_row_of_one_nothing_arrives(session):
    assert measure_arrivals([], 2.0, 0.0) == []


def test_an_interval_without_time_for_an_arrival_is_left_out(session):
    found = measure_arrivals([(runner(lambda: None), session)], 1.0, 0.0)
    assert {row.interval_ms for row in found} == {10, 100}


def test_each_row_carries_the_evidence_of_its_session(session):
    found = measure_arrivals([(runner(lambda: None), session)], 0.2, 0.0)
    assert all(row.placement == session.placement and row.evidence == "assignment" for row in found)
