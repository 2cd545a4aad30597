"""Metrics are scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics as sk

from aetk.lab.metrics import measure, natural_average_precision


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("threshold", [-0.9, 0.3, 0.7, 1.0])
def test_every_figure_agrees_with_scikit_learn(seed, threshold):
    random = np.random.default_rng(seed)
    labels = random.random(500) < 0.2
    similarity = np.clip(random.normal(0.6 - 0.4 * labels, 0.3), -1, 1).astype(np.float32).round(2)  # with ties
    flagged = ~(similarity >= np.float32(threshold))
    found = measure(similarity, labels, threshold)
    assert found.macro_f1 == pytest.approx(sk.f1_score(labels, flagged, average="macro", zero_division=0))
    assert found.precision == pytest.approx(sk.precision_score(labels, flagged, zero_division=0))
    assert found.recall == pytest.approx(sk.recall_score(labels, flagged))
    assert found.auroc == sk.roc_auc_score(labels, -similarity)  # to the last digit
    assert found.average_precision == sk.average_precision_score(labels, -similarity)
    counts = (found.true_negatives, found.false_positives, found.false_negatives, found.true_positives)
    assert counts == tuple(sk.confusion_matrix(labels, flagged).ravel())
    assert (found.rows, found.anomalies) == (500, labels.sum())


@pytest.mark.parametrize("label", [True, False])
def test_one_class_alone_has_no_ranking_metrics(label):
    found = measure(np.float32([0.1, 0.9]), np.array([label, label]), 0.5)
    assert found.auroc is None
    assert found.average_precision is None
    assert found.true_positives + found.false_positives == 1


def test_a_row_that_could_not_be_judged_counts_as_flagged():
    found = measure(np.float32([-1, -1, 0.9]), np.array([True, False, False]), -0.999)
    assert (found.true_positives, found.false_positives, found.true_negatives) == (1, 1, 1)


def test_natural_average_precision_weighs_ordinary_rows_to_the_prevalence():
    similarity, labels = np.float32([0.1, 0.2, 0.3, 0.4]), np.array([True, False, True, False])
    # precision 1 at the first anomaly; at the second 0.2 of anomalies to 0.4 of ordinary rows
    assert natural_average_precision(similarity, labels, 0.2) == pytest.approx((1 + 1 / 3) / 2)
    assert natural_average_precision(similarity, labels, 0.5) == pytest.approx((1 + 2 / 3) / 2)  # as they stand


def test_natural_average_precision_is_that_of_a_table_with_its_ordinary_rows_repeated():
    random = np.random.default_rng(0)
    labels = np.arange(100) < 30
    similarity = random.normal(0.6 - 0.3 * labels, 0.3).astype(np.float32).round(1)  # with ties
    times = np.where(labels, 1, 9)
    repeated = sk.average_precision_score(labels.repeat(times), -similarity.repeat(times))
    assert natural_average_precision(similarity, labels, 30 / (30 + 9 * 70)) == pytest.approx(repeated)


@pytest.mark.parametrize("prevalence", [1e-9, 1 - 1e-9])
def test_natural_average_precision_of_a_perfect_ranking_is_1_however_rare(prevalence):
    assert natural_average_precision(np.float32([-1, 1]), np.array([True, False]), prevalence) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(20))
def test_ranking_metrics_are_scikit_learns_to_the_last_digit(seed):
    random = np.random.default_rng(seed)
    rows, digits = int(random.integers(2, 60)), int(random.integers(0, 8))
    labels = np.append(random.random(rows) < random.choice([0.05, 0.5, 0.95]), [True, False])
    similarity = np.clip(random.normal(0.5, 0.3, len(labels)), -1, 1).round(digits).astype(np.float32)
    score, prevalence = -similarity.astype(np.float64), float(random.random())
    weight = np.where(labels, prevalence / labels.sum(), (1 - prevalence) / (~labels).sum())
    found = measure(similarity, labels, 0.5)
    assert found.auroc == sk.roc_auc_score(labels, score)
    assert found.average_precision == sk.average_precision_score(labels, score)
    natural = natural_average_precision(similarity, labels, prevalence)
    assert natural == sk.average_precision_score(labels, score, sample_weight=weight)
