"""Statistics claim no more than the samples support, and leave none of them out."""

import numpy as np
import pytest

from aetk.edge.bench.samples import Round, Timings, samples_per_turn

from .making import timings


def of(count):
    return Timings((Round(0.0, 0.1, tuple(range(1, count + 1))),))


@pytest.mark.parametrize(("percent", "needed"), [(50, 10), (90, 100), (99, 1000), (99.9, 10_000)])
def test_a_percentile_needs_enough_samples(percent, needed):
    assert of(needed - 1).percentile(percent) is None
    assert of(needed).percentile(percent) == pytest.approx(np.percentile(range(1, needed + 1), percent) / 1e9)


def test_an_outlier_is_kept():
    found = Timings((Round(0.0, 0.1, (10**3,) * 999 + (10**9,)),))
    assert found.seconds.max() == 1.0
    assert found.rows_per_second(1) == pytest.approx(1000 / 1.000999)


def test_throughput_and_processor_time_are_over_all_samples_of_all_turns():
    found = Timings((Round(0.0, 0.3, (10**6,) * 2), Round(1.0, 0.1, (4 * 10**6,))))
    assert found.rows_per_second(64) == pytest.approx(3 * 64 / 6e-3)
    assert found.cpu_seconds_per_1000_rows(64) == pytest.approx(1000 * 0.4 / (3 * 64))


def test_windows_are_stretches_of_time_whose_medians_are_held_against_each_other():
    found = timings(100, 100, 100, 100, 109)
    assert found.window_medians == pytest.approx([1e-4, 1e-4, 1e-4, 1e-4, 1.09e-4], rel=1e-3)
    assert found.disagreement == pytest.approx(0.09, abs=1e-3)
    assert found.unstable is False


def test_windows_that_disagree_by_more_than_a_tenth_make_a_row_unstable():
    assert timings(100, 100, 112).unstable is True
    assert timings(112, 100, 100, 100, 100, 100, 100, 100, 100, 112).unstable is False  # two turns to a window


def test_one_slow_sample_in_a_window_does_not():
    found = Timings(tuple(Round(float(i), 0.1, (1000,) * 9 + (10**6,)) for i in range(5)))
    assert found.unstable is False


def test_few_samples_make_fewer_windows_and_too_few_none():
    assert len(timings(100, 100, 100, 100, 100, samples=3).window_medians) == 2
    assert timings(100, samples=1000).window_medians == ()
    assert timings(100, samples=1000).unstable is None
    assert timings(100, 200, samples=4).disagreement is None


def test_a_row_is_in_doubt_where_samples_are_too_few_for_median_or_windows_or_the_windows_disagree():
    assert timings(100, 100).doubt is None
    assert timings(100, 130).doubt == "unstable"
    assert timings(100, 100, samples=4).doubt == "too few samples"
    assert timings(100, samples=1000).doubt == "too few samples"  # a single turn has no windows


@pytest.mark.parametrize("turns", range(2, 11))
def test_so_many_samples_in_every_turn_are_what_a_row_needs_to_be_without_doubt(turns):
    enough = samples_per_turn(turns)
    assert timings(*[100] * turns, samples=enough).doubt is None
    assert timings(*[100] * turns, samples=enough - 1).doubt == "too few samples"
