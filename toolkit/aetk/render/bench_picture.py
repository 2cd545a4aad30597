"""Draws a benchmark as a picture (PNG): latency percentiles, throughput and its bound, and sparse arrivals."""

from collections.abc import Callable, Sequence
from typing import Any

from aetk.edge.bench.arrivals import Arrivals
from aetk.edge.bench.report import BenchReport
from aetk.edge.bench.row import Measured
from aetk.edge.bench.setting import Setting
from aetk.render.bench_words import MODES, disturbance
from aetk.render.figure import as_it_stands, as_png, legend_below, new_figure

_COLORS = ("#3b76af", "#c8553d", "#5b9a68", "#8d6ab8", "#b98b2f", "#4aa3a2")
_INK, _FAINT = "#333333", "#8a8a8a"
_STYLES: dict[float, dict[str, Any]] = {
    50: {"linestyle": "-", "linewidth": 1.8, "marker": "o", "markersize": 5},
    90: {"linestyle": "--", "linewidth": 1.1, "alpha": 0.85},
    99: {"linestyle": "-.", "linewidth": 1.1, "alpha": 0.85},
    99.9: {"linestyle": ":", "linewidth": 1.3, "alpha": 0.85},
}
_DOUBTFUL: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markersize": 10, "markerfacecolor": "none", "markeredgecolor": "#d1495b",
    "markeredgewidth": 1.1,
}  # fmt: skip


def draw_bench(report: BenchReport) -> bytes:
    """Draw latency percentiles and throughput over batch size; rings mark rows that are unstable or lack samples."""
    figure, (axes,) = new_figure(3 if report.sparse else 2)
    groups: dict[str, list[Measured]] = {}
    for row in sorted(report.measured, key=lambda row: row.setting.batch):
        groups.setdefault(_name(row.setting), []).append(row)
    colors = {name: _COLORS[place % len(_COLORS)] for place, name in enumerate(groups)}
    figure.set_size_inches(6.0 * len(axes), 5.2)
    longest = max(len(rows) for rows in groups.values())
    lines = {name: rows for name, rows in groups.items() if len(rows) == longest}  # the others are single points
    _latency(axes[0], lines, colors)
    _throughput(axes[1], report, groups, colors)
    if report.sparse:
        _sparse(axes[2], report.sparse, colors)
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color="#e4e4e4", linewidth=0.7)
        panel.set_axisbelow(True)
    figure.suptitle(_title(report), fontsize=10, color=_INK)
    return as_png(figure)


def _title(report: BenchReport) -> str:
    machine = report.environment
    disturbed = "".join(f"\n{disturbance(found)}" for found in report.disturbances)
    return (
        f"{as_it_stands(report.model.name)} on {machine['processor']}, {machine['usable_cpus']} usable CPUs, "
        f"onnxruntime {machine['onnxruntime']}{disturbed}"
    )


def _name(setting: Setting) -> str:
    if setting.provider != "cpu":
        return setting.provider + MODES[setting.mode]
    threads = "" if setting.threads is None else f", {setting.threads} thread" + "s" * (setting.threads > 1)
    return f"cpu{MODES[setting.mode]}{threads}" + ("" if setting.spinning else ", no spinning")


def _latency(panel: Any, lines: dict[str, list[Measured]], colors: dict[str, str]) -> None:
    drawn: set[float] = set()
    for name, rows in lines.items():
        for percent, style in _STYLES.items():
            known = [(r.setting.batch, value) for r in rows if (value := r.timings.percentile(percent)) is not None]
            if known:
                panel.plot(*zip(*known, strict=True), color=colors[name], **style)
                drawn.add(percent)
        _ring(panel, [(r.setting.batch, r.median) for r in rows if r.doubt and r.median is not None])
    panel.set(title="latency of one run", xlabel="rows per run")
    if not drawn:
        panel.text(0.5, 0.5, "too few samples for a percentile", ha="center", transform=panel.transAxes)
        return
    _log_axes(panel, sorted({row.setting.batch for rows in lines.values() for row in rows}), _seconds)
    for percent, style in _STYLES.items():
        if percent in drawn:
            panel.plot([], [], color=_INK, label=f"p{percent:g}", **style)
    if len(lines) > 1:
        for name in lines:
            panel.plot([], [], color=colors[name], linewidth=4, label=name)
    legend_below(panel, columns=4)


def _throughput(panel: Any, report: BenchReport, groups: dict[str, list[Measured]], colors: dict[str, str]) -> None:
    longest = max(len(rows) for rows in groups.values())
    for name, rows in groups.items():
        points = [(row.setting.batch, row.rows_per_second) for row in rows]
        style = {"linewidth": 1.8, "marker": "o", "markersize": 5} if len(rows) == longest else _alone(rows[0].setting)
        panel.plot(*zip(*points, strict=True), color=colors[name], label=name, **style)
        _ring(panel, [(row.setting.batch, row.rows_per_second) for row in rows if row.doubt])
    for bound in report.bounds:
        panel.axhline(bound.rows_per_second, color=_FAINT, linestyle="--", linewidth=1.2)
        label = f"matrix-product bound of {bound.provider}: {_rate(bound.rows_per_second, 0)} rows/s"
        place = {"xytext": (0, 4), "textcoords": "offset points", "fontsize": 8, "color": _INK}
        place |= {"bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}}
        panel.annotate(label, (0.01, bound.rows_per_second), xycoords=("axes fraction", "data"), **place)
    panel.set(title="throughput", xlabel="rows per run", ylabel="rows per second")
    _log_axes(panel, sorted({row.setting.batch for row in report.measured}), _rate)
    if any(row.doubt for row in report.measured):
        panel.plot([], [], label="unstable, or too few samples", **_DOUBTFUL)
    legend_below(panel, columns=3)


def _alone(setting: Setting) -> dict[str, Any]:
    """The markers of a setting that was measured at some batch sizes only."""
    marker = "*" if setting.mode == "scorer" else ("s" if setting.spinning else "v")
    return {"linestyle": "none", "marker": marker, "markersize": 11 if setting.mode == "scorer" else 7, "alpha": 0.9}


def _sparse(panel: Any, rows: Sequence[Arrivals], colors: dict[str, str]) -> None:
    groups: dict[str, list[Arrivals]] = {}
    for row in rows:
        groups.setdefault(_name(row.setting), []).append(row)
    drawn: set[float] = set()
    for name, series in groups.items():
        for percent in (50.0, 99.0):
            known = [(r.interval_ms, v) for r in series if (v := r.timings.percentile(percent)) is not None]
            if known:
                panel.plot(*zip(*known, strict=True), color=colors[name], **_STYLES[percent])
                drawn.add(percent)
        _ring(panel, [(r.interval_ms, v) for r in series if r.timings.doubt and (v := r.timings.percentile(50))])
        panel.plot([], [], color=colors[name], linewidth=4, label=name)
    for percent in sorted(drawn):
        panel.plot([], [], color=_INK, label=f"p{percent:g}", **_STYLES[percent])
    warm = [v / r.warm_ratio for r in rows if r.warm_ratio and (v := r.timings.percentile(50)) is not None]
    if warm:
        panel.axhline(min(warm), color=_FAINT, linestyle="--", linewidth=1.2, label="p50 without a pause, at best")
    panel.set(title="a single row that comes now and then", xlabel="one row every ... ms")
    if drawn:
        _log_axes(panel, sorted({row.interval_ms for row in rows}), _seconds)
        panel.set_yscale("linear")
        panel.set_ylim(bottom=0)
        panel.yaxis.set_major_formatter(_seconds)
    legend_below(panel, columns=3)


def _ring(panel: Any, points: Sequence[tuple[int, float]]) -> None:
    if points:
        panel.plot(*zip(*points, strict=True), **_DOUBTFUL)


def _log_axes(panel: Any, places: Sequence[int], words: Callable[[float, int], str]) -> None:
    panel.set(xscale="log", yscale="log")
    panel.set_xticks(places, [f"{place:,}" for place in places], fontsize=8)
    panel.minorticks_off()
    panel.yaxis.set_major_formatter(words)


def _seconds(value: float, _place: int) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size * 0.999:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:g} µs"


def _rate(value: float, _place: int) -> str:
    for unit, size in ((" M", 1e6), (" k", 1e3)):
        if value >= size * 0.999:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
