"""Draws an evaluation as a picture (PNG): the distributions of each model, and the curves of all models together."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract.threshold import macro_f1
from aetk.render.figure import (
    DISTANCE_AXIS,
    as_it_stands,
    as_png,
    distance,
    draw_distribution,
    empty_figure,
    legend_below,
)

if TYPE_CHECKING:  # scikit-learn is not needed to draw
    from aetk.lab.evaluation import EvaluateReport, ModelEvaluation

_COLORS = ("#000000", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#0072b2", "#d55e00")
"""Okabe and Ito's colour-blind-safe colours without yellow; those similar to the two classes' colours come last."""

_STYLES = ("-", "--", ":", "-.")
"""Line styles; the next one is used when all colours are used."""

_LINE = 0.045
"""The height of a line of a legend, as a share of a panel's height."""


def draw_evaluation(report: "EvaluateReport") -> bytes:
    """Draw the distributions of each model, and precision over recall and macro F1 over thresholds of all models."""
    names = short_names([model.model for model in report.models])
    figure, curve, quality, distributions = _panels(len(names))
    for panel, model, name, style in zip(distributions, report.models, names, _looks(len(names)), strict=True):
        draw_distribution(panel, model.similarity, report.labels, model.threshold)
        panel.set_title(_words(name, 40), color=style["color"])
        _curves(curve, quality, model, report.labels, name, style)
    curve.set(title="precision over recall", xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.05))
    quality.set(title="macro F1 over thresholds", ylabel="macro F1", ylim=(0, 1.02), **DISTANCE_AXIS)
    for panel in (curve, quality):
        legend_below(panel, title="dots: at the model's threshold")
    return as_png(figure)


def short_names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of paths that tell the paths apart."""
    for length in count(1):
        names = [str(Path(*path.parts[-length:])) for path in paths]
        if len(set(names)) == len(set(paths)):
            break
    return names


def _panels(models: int) -> tuple[Any, Any, Any, list[Any]]:
    """Return a figure, its two panels for curves, and a panel for each model, below the curves if there are several."""
    names = [f"distribution {place}" for place in range(models)]
    if models == 1:
        mosaic, heights = [[*names, "curve", "quality"]], [1.1]
    else:
        across = 2 if models in (2, 4) else 3
        rest = names + ["."] * (-models % across)
        rows = [rest[start : start + across] for start in range(0, len(rest), across)]
        # both curves share a row, which is as wide as a row of two or three distributions
        mosaic = [
            ["curve"] * across + ["quality"] * across,
            *([name for name in row for _ in range(2)] for row in rows),
        ]
        heights = [1.1 + _LINE * models, *(1.0 for _ in rows)]
    figure = empty_figure(max(map(len, mosaic)) / (1 if models == 1 else 2), sum(heights))
    axes = figure.subplot_mosaic(mosaic, height_ratios=heights)
    return figure, axes["curve"], axes["quality"], [axes[name] for name in names]


def _looks(models: int) -> list[dict[str, Any]]:
    """The line style of each model; lines that are drawn first are wider, so that coinciding lines stay visible."""
    widths = np.linspace(1.5 + 0.8 * min(models - 1, 4), 1.5, models)
    colors, styles = len(_COLORS), len(_STYLES)
    return [
        {"color": _COLORS[i % colors], "linestyle": _STYLES[i // colors % styles], "linewidth": width}
        for i, width in enumerate(widths)
    ]


def _curves(
    curve: Any, quality: Any, model: "ModelEvaluation", labels: NDArray[np.bool_], name: str, style: dict[str, Any]
) -> None:
    found = model.metrics
    dot = {"marker": "o", "color": style["color"], "markersize": 4.5 + style["linewidth"]}
    order = np.argsort(model.similarity, kind="stable")
    hits, false_alarms = (np.cumsum(flags, dtype=np.int64) for flags in (labels[order], ~labels[order]))
    distinct = model.similarity[order].astype(np.float64)
    last = np.append(np.diff(distinct) > 0, True)  # one point per distinct similarity
    hits, false_alarms, distinct = hits[last], false_alarms[last], distinct[last]

    precision_label = f"AP {_figure(found.average_precision)}"
    if model.natural_average_precision is not None:
        precision_label += f" (natural {_figure(model.natural_average_precision)})"
    recall = hits / max(1, found.anomalies)
    curve.plot(recall, hits / (hits + false_alarms), label=_words(f"{precision_label}  {name}", 70), **style)
    if found.true_positives + found.false_positives:
        curve.plot(found.recall, found.precision, **dot)

    scores = macro_f1(hits, false_alarms, found.anomalies, found.rows - found.anomalies)
    between = (distinct + np.append(distinct[1:], distinct[-1])) / 2  # a threshold just above flags the row itself
    quality.plot(distance(between), scores, label=_words(f"macro F1 {_figure(found.macro_f1)}  {name}", 70), **style)
    quality.plot(distance(model.threshold), found.macro_f1, **dot)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _words(name: str, width: int) -> str:
    """A name, broken into lines of at most `width` characters."""
    return as_it_stands(fill(name, width))
