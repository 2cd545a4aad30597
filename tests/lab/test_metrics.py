"""Metrics are scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics as sk

from aetk.lab.metrics import measure


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
    assert found.auroc == pytest.approx(sk.roc_auc_score(labels, -similarity))
    assert found.average_precision == pytest.approx(sk.average_precision_score(labels, -similarity))
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
