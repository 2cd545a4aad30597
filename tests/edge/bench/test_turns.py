"""Rows take turns, so that drift hits all alike, and the time is kept."""

import time

import pytest

from aetk.edge.bench.turns import Runner, measure
from aetk.edge.ways import Setting


def sleeper(batch, seconds):
    return Runner(Setting("cpu", batch), lambda: time.sleep(seconds))


def run(runners, seconds, **options):
    origin = time.perf_counter()
    measure(runners, origin + seconds, origin, **options)
    return time.perf_counter() - origin


def test_turns_are_interleaved_and_every_row_gets_its_share_of_every_stretch():
    runners = [sleeper(batch, 0.001) for batch in (1, 2, 3)]
    elapsed = run(runners, 2.0)
    assert 1.5 < elapsed < 4
    for runner in runners:
        assert len(runner.turns) >= 4
        starts = [turn.at for turn in runner.turns]
        for other in runners:
            for start, end in zip(starts, starts[2:], strict=False):  # the last of a round may be the first of the next
                assert other is runner or any(start < turn.at < end for turn in other.turns)


def test_a_budget_that_is_over_still_gives_every_row_a_turn_and_no_more():
    runners = [sleeper(batch, 0.01) for batch in (1, 2)]
    assert run(runners, 0.0) < 1
    assert [len(runner.timings.seconds) for runner in runners] == [1, 1]


def test_a_fast_row_stops_at_its_samples_and_leaves_its_time_to_the_slow():
    fast, slow = Runner(Setting("cpu", 1), lambda: None), sleeper(2, 0.002)
    run([fast, slow], 1.2)
    assert len(fast.timings.seconds) <= 20_100
    assert slow.timings.seconds.sum() > 0.5


def test_samples_are_the_time_of_single_runs_and_processor_time_is_that_of_the_process():
    def burn():
        end = time.process_time() + 0.002
        while time.process_time() < end:
            pass

    busy, idle = Runner(Setting("cpu", 1), burn), sleeper(2, 0.002)
    run([busy, idle], 1.0)
    assert min(busy.timings.seconds) >= 0.0015  # two clocks, which need not agree to the microsecond
    assert min(idle.timings.seconds) >= 0.0015
    assert busy.timings.cpu_seconds_per_1000_rows(1) == pytest.approx(2.0, rel=0.3)
    assert idle.timings.cpu_seconds_per_1000_rows(1) < 0.5


def test_something_else_can_be_measured_after_every_round():
    rounds = []
    runner = sleeper(1, 0.001)
    run([runner], 1.0, after_round=lambda: rounds.append(len(runner.turns)))
    assert rounds == list(range(1, len(runner.turns) + 1))
