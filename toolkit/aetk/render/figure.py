"""Common parts of the pictures (PNG), drawn with matplotlib."""

import io
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import MissingExtra
from aetk.base.names import as_text

_NEAREST = 1e-6
"""Smaller distances are drawn at this one."""

ORDINARY, ANOMALY, INK = "#3b76af", "#c8553d", "#333333"
DISTANCE_AXIS = {"xscale": "log", "xlabel": "1 - similarity (anomalies lie to the right)"}


def empty_figure(columns: float, rows: float, layout: Literal["constrained"] | None = "constrained") -> Any:
    """Make a figure with space for `columns` x `rows` panels; raise MissingExtra if matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("Drawing a picture", "lab") from None
    return Figure(figsize=(5.2 * columns, 3.9 * rows), layout=layout)


def new_figure(columns: int, margins: Mapping[str, float] | None = None) -> tuple[Any, Any]:
    """Make a figure with one row of panels, and return both; raise MissingExtra if matplotlib is not installed.

    `margins` are those of matplotlib's `subplots_adjust`. Without them the layout is computed from the texts, which
    takes longer than drawing the figure.
    """
    figure = empty_figure(columns, 1, "constrained" if margins is None else None)
    return figure, figure.subplots(1, columns, squeeze=False, gridspec_kw=margins)


def as_it_stands(name: str) -> str:
    """Escape a file's name for matplotlib, which reads dollar signs as formulas and accepts only text."""
    return as_text(name).replace("$", r"\$")


def as_png(figure: Any) -> bytes:
    """Encode the figure as a PNG file; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    return buffer.getvalue()


def draw_distribution(
    axes: Any, similarity: NDArray[np.float32], labels: NDArray[np.bool_] | None, threshold: float
) -> None:
    """Draw the similarities of both classes, and the threshold."""
    anomalous = np.zeros(len(similarity), bool) if labels is None else labels
    bins = np.geomspace(_NEAREST, 2.0, 61)
    for rows, color, name in ((~anomalous, ORDINARY, "ordinary"), (anomalous, ANOMALY, "anomaly")):
        if rows.any():
            weights = np.full(int(rows.sum()), 1 / rows.sum())
            label = f"{name} ({int(rows.sum()):,})"
            axes.hist(
                distance(similarity[rows]),
                bins,
                weights=weights,
                histtype="stepfilled",
                color=color,
                alpha=0.6,
                label=label,
            )
    axes.axvline(distance(threshold), color=INK, linestyle="--", label=f"threshold, similarity {threshold:.4g}")
    axes.set(ylabel="share of rows", **DISTANCE_AXIS)
    legend_below(axes, columns=3)


def legend_below(axes: Any, columns: int = 1, title: str | None = None) -> None:
    """Draw a legend below the panel, so that it hides no line."""
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.17), "columnspacing": 1.0}
    axes.legend(frameon=False, fontsize=8, title_fontsize=8, ncols=columns, title=title, **place)


def distance(similarity: Any) -> Any:
    """1 - similarity, clipped; on a log scale it separates similarities close to 1."""
    return np.clip(1.0 - np.asarray(similarity, np.float64), _NEAREST, 2.0)


def plain_ticks(axis: Any) -> None:
    """Label a log axis with numbers such as 0.2 and 1e-05; powers of ten would take half of the drawing time."""
    from matplotlib.ticker import LogFormatter

    axis.set_major_formatter(LogFormatter())
    axis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(1, 0.4)))
