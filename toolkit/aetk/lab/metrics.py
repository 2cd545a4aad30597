"""Detection quality on labelled rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aetk.contract.threshold import is_anomaly, macro_f1


@dataclass(frozen=True)
class Metrics:
    """Quality at a threshold, and over all thresholds.

    Attributes:
        auroc, average_precision: None if one class is missing.
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
    """Compare the decisions on similarities, float32 [rows], at a threshold with labels, bool [rows]."""
    flagged = is_anomaly(similarity, threshold)
    anomalies, ordinary = int(labels.sum()), int((~labels).sum())
    hits, false_alarms = int((flagged & labels).sum()), int((flagged & ~labels).sum())
    curve = _Curve.of(similarity, labels, np.ones(len(labels))) if anomalies and ordinary else None
    return Metrics(
        rows=len(labels),
        anomalies=anomalies,
        macro_f1=float(macro_f1(np.array(hits), np.array(false_alarms), anomalies, ordinary)),
        precision=hits / max(1, hits + false_alarms),
        recall=hits / max(1, anomalies),
        auroc=None if curve is None else curve.auroc,
        average_precision=None if curve is None else curve.average_precision,
        true_positives=hits,
        false_positives=false_alarms,
        true_negatives=ordinary - false_alarms,
        false_negatives=anomalies - hits,
    )


def natural_average_precision(similarity: NDArray[np.float32], labels: NDArray[np.bool_], prevalence: float) -> float:
    """Average precision if anomalies were a share `prevalence` of all rows; both classes have to be present."""
    weight = np.where(labels, prevalence / labels.sum(), (1 - prevalence) / (~labels).sum())
    return _Curve.of(similarity, labels, weight).average_precision


@dataclass(frozen=True)
class _Curve:
    """The weights of anomalies and of ordinary rows that each threshold flags, lowest threshold first, float64 [k].

    The sums are computed in the order of scikit-learn, so that the last digit is the same. It is not used because
    importing it takes as long as importing PyTorch.
    """

    hits: NDArray[np.float64]
    false_alarms: NDArray[np.float64]

    @classmethod
    def of(cls, similarity: NDArray[np.float32], labels: NDArray[np.bool_], weight: NDArray[np.float64]) -> "_Curve":
        """Compute the curve of rows of both classes; rows with the same similarity are flagged together."""
        order = np.argsort(similarity, kind="stable")
        last = np.append(np.flatnonzero(np.diff(similarity[order])), len(order) - 1)
        labels, weight = labels[order].astype(np.float64), weight[order]
        return cls(np.cumsum(labels * weight)[last], np.cumsum((1 - labels) * weight)[last])

    @property
    def auroc(self) -> float:
        """The area under the ROC curve, computed with trapezoids between its corners."""
        bends = np.diff(self.false_alarms, 2).astype(bool) | np.diff(self.hits, 2).astype(bool)
        corners = np.concatenate([[True], bends, [True]])[: len(self.hits)]
        hits, false_alarms = (np.append(0.0, values[corners]) for values in (self.hits, self.false_alarms))
        height, width = hits / hits[-1], np.diff(false_alarms / false_alarms[-1])
        return float(np.sum(width * (height[1:] + height[:-1]) / 2.0))

    @property
    def average_precision(self) -> float:
        """The mean of precision over recall, without interpolation."""
        flagged = self.hits + self.false_alarms
        precision = np.divide(self.hits, flagged, out=np.zeros(len(flagged)), where=flagged != 0)[::-1]
        recall = np.append((self.hits / self.hits[-1])[::-1], 0.0)
        return float(max(0.0, -np.sum(np.diff(recall) * precision)))
