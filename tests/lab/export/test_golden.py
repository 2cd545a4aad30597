"""Golden rows of an export."""

import numpy as np
import pytest
import torch

from aetk.contract import spec
from aetk.contract.card import Feature
from aetk.contract.threshold import is_anomaly
from aetk.edge.model import load
from aetk.lab.data.dataset import load_dataset
from aetk.lab.export.golden import answers, in_float64, make_golden, synthetic_rows
from aetk.lab.runs import read_run
from lab.small import small_detector


@pytest.fixture(scope="session")
def detector(breast_cancer_run):
    return read_run(breast_cancer_run.run).detector


@pytest.fixture(scope="session")
def golden(model):
    return load(model).card.golden


def test_they_hold_pytorchs_own_answers_bit_for_bit(detector, golden):
    similarity, is_valid = answers(detector, golden.inputs)
    assert np.array_equal(similarity, golden.similarity)
    assert np.array_equal(is_valid, golden.is_valid)
    assert np.array_equal(in_float64(detector)(golden.inputs), golden.similarity64)
    assert golden.made_by == ((f"torch {torch.__version__}", len(golden)),)


def test_the_float64_answers_are_more_precise_and_within_the_tolerance(golden):
    assert golden.similarity64.dtype == np.float64
    assert 0 < np.abs(golden.similarity64 - golden.similarity).max() <= spec.TOLERANCE


def test_none_is_a_near_tie_and_some_lie_close_on_both_sides(detector, golden):
    distance = (golden.similarity64 - float(detector.threshold)) / spec.TOLERANCE
    assert (np.abs(distance[golden.is_valid]) > 1).all()
    assert ((distance > 0) & (distance < 15)).any()
    assert ((distance < 0) & (distance > -15)).any()


@pytest.mark.parametrize("side", [1, -1], ids=["below", "above"])
def test_some_lie_close_on_both_sides_where_every_ordinary_row_lies_on_one(side):
    detector = small_detector(3, kappa=0.0)
    features = tuple(Feature(name, (-3, -2, -1, 0, 1, 2, 3), "reject", None) for name in "abc")
    rows = synthetic_rows(features)
    ordinary = np.isfinite(rows).all(axis=1) & (np.abs(rows) < 1e6).all(axis=1)
    similarity = in_float64(detector)(rows[ordinary])
    detector.threshold.fill_(side * (side * similarity).max() + side * 1e-3)
    made = make_golden(detector, features)
    distance = (made.similarity64 - float(detector.threshold)) / spec.TOLERANCE
    assert ((distance > 0) & (distance < 15)).any()
    assert ((distance < 0) & (distance > -15)).any()
    assert not made.near_ties(float(detector.threshold), spec.TOLERANCE).any()


def test_a_threshold_that_nothing_reaches_still_gets_the_rows_there_are():
    detector = small_detector(3, kappa=0.0)
    detector.threshold.fill_(1.0)
    features = tuple(Feature(name, (-3, -2, -1, 0, 1, 2, 3), "reject", None) for name in "abc")
    assert len(make_golden(detector, features)) >= len(synthetic_rows(features))


def test_they_span_the_range_and_hold_the_values_that_break_runtimes(detector, golden):
    x = golden.inputs
    flagged = is_anomaly(golden.similarity, float(detector.threshold))
    assert flagged.any()
    assert not flagged.all()
    assert golden.is_valid.any()
    assert not golden.is_valid.all()
    assert golden.similarity[golden.is_valid].max() > 0.95
    assert golden.similarity[golden.is_valid].min() < 0.5
    assert (golden.similarity[~golden.is_valid] == spec.UNJUDGED).all()
    assert (x == 0).all(axis=1).any()
    for special in (
        np.isnan(x),
        x == np.inf,
        x == -np.inf,
        np.isfinite(x) & (np.abs(x) > spec.FINITE_LIMIT),
        np.abs(x) == 1e20,
    ):
        assert special.any()
    assert not golden.is_valid[(~np.isfinite(x) | (np.abs(x) > spec.FINITE_LIMIT)).any(axis=1)].any()
    assert ((x != 0) & (np.abs(x) < 1e-38)).any(), "no denormal"


def test_no_row_of_the_data_is_among_them(golden):
    real = {row.tobytes() for row in load_dataset(None).rows.astype(np.float32)}
    assert not any(row.tobytes() in real for row in golden.inputs)


def test_they_depend_on_the_card_alone():
    features = [Feature("a", (-2, -1, -0.5, 0, 0.5, 1, 2), "reject", None), Feature("b", (0,) * 7, "reject", None)]
    assert np.array_equal(synthetic_rows(features), synthetic_rows(features), equal_nan=True)
    one, other = (make_golden(small_detector(2, threshold=0.9), features) for _ in range(2))
    assert np.array_equal(one.inputs, other.inputs, equal_nan=True)
    assert np.array_equal(one.similarity, other.similarity)


@pytest.mark.parametrize(
    "threshold", [1.0, *(pytest.param(value, marks=pytest.mark.slow) for value in (-0.9999, 0.999999))]
)
def test_a_threshold_at_the_end_of_the_range_leaves_golden_rows(threshold):
    features = [Feature("a", (-2, -1, -0.5, 0, 0.5, 1, 2), "reject", None)]
    golden = make_golden(small_detector(threshold=threshold), features)
    assert len(golden) > 10
    assert not golden.near_ties(threshold, spec.TOLERANCE).any()
