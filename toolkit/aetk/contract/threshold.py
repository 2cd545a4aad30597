"""The decision threshold: how it is chosen from calibration rows, and how many alarms to expect.

The rule everywhere: a row is an anomaly where not (similarity >= threshold).
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aetk.base.binomial import clopper_pearson
from aetk.base.errors import BadInput

Kind = Literal["fixed", "best-f1", "conformal"]


@dataclass(frozen=True)
class Method:
    """A way to choose a threshold; `parameter` is the value of `fixed`, the target rate of `conformal`."""

    kind: Kind
    parameter: float | None = None

    def __str__(self) -> str:
        return self.kind if self.parameter is None else f"{self.kind}:{self.parameter:g}"


@dataclass(frozen=True)
class Alarms:
    """The flagged rows to expect among 1,000 ordinary ones: Jeffreys mean and exact (Clopper-Pearson) interval."""

    expected: float
    low: float
    high: float
    confidence: float
    rows: int


@dataclass(frozen=True)
class Threshold:
    """A threshold and where it comes from.

    Attributes:
        value: a float32 value, -1 < value <= 1.
        method: as written on the command line, `conformal:0.001` for one.
        target: the false-alarm rate that was asked for (conformal), else None.
        rows: the number of rows it was computed from; 0 for a fixed value.
        basis: a description of those rows and of the rows behind `alarms`.
        alarms: the alarms to expect on ordinary rows; None if there were no ordinary rows.
    """

    value: float
    method: str
    target: float | None
    rows: int
    basis: str
    alarms: Alarms | None


def parse_method(text: str) -> Method:
    """Read `fixed:VALUE`, `best-f1`, `conformal` or `conformal:RATE`; BadInput for anything else."""
    kind, _, parameter = text.partition(":")
    if text == "best-f1":
        return Method("best-f1")
    if text == "conformal":
        return Method("conformal")
    try:
        number = float(parameter)
    except ValueError:
        number = math.nan
    if kind == "fixed" and parameter:
        return Method("fixed", check_value(number))
    if kind == "conformal" and parameter:
        return Method("conformal", check_rate(number, "--threshold conformal"))
    raise BadInput(
        f"'{text}' is not a threshold method.",
        "Use fixed:0.95 (a similarity), best-f1 (needs labels) or conformal:0.001 (a false-alarm rate).",
    )


def check_value(value: float) -> float:
    """The float32 nearest to a threshold; BadInput unless -1 < threshold <= 1."""
    rounded = float(np.float32(value)) if abs(value) <= 2 else math.nan
    if not -1 < rounded <= 1:
        raise BadInput(
            f"The threshold {value:.9g} is not a similarity: expected -1 < threshold <= 1.",
            "For example: 0.95.",
        )
    return rounded


def check_rate(rate: float, option: str, kind: str = "a false-alarm rate") -> float:
    """Check the rate of an option; raise BadInput unless 1e-9 <= rate < 1 (no table has a billion rows)."""
    if not 1e-9 <= rate < 1:
        raise BadInput(
            f"{option} is {rate:g}; expected {kind} of at least 1e-9 and less than 1.",
            "For example: 0.001, which is one in a thousand.",
        )
    return rate


def is_anomaly(similarity: NDArray[np.floating], threshold: float) -> NDArray[np.bool_]:
    """Apply the rule to similarities of any shape; NaN is an anomaly."""
    return ~(similarity >= np.float32(threshold))


def expected_alarms(flagged: int, rows: int) -> Alarms | None:
    """Alarms to expect per 1,000 ordinary rows after `flagged` of `rows` ordinary rows were flagged; None if rows is 0.

    The mean is Jeffreys' (flagged + 1/2) / (rows + 1), which lies midway between the two order statistics
    that enclose a conformal threshold; the interval is Clopper and Pearson's.
    """
    if rows == 0:
        return None
    low, high = clopper_pearson(flagged, rows)
    return Alarms(1000 * (flagged + 0.5) / (rows + 1), 1000 * low, 1000 * high, 0.95, rows)


def calibrate(
    method: Method, similarity: NDArray[np.float32], labels: NDArray[np.bool_] | None, basis: str
) -> Threshold:
    """Choose a threshold from calibration rows.

    Args:
        method: the way to choose.
        similarity: float32 [rows], of valid rows.
        labels: bool [rows], True for an anomaly; None if all rows count as ordinary.
        basis: a description of the rows.

    Raises:
        BadInput: `best-f1` without rows of both labels, or too few ordinary rows for the rate.
    """
    ordinary = similarity if labels is None else similarity[~labels]
    target = None
    if method.kind == "fixed":
        assert method.parameter is not None
        value, rows = method.parameter, 0
    elif method.kind == "best-f1":
        value, rows = _best_f1(similarity, labels), len(similarity)
    else:
        value, target = _conformal(ordinary, method.parameter)
        rows = len(ordinary)
    flagged = int(is_anomaly(ordinary, value).sum())
    return Threshold(value, str(method), target, rows, basis, expected_alarms(flagged, len(ordinary)))


def macro_f1(
    true_positives: NDArray[np.integer], false_positives: NDArray[np.integer], positives: int, negatives: int
) -> NDArray[np.float64]:
    """The mean of the F1 of both classes, from counts of flagged rows; the F1 of a class without rows is 0."""
    false_negatives = positives - true_positives
    true_negatives = negatives - false_positives
    errors = false_positives + false_negatives
    anomalous = 2 * true_positives / np.maximum(2 * true_positives + errors, 1)
    ordinary = 2 * true_negatives / np.maximum(2 * true_negatives + errors, 1)
    return np.asarray((anomalous + ordinary) / 2)


def _labelled(labels: NDArray[np.bool_] | None) -> str:
    if labels is None:
        return "there are no labels"
    return f"there are {int((~labels).sum()):,} and {int(labels.sum()):,}"


def _best_f1(similarity: NDArray[np.float32], labels: NDArray[np.bool_] | None) -> float:
    """The cut with the highest macro F1; among equal ones, the one in the widest gap between neighbours."""
    if labels is None or labels.all() or not labels.any():
        raise BadInput(
            f"best-f1 needs rows labelled 0 (ordinary) and rows labelled 1 (anomaly); {_labelled(labels)}.",
            "Name with --label a column that holds both, or ask for a false-alarm rate instead.",
        )
    order = np.argsort(similarity, kind="stable")
    values, anomalous = similarity[order].astype(np.float64), labels[order]
    cuts = ((values[:-1] + values[1:]) / 2).astype(np.float32)
    usable = (cuts > values[:-1]) & (cuts < values[1:])
    if not usable.any():
        raise BadInput(f"best-f1 cannot choose: all {len(values)} rows have practically the same similarity.")
    flagged = np.cumsum(anomalous, dtype=np.int64)[:-1]
    score = macro_f1(flagged, np.arange(1, len(values)) - flagged, int(labels.sum()), int((~labels).sum()))
    score[~usable] = -1
    gap = np.where(score >= score.max() - 1e-12, np.diff(values), -1)
    return float(cuts[np.argmax(gap)])


def rows_needed(rate: float) -> int:
    """The fewest ordinary calibration rows that can support a conformal false-alarm rate."""
    return math.ceil(1 / rate - 1 - 1e-9)


def _rate_supported(rows: int) -> float:
    """The smallest rate, to three digits, that this number of rows supports."""
    digits = 10.0 ** (2 - math.floor(math.log10(1 / (rows + 1))))
    return math.ceil(digits / (rows + 1)) / digits


def _conformal(ordinary: NDArray[np.float32], rate: float | None) -> tuple[float, float]:
    """The split-conformal threshold and its rate (Vovk, Gammerman and Shafer, 2005; Laxhammar, 2014).

    With n exchangeable ordinary rows and k = floor(rate * (n + 1)), a new ordinary row lies below the k-th smallest
    similarity with probability at most k / (n + 1) <= rate. The threshold lies between that and the next one below.
    """
    rank, rate = conformal_rank(len(ordinary), rate)
    return just_below(np.sort(ordinary)[rank - 1], np.unique(ordinary)), rate


def conformal_rank(rows: int, rate: float | None) -> tuple[int, float]:
    """The rank k of a conformal threshold, which lies just below the k-th smallest similarity of ordinary rows.

    Args:
        rows: the number of ordinary rows.
        rate: the highest rate of false alarms; None for the smallest rate that the rows support.

    Returns:
        The rank, counted from 1, and the rate.

    Raises:
        BadInput: too few rows for the rate.
    """
    needed = 2 if rate is None else max(2, rows_needed(rate))
    if rows < needed:
        wanted = "A conformal threshold" if rate is None else f"A false-alarm rate of {rate:g}"
        raise BadInput(
            f"{wanted} needs at least {needed} ordinary calibration rows; there are {rows}.",
            f"Bring more rows, or ask for a rate of {_rate_supported(rows):g} or more."
            if rows > 1
            else "Bring more rows.",
        )
    if rate is None:
        rate = 1 / (rows + 1)
    return min(math.floor(rate * (rows + 1) + 1e-9), rows), rate


def just_below(similarity: np.float32, distinct: NDArray[np.float32]) -> float:
    """The middle between a similarity and the next lower one; a lower pair if no float32 lies between the two."""
    for upper in distinct[distinct <= similarity][::-1]:
        below = distinct[distinct < upper]
        if not len(below):
            break
        middle = np.float32((float(below[-1]) + float(upper)) / 2)
        if below[-1] < middle < upper:
            return float(middle)
    # below the smallest similarity, use half of the gap above it
    gap = float(distinct[1] - distinct[0]) if len(distinct) > 1 else 0.0
    lowest = float(np.nextafter(np.float32(-1), np.float32(0)))
    return max(float(np.float32(float(distinct[0]) - max(gap, 1e-3) / 2)), lowest)
