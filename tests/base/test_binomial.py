import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aetk.base.binomial import beta_cdf, beta_quantile, clopper_pearson

SHAPES = st.floats(0.05, 1e4)


@given(st.floats(0, 1), SHAPES, SHAPES)
def test_the_beta_distribution_agrees_with_scipy(x, a, b):
    assert beta_cdf(x, a, b) == pytest.approx(stats.beta.cdf(x, a, b), rel=1e-8, abs=1e-10)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.5, 1e4), st.floats(0.5, 1e4))
def test_its_quantile_agrees_with_scipy(p, a, b):
    assert beta_quantile(p, a, b) == pytest.approx(stats.beta.ppf(p, a, b), rel=1e-7)


@given(st.integers(1, 100_000), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_exact_interval_agrees_with_scipy(trials, share, confidence):
    successes = round(trials * share)
    exact = stats.binomtest(successes, trials).proportion_ci(confidence, method="exact")
    assert clopper_pearson(successes, trials, confidence) == pytest.approx((exact.low, exact.high), rel=1e-7, abs=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(0, 10_000_000), (3, 10_000_000), (5_000_000, 10_000_000)])
def test_the_exact_interval_holds_for_millions_of_rows(successes, trials):
    exact = stats.binomtest(successes, trials).proportion_ci(0.95, method="exact")
    assert clopper_pearson(successes, trials) == pytest.approx((exact.low, exact.high), rel=1e-6)


def test_nothing_seen_says_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_the_interval_reaches_the_end_where_all_or_none_succeed():
    assert clopper_pearson(0, 10)[0] == 0.0
    assert clopper_pearson(10, 10)[1] == 1.0
