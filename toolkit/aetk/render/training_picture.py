"""Draws a training as a picture."""

from aetk.lab.training.report import TrainReport
from aetk.render.figure import ANOMALY, INK, as_png, draw_distribution, new_figure, plain_ticks

_MARGINS = {"left": 0.055, "right": 0.99, "bottom": 0.22, "top": 0.92, "wspace": 0.2}


def draw_training(report: TrainReport) -> bytes:
    """Draw loss and selection score over steps, and the calibration rows' similarities with the threshold."""
    figure, ((loss, score, distribution),) = new_figure(3, _MARGINS)
    steps = [line.step for line in report.history]
    loss.plot(steps, [line.loss for line in report.history], color=INK)
    loss.set(title="training loss (L1)", xlabel="step", yscale="log")
    score.plot(steps, [line.score for line in report.history], color=INK)
    score.axvline(report.best_step, color=ANOMALY, linestyle=":", label=f"best, step {report.best_step}")
    kind = "macro F1" if max(line.score for line in report.history) > 0 else "negative L1 error"
    score.set(title=f"selection: {kind} of rows kept apart", xlabel="step")
    score.legend(frameon=False)
    draw_distribution(distribution, report.calibration_similarity, report.calibration_labels, report.threshold.value)
    distribution.set(title="calibration rows")
    for axis in (loss.yaxis, distribution.xaxis):
        plain_ticks(axis)
    return as_png(figure)
