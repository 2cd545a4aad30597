"""Rows take turns, so that drift hits all alike, and the time is kept."""

import pytest

from aetk.edge.bench.rounds import Runner, measure
from aetk.edge.bench.setting import Setting

from .clock import Clock


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def sleeper(clock):
    return lambda batch, seconds: Runner(Setting("cpu", batch), lambda: clock.sleep(seconds))


@pytest.fixture
def run(clock):
    """A function that measures; returns how long it took."""

    def call(runners, seconds, **options):
        origin = clock.perf_counter()
        measure(runners, origin + seconds, origin, **options)
        return clock.perf_counter() - origin

    return call


def test_turns_are_interleaved_and_every_row_gets_its_share_of_every_stretch(run, sleeper):
    runners = [sleeper(batch, 0.001) for batch in (1, 2, 3)]
    assert 2.0 <= run(runners, 2.0) < 2.02
    for runner in runners:
        assert len(runner.turns) >= 4
        starts = [turn.at for turn in runner.turns]
        for other in runners:
            for start, end in zip(starts, starts[2:], strict=False):  # the last of a round may be the first of the next
                assert other is runner or any(start < turn.at < end for turn in other.turns)


def test_a_budget_that_is_over_still_gives_every_row_a_turn_and_no_more(run, sleeper):
    runners = [sleeper(batch, 0.01) for batch in (1, 2)]
    assert run(runners, 0.0) < 0.06
    assert [len(runner.timings.seconds) for runner in runners] == [1, 1]


def test_a_fast_row_stops_at_its_samples_and_leaves_its_time_to_the_slow(run, sleeper):
    fast, slow = Runner(Setting("cpu", 1), lambda: None), sleeper(2, 0.002)
    run([fast, slow], 1.2)
    assert len(fast.timings.seconds) <= 20_100
    assert slow.timings.seconds.sum() > 0.8


def test_samples_are_the_time_of_single_runs_and_processor_time_is_that_of_the_process(run, sleeper, clock):
    busy, idle = Runner(Setting("cpu", 1), lambda: clock.burn(0.002)), sleeper(2, 0.002)
    run([busy, idle], 1.0)
    assert busy.timings.seconds == pytest.approx(0.002, rel=0.01)
    assert idle.timings.seconds == pytest.approx(0.002, rel=0.01)
    assert busy.timings.cpu_seconds_per_1000_rows(1) == pytest.approx(2.0, rel=0.01)
    assert idle.timings.cpu_seconds_per_1000_rows(1) < 0.01


def test_something_else_can_be_measured_after_every_round(run, sleeper):
    rounds = []
    runner = sleeper(1, 0.001)
    run([runner], 1.0, after_round=lambda: rounds.append(len(runner.turns)))
    assert rounds == list(range(1, len(runner.turns) + 1))
