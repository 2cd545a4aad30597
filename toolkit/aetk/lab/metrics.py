"""Detection quality on labelled rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aetk.contract.threshold import is_anomaly, macro_f1


@dataclass(frozen=True)
class Metrics:
    """Quality at a threshold, and over all of them.

    Attributes:
        auroc, average_precision: None where one class is missing.
        true_positives, false_positives, true_negatives, false_negatives: counts; an anomaly is positive.
    """

    rows: int
    anomalies: int
    macro_f1: float
    precision: float
    recall: float
    auroc: float | None
    average_precision: float | None
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


def measure(similarity: NDArray[np.float32], labels: NDArray[np.bool_], threshold: float) -> Metrics:
    """Metrics of similarities, float32 [rows], against labels, bool [rows], by the rule at a threshold."""
    from sklearn.metrics import average_precision_score, roc_auc_score  # takes as long to import as PyTorch

    flagged = is_anomaly(similarity, threshold)
    anomalies, ordinary = int(labels.sum()), int((~labels).sum())
    hits, false_alarms = int((flagged & labels).sum()), int((flagged & ~labels).sum())
    both = anomalies > 0 and ordinary > 0
    score = -similarity.astype(np.float64)
    return Metrics(
        rows=len(labels),
        anomalies=anomalies,
        macro_f1=float(macro_f1(np.array(hits), np.array(false_alarms), anomalies, ordinary)),
        precision=hits / max(1, hits + false_alarms),
        recall=hits / max(1, anomalies),
        auroc=float(roc_auc_score(labels, score)) if both else None,
        average_precision=float(average_precision_score(labels, score)) if both else None,
        true_positives=hits,
        false_positives=false_alarms,
        true_negatives=ordinary - false_alarms,
        false_negatives=anomalies - hits,
    )


def natural_average_precision(similarity: NDArray[np.float32], labels: NDArray[np.bool_], prevalence: float) -> float:
    """Average precision as it would be if anomalies were `prevalence` of all rows; both classes have to be there."""
    from sklearn.metrics import average_precision_score

    weight = np.where(labels, prevalence / labels.sum(), (1 - prevalence) / (~labels).sum())
    return float(average_precision_score(labels, -similarity.astype(np.float64), sample_weight=weight))
