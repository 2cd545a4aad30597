"""Scaling: what each kind makes of a column, of a constant one, of an extreme one, and of rows known by moments."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from aetk.lab.data.moments import Moments
from aetk.lab.data.preprocessing import fit_scaling, is_constant
from aetk.lab.presets import RECIPES


def recipe(scaling):
    return replace(RECIPES["default"], scaling=scaling)


def scaled(rows, scaling):
    center, inverse_scale = fit_scaling(rows, recipe(scaling))
    assert center.dtype == inverse_scale.dtype == torch.float32
    return (rows - center.numpy()) * inverse_scale.numpy()


@pytest.fixture
def rows():
    """float64 [1001, 3] of different centers and widths."""
    random = np.random.default_rng(5)
    return random.normal(size=(1001, 3)) * (1, 10, 0.1) + (0, 100, -5)


def test_standard_scaling_leaves_mean_0_and_deviation_1(rows):
    found = scaled(rows, "standard")
    assert np.allclose(found.mean(0), 0, atol=1e-4)
    assert np.allclose(found.std(0), 1, atol=1e-4)


def test_min_max_scaling_leaves_0_to_1(rows):
    found = scaled(rows, "min-max")
    assert np.allclose((found.min(0), found.max(0)), [[0.0] * 3, [1.0] * 3], atol=1e-4)


def test_robust_scaling_centres_the_median_and_is_that_of_a_normal_column_whatever_a_few_values_are(rows):
    rows[:20] += 50 * rows.std(0)
    found = scaled(rows, "robust")
    assert np.allclose(np.median(found, 0), 0, atol=1e-4)
    assert np.allclose(found[20:].std(0), 1, atol=0.15)
    assert (scaled(rows, "standard")[20:].std(0) < 0.2).all()


def test_robust_scaling_takes_the_deviation_where_half_of_the_values_are_the_same():
    rows = np.zeros((100, 1))
    rows[::5] = 8.0
    _, inverse_scale = fit_scaling(rows, recipe("robust"))
    assert float(inverse_scale) == pytest.approx(1 / rows.std())


def test_balanced_scaling_weighs_a_column_by_the_geometric_mean_of_its_robust_width_and_its_range(rows):
    rows[:20, 0] += 50 * rows[:, 0].std()
    found = scaled(rows, "balanced")
    low, high = np.quantile(found, (0.25, 0.75), axis=0)
    product = (high - low) / 1.349 * np.ptp(found, axis=0)
    assert np.allclose(product, product[0], rtol=1e-4)
    assert np.allclose(found.mean(0), 0, atol=1e-4)
    assert np.isclose(found.var(0).mean(), 1, rtol=1e-4)


def test_without_scaling_values_stay_as_they_are(rows):
    assert np.array_equal(scaled(rows, "none"), rows)


@pytest.mark.parametrize("scaling", ["standard", "robust", "min-max", "balanced"])
def test_a_constant_column_is_centred_only(scaling):
    center, inverse_scale = fit_scaling(np.full((50, 1), 7.0), recipe(scaling))
    assert (float(center), float(inverse_scale)) == (7.0, 1.0)


@pytest.mark.parametrize("scaling", ["standard", "robust", "min-max", "balanced"])
def test_the_inverse_of_a_huge_spread_is_not_0_in_float32(scaling):
    rows = np.linspace(-3e38, 3e38, 100)[:, None]
    _, inverse_scale = fit_scaling(rows, recipe(scaling))
    assert float(inverse_scale) > 0


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([3.0, 3.0, 3.0], True),
        ([1e9, 1e9 + 1e-6, 1e9], True),  # a difference that is rounding
        ([1e-35, 2e-35, 1e-35], True),  # one whose inverse is beyond float32
        ([0.0, 0.0, 1e-9], False),
    ],
)
def test_a_column_is_constant_where_its_values_differ_by_rounding_at_most(column, expected):
    assert is_constant(np.array(column)) is expected


@pytest.mark.parametrize("scaling", ["standard", "min-max"])
def test_moments_of_all_rows_scale_as_the_rows_themselves(rows, scaling):
    rows[:, 2] = 4.0
    known = fit_scaling(rows[:100], recipe(scaling), Moments.of(rows[:600]) + Moments.of(rows[600:]))
    for found, expected in zip(known, fit_scaling(rows, recipe(scaling)), strict=True):
        torch.testing.assert_close(found, expected)


def test_with_moments_quantiles_come_from_the_sample(rows):
    sample = rows[:100]
    center, _ = fit_scaling(sample, recipe("robust"), Moments.of(rows))
    assert np.allclose(center.numpy(), np.median(sample, 0))
