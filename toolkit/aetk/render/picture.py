"""Reports as pictures (PNG), drawn with matplotlib."""

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract.errors import MissingExtra
from aetk.contract.threshold import macro_f1

if TYPE_CHECKING:  # the bench is drawn where there may be no lab
    from aetk.lab.evaluation import EvaluateReport
    from aetk.lab.training import TrainReport

_NEAREST = 1e-6
"""Distances below this are drawn there."""

_ORDINARY, _ANOMALY, _INK = "#3b76af", "#c8553d", "#333333"


def new_figure(columns: int, rows: int = 1) -> tuple[Any, Any]:
    """A figure and its grid of axes; MissingExtra without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("Drawing a picture", "lab") from None
    figure = Figure(figsize=(5.2 * columns, 3.9 * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def as_png(figure: Any) -> bytes:
    """The figure as a PNG file, the same bytes each time."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()


def draw_training(report: "TrainReport") -> bytes:
    """Loss and selection score over steps, and the calibration rows' similarities with the threshold."""
    figure, ((loss, score, distribution),) = new_figure(3)
    steps = [line.step for line in report.history]
    loss.plot(steps, [line.loss for line in report.history], color=_INK)
    loss.set(title="training loss (L1)", xlabel="step", yscale="log")
    score.plot(steps, [line.score for line in report.history], color=_INK)
    score.axvline(report.best_step, color=_ANOMALY, linestyle=":", label=f"best, step {report.best_step}")
    kind = "macro F1" if max(line.score for line in report.history) > 0 else "negative L1 error"
    score.set(title=f"selection: {kind} of rows kept apart", xlabel="step")
    score.legend(frameon=False)
    _distribution(distribution, report.calibration_similarity, report.calibration_labels, report.threshold.value)
    return as_png(figure)


def _distribution(
    axes: Any, similarity: NDArray[np.float32], labels: NDArray[np.bool_] | None, threshold: float, title: str = ""
) -> None:
    anomalous = np.zeros(len(similarity), bool) if labels is None else labels
    bins = np.geomspace(_NEAREST, 2.0, 61)
    for rows, color, name in ((~anomalous, _ORDINARY, "ordinary"), (anomalous, _ANOMALY, "anomaly")):
        if rows.any():
            weights = np.full(int(rows.sum()), 1 / rows.sum())
            label = f"{name} ({int(rows.sum()):,})"
            axes.hist(_distance(similarity[rows]), bins, weights=weights, color=color, alpha=0.6, label=label)
    _mark(axes, threshold)
    axes.set(title=title or "calibration rows", ylabel="share of rows")


def _distance(similarity: Any) -> Any:
    """1 - similarity, which spreads out on a log scale what crowds together below 1."""
    return np.clip(1.0 - np.asarray(similarity, np.float64), _NEAREST, 2.0)


def _mark(axes: Any, threshold: float) -> None:
    """Draw the threshold on an axis of distances."""
    axes.axvline(_distance(threshold), color=_INK, linestyle="--", label=f"threshold, similarity {threshold:.4g}")
    axes.set(xscale="log", xlabel="1 - similarity (anomalies lie to the right)")
    axes.legend(frameon=False)


def draw_evaluation(report: "EvaluateReport") -> bytes:
    """For each model: distributions, precision over recall, macro F1 over thresholds."""
    labels = report.labels
    figure, grid = new_figure(3, len(report.models))
    for (distribution, curve, quality), model in zip(grid, report.models, strict=True):
        similarity, threshold, name = model.similarity, model.threshold, model.model.name
        _distribution(distribution, similarity, labels, threshold, name)
        order = np.argsort(similarity, kind="stable")
        hits, false_alarms = (np.cumsum(flags, dtype=np.int64) for flags in (labels[order], ~labels[order]))
        positives, negatives = int(labels.sum()), int((~labels).sum())
        last = np.append(np.diff(similarity[order]) > 0, True)  # one point per distinct similarity
        curve.plot(hits[last] / max(1, positives), (hits / (hits + false_alarms))[last], color=_ANOMALY)
        curve.set(title="precision over recall", xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.05))
        scores = macro_f1(hits, false_alarms, positives, negatives)
        distinct = similarity[order][last].astype(np.float64)
        between = (distinct + np.append(distinct[1:], distinct[-1])) / 2  # a threshold just above flags the row itself
        quality.plot(_distance(between), scores[last], color=_ORDINARY)
        quality.set(title="macro F1 over thresholds", ylabel="macro F1", ylim=(0, 1.02))
        _mark(quality, threshold)
    return as_png(figure)
