"""Rows take turns, so that drift hits all alike, and the time is kept."""

import pytest

from aetk.edge.bench.rounds import Runner, measure
from aetk.edge.bench.samples import Timings
from aetk.edge.bench.setting import Setting

from .clock import Clock


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def sleeper(clock):
    return lambda batch, seconds: Runner(Setting("cpu", batch), lambda: clock.sleep(seconds), seconds)


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


def test_a_budget_that_is_over_gives_no_row_a_turn(run, sleeper):
    runners = [sleeper(batch, 0.01) for batch in (1, 2)]
    assert run(runners, 0.0) < 0.01
    assert [runner.turns for runner in runners] == [[], []]


def test_a_row_too_long_for_the_samples_of_a_median_gets_no_turn_and_the_others_have_theirs(run, sleeper):
    quick, slow, hopeless = sleeper(1, 0.01), sleeper(2, 0.1), sleeper(3, 0.6)
    assert run([hopeless, slow, quick], 3.0) < 3.2
    assert hopeless.turns == []
    for runner in (quick, slow):
        assert runner.timings.doubt is None


def test_every_row_that_fits_ends_with_a_median_and_windows_that_agree(run, sleeper):
    runners = [sleeper(batch, seconds) for batch, seconds in enumerate((1e-5, 1e-4, 1e-3, 0.02, 0.03, 0.05))]
    run(runners, 4.0)
    assert [runner.timings.doubt for runner in runners] == [None] * 6


def test_a_row_that_takes_longer_than_it_did_at_first_ends_with_the_time_all_the_same(run, clock):
    """Expected to take a millisecond, as it did before, it takes a second."""
    slow = Runner(Setting("cpu", 1), lambda: clock.sleep(1.0), 0.001)
    quick = Runner(Setting("cpu", 2), lambda: clock.sleep(0.001), 0.001)
    assert run([slow, quick], 5.0) < 5.0 + 2.2  # an unmeasured run and a measured one may have begun
    assert len(slow.timings.seconds) < 10


def test_a_single_run_can_be_timed_by_itself(clock):
    row = Runner(Setting("cpu", 1), lambda: clock.burn(0.25))
    found = row.time_once(0.0)
    assert Timings((found,)).seconds == pytest.approx([0.25], rel=0.01)
    assert found.cpu_seconds == pytest.approx(0.25, rel=0.01)
    assert row.turns == []


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
