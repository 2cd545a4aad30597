"""Formats a benchmark as text for a terminal."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from aetk.edge.bench.arrivals import Arrivals
from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.comparison import Comparison, Ratio
from aetk.edge.bench.report import BenchReport
from aetk.edge.bench.row import Measured, NotProbed
from aetk.edge.bench.samples import Timings
from aetk.edge.bench.setting import Setting
from aetk.render.bench_words import MODES, conclusion, disturbance, left_out
from aetk.render.format import count, seconds, table

_PERCENTILES = (50, 90, 99, 99.9)
_ROWS = 6
"""The number of rows of the short table; it has a few more if there are more providers."""

Row = TypeVar("Row")


def _percentile(percent: float) -> Callable[[Measured | Arrivals], str]:
    return lambda row: seconds(row.timings.percentile(percent))


_COLUMNS: dict[str, Callable[[Measured], str]] = {
    "provider": lambda row: row.setting.provider + MODES[row.setting.mode],
    "batch": lambda row: f"{row.setting.batch}",
    "threads": lambda row: threads(row.setting),
    "load": lambda row: seconds(row.cold.load_seconds) if isinstance(row.cold, Probe) else "",
    "first": lambda row: seconds(row.cold.first_run_seconds) if isinstance(row.cold, Probe) else "",
    **{f"p{percent:g}": _percentile(percent) for percent in _PERCENTILES},
    "rows/s": lambda row: f"{row.rows_per_second:,.0f}",
    "CPU/1k": lambda row: seconds(row.cpu_seconds_per_1000_rows),
    "peak": lambda row: _mebibytes(row.cold.peak_bytes) if isinstance(row.cold, Probe) else "",
    "on GPU": lambda row: _mebibytes(row.cold.device_bytes) if isinstance(row.cold, Probe) else "",
    "nodes": lambda row: _nodes(row.placement),
    "drift": lambda row: "once" if row.measured_once else _drift(row.timings),
}
_SHORT = ("provider", "batch", "threads", "p50", "p99", "rows/s", "drift")
_SPARSE: dict[str, Callable[[Arrivals], str]] = {
    "one row every": lambda row: f"{row.interval_ms:,} ms",
    "provider": lambda row: row.setting.provider,
    "threads": lambda row: threads(row.setting),
    **{f"p{percent}": _percentile(percent) for percent in (50, 90, 99)},
    "of warm": lambda row: "" if row.warm_ratio is None else f"{row.warm_ratio:.1f} x",
    "CPU/1k": lambda row: seconds(row.timings.cpu_seconds_per_1000_rows(row.setting.batch)),
    "nodes": lambda row: _nodes(row.placement),
    "drift": lambda row: _drift(row.timings),
    "late": lambda row: f"{row.late}" if row.late else "",
}
_SHORT_SPARSE = ("one row every", "provider", "threads", "p50", "p99", "of warm", "drift", "late")


def bench(report: BenchReport, everything: bool = False) -> str:
    """The table of a benchmark, what was left out, what may have disturbed it, and its conclusions.

    Args:
        report: the benchmark.
        everything: whether to show all rows and columns, or only the few that fit a terminal of 80 columns.
    """
    rows = list(report.measured) if everything else short_rows(report.measured)
    lines = [_table(_COLUMNS, tuple(_COLUMNS) if everything else _SHORT, rows)]
    if report.sparse:
        lines += ["", _table(_SPARSE, tuple(_SPARSE) if everything else _SHORT_SPARSE, report.sparse)]
    lines += ["", *_footer(report, rows)]
    lines += _details(report) if everything else []
    lines += [f"note: {disturbance(found)}" for found in report.disturbances]
    lines += ["", *conclusion(report.conclusion)]
    if report.conclusion.snippet:
        lines += ["", *(f"    {line}".rstrip() for line in report.conclusion.snippet.splitlines())]
    if report.comparison is not None:
        lines += ["", comparison(report.comparison)]
    return "\n".join(lines)


def short_rows(measured: Sequence[Measured]) -> list[Measured]:
    """Choose about six rows: each provider's fastest, of all modes and options, at batch sizes from first to last."""
    if len(measured) <= _ROWS:
        return list(measured)
    providers = list(dict.fromkeys(row.setting.provider for row in measured))
    found: list[Measured] = []
    for provider in providers:
        own = [row for row in measured if row.setting.provider == provider]
        batches = sorted({row.setting.batch for row in own})
        places = np.linspace(0, len(batches) - 1, max(2, _ROWS // len(providers))).round().astype(int)
        for batch in dict.fromkeys(batches[place] for place in places):
            found.append(min((row for row in own if row.setting.batch == batch), key=_usual))
    return found


def _usual(row: Measured) -> float:
    return float(np.median(row.timings.seconds))


def _table(columns: dict[str, Callable[[Row], str]], names: Sequence[str], rows: Sequence[Row]) -> str:
    """A table without its empty columns."""
    cells = {name: [columns[name](row) for row in rows] for name in names}
    said = [name for name in names if any(cells[name])]
    return table(said, list(zip(*(cells[name] for name in said), strict=True)))


def threads(setting: Setting) -> str:
    """The number of threads, with an asterisk if they do not spin; empty for providers other than the CPU."""
    if setting.provider != "cpu":
        return ""
    return ("auto" if setting.threads is None else f"{setting.threads}") + ("" if setting.spinning else "*")


def _mebibytes(value: int | None) -> str:
    return "" if value is None else f"{value / 2**20:,.0f} MiB"


def _nodes(placement: dict[str, int]) -> str:
    return ", ".join(f"{n} {name.removesuffix('ExecutionProvider')}" for name, n in placement.items())


def _drift(timings: Timings) -> str:
    if timings.doubt == "too few samples" or timings.disagreement is None:
        return "few"
    return f"{timings.disagreement:.0%}" + (" !" if timings.unstable else "")


def _footer(report: BenchReport, shown: Sequence[Measured]) -> list[str]:
    machine, total = report.environment, count(len(report.measured), "row")
    rows: list[Measured | Arrivals] = [*report.measured, *report.sparse]
    evidence = " and ".join(dict.fromkeys(row.evidence for row in rows))
    lines = [
        f"{total} in {report.seconds:.0f} s on {machine['processor']}, {machine['usable_cpus']} usable CPUs",
        f"onnxruntime {machine['onnxruntime']}; every node ran on the provider named, by the {evidence} record",
    ]
    if machine.get("gpus"):
        lines.append(_gpus(report))
    if len(shown) < len(report.measured):
        lines.append(f"{len(report.measured) - len(shown)} more with --all, in the JSON and in the picture")
    visible: list[Measured | Arrivals] = [*shown, *report.sparse]
    marks = ["; ! unstable: by more than 10%"] if any(row.timings.unstable for row in visible) else []
    if any(row.timings.doubt == "too few samples" for row in visible):
        marks.append("; few: too few samples to tell")
    lines.append("drift: by how much the medians of a row's windows differ" + "".join(marks))
    if any(not row.setting.spinning for row in visible):
        lines.append("*: threads sleep while they wait, instead of spinning")
    if any(row.options.get("use_tf32") == "0" for row in report.measured):
        lines.append("TF32 is off: float32 is computed as float32")
    once = [row.setting for row in report.measured if row.measured_once]
    return lines + left_out(report.skipped, report.too_long, once)


def _gpus(report: BenchReport) -> str:
    machine = report.environment
    said = [*machine["gpus"], f"driver {machine.get('gpu_driver')}"]
    said += [f"{name} {machine[key]}" for key, name in (("cuda", "CUDA"), ("cudnn", "cuDNN")) if machine.get(key)]
    return "GPU: " + "; ".join(said)


def _details(report: BenchReport) -> list[str]:
    """The lines that only the full table needs."""
    rows: list[Measured | Arrivals] = [*report.measured, *report.sparse]
    lines = ["CPU/1k: processor time of 1,000 rows"]
    if any(_blank(row.timings) for row in rows):
        lines.append("blank percentiles: too few samples (p50 needs 10, p90 100, p99 1,000, p99.9 10,000)")
    reasons = Counter(row.cold.reason for row in report.measured if isinstance(row.cold, NotProbed))
    lines += [f"no cold start in {count(n, 'row')}: {reason}" for reason, n in reasons.items()]
    for bound in report.bounds:
        own = [row for row in report.measured if row.setting.provider == bound.provider and row.doubt is None]
        best = max((row.rows_per_second for row in own), default=None)
        reached = "" if best is None else f"; the best row reaches {best / bound.rows_per_second:.0%}"
        lines.append(
            f"matrix-product bound on {bound.provider}: {bound.peak_flops / 1e9:,.0f} GFLOP/s / "
            f"{bound.flops_per_row / 1e3:.1f} kFLOP a row = {bound.rows_per_second / 1e6:.2f} million rows/s{reached}"
        )
    return lines


def _blank(timings: Timings) -> bool:
    return any(timings.percentile(percent) is None for percent in _PERCENTILES)


def comparison(found: Comparison) -> str:
    """The comparison with another report: ratios with their spread, and the verdict."""
    lines = [f"against {found.other} (above 1 is slower now):", *(f"WARNING: {words}" for words in found.warnings)]
    lines.append(_table(_RATIOS, tuple(_RATIOS), found.rows))
    if found.missing:
        lines.append(f"not measured now: {count(len(found.missing), 'row')} of the other report")
    if any(row.verdict == "undecided" for row in found.rows):
        lines.append("undecided: slower by its median, but not beyond the spread of the windows; give more --seconds")
    if found.fail_above is not None:
        lines.append(_verdict(found))
    return "\n".join(lines)


_RATIOS: dict[str, Callable[[Ratio], str]] = {
    "provider": lambda row: row.setting.provider + MODES[row.setting.mode],
    "batch": lambda row: f"{row.setting.batch}",
    "threads": lambda row: threads(row.setting),
    "every": lambda row: "" if row.interval_ms is None else f"{row.interval_ms:,} ms",
    "then": lambda row: seconds(row.other),
    "now": lambda row: seconds(row.median),
    "ratio": lambda row: f"{row.ratio:.2f}",
    "spread": lambda row: "" if row.low is None or row.high is None else f"{row.low:.2f} to {row.high:.2f}",
    "verdict": lambda row: row.verdict,
}


def _verdict(found: Comparison) -> str:
    limit = f"{found.fail_above:g} times"
    if found.passed:
        return f"passed: no row is beyond its spread slower than {limit}"
    if found.slower:
        return f"FAILED: {count(len(found.slower), 'row')} slower than {limit}, spread included"
    return "FAILED: no row has samples enough to be judged; give more --seconds, to both reports"
