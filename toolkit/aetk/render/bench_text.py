"""A benchmark as text for a terminal."""

from collections import Counter
from collections.abc import Sequence

from aetk.edge.bench.advice import Choice, Crossover, ScorerThroughput
from aetk.edge.bench.arrivals import Arrivals
from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.comparison import Comparison, Ratio
from aetk.edge.bench.report import BenchReport
from aetk.edge.bench.row import Measured, NotProbed
from aetk.edge.bench.samples import Timings
from aetk.edge.bench.setting import Setting
from aetk.render.format import count, seconds, table

_MODES = {"run": "", "bound": ", no copies", "scorer": " Scorer"}
_PERCENTILES = (50, 90, 99, 99.9)
_HEAD = (
    "provider", "batch", "threads", "load", "first", "p50", "p90", "p99", "p99.9", "rows/s", "CPU/1k", "peak",
    "nodes", "drift",
)  # fmt: skip
_SPARSE_HEAD = (
    "one row every", "provider", "threads", "p50", "p90", "p99", "of warm", "CPU/1k", "nodes", "drift", "late",
)  # fmt: skip


def bench(report: BenchReport) -> str:
    """The table of a benchmark, what was left out, what has spoilt it, and what follows from it."""
    lines = [_table(_HEAD, [_row(row) for row in report.measured])]
    if report.sparse:
        lines += ["", _table(_SPARSE_HEAD, [_sparse_row(row) for row in report.sparse])]
    lines += ["", *_footer(report)]
    lines += [f"note: {finding}" for finding in report.findings]
    lines += ["", *_conclusion(report)]
    if report.conclusion.snippet:
        lines += ["", *(f"    {line}".rstrip() for line in report.conclusion.snippet.splitlines())]
    if report.comparison is not None:
        lines += ["", comparison(report.comparison)]
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table without the columns in which nothing is said."""
    said = [place for place in range(len(head)) if any(row[place] for row in rows)]
    return table([head[place] for place in said], [[row[place] for place in said] for row in rows])


def _row(row: Measured) -> list[str]:
    cold = row.cold if isinstance(row.cold, Probe) else Probe(0, 0, None)
    probed = isinstance(row.cold, Probe)
    return [
        row.setting.provider + _MODES[row.setting.mode],
        f"{row.setting.batch}",
        threads(row.setting),
        seconds(cold.load_seconds) if probed else "",
        seconds(cold.first_run_seconds) if probed else "",
        *(seconds(row.timings.percentile(percent)) for percent in _PERCENTILES),
        f"{row.rows_per_second:,.0f}",
        seconds(row.cpu_seconds_per_1000_rows),
        "" if cold.peak_bytes is None else f"{cold.peak_bytes / 2**20:,.0f} MiB",
        _nodes(row.placement),
        _drift(row.timings),
    ]


def _sparse_row(row: Arrivals) -> list[str]:
    return [
        f"{row.interval_ms:,} ms",
        row.setting.provider,
        threads(row.setting),
        *(seconds(row.timings.percentile(percent)) for percent in (50, 90, 99)),
        "" if row.warm_ratio is None else f"{row.warm_ratio:.1f} x",
        seconds(row.timings.cpu_seconds_per_1000_rows(row.setting.batch)),
        _nodes(row.placement),
        _drift(row.timings),
        f"{row.late}" if row.late else "",
    ]


def threads(setting: Setting) -> str:
    """Threads, with an asterisk where they do not spin; empty where the provider has no use for them."""
    if setting.provider != "cpu":
        return ""
    return ("auto" if setting.threads is None else f"{setting.threads}") + ("" if setting.spinning else "*")


def _nodes(placement: dict[str, int]) -> str:
    return ", ".join(f"{n} {name.removesuffix('ExecutionProvider')}" for name, n in placement.items())


def _drift(timings: Timings) -> str:
    if timings.disagreement is None:
        return ""
    return f"{timings.disagreement:.0%}" + (" !" if timings.unstable else "")


def _footer(report: BenchReport) -> list[str]:
    rows: list[Measured | Arrivals] = [*report.measured, *report.sparse]
    evidence = " and ".join(dict.fromkeys(row.evidence for row in rows))
    lines = [
        f"{count(len(report.measured), 'row')} in {report.seconds:.0f} s on {report.environment['processor']}, "
        f"{report.environment['usable_cpus']} usable CPUs, onnxruntime {report.environment['onnxruntime']}; "
        f"nodes by the {evidence} record",
    ]
    lines.append(
        "CPU/1k: processor time of 1,000 rows; drift: by how much the medians of a row's windows differ"
        + ("; ! unstable: by more than 10%" if any(row.timings.unstable for row in rows) else "")
    )
    if any(not row.setting.spinning for row in rows):
        lines.append("*: threads sleep while they wait, instead of spinning")
    if any(_blank(row.timings) for row in rows):
        lines.append("blank percentiles: too few samples (p50 needs 10, p90 100, p99 1,000, p99.9 10,000)")
    reasons = Counter(row.cold.reason for row in report.measured if isinstance(row.cold, NotProbed))
    lines += [f"no cold start in {count(n, 'row')}: {reason}" for reason, n in reasons.items()]
    for bound in report.bounds:
        own = [row for row in report.measured if row.setting.provider == bound.provider]
        best = max(own, key=lambda row: row.rows_per_second)
        lines.append(
            f"matrix-product bound on {bound.provider}: {bound.peak_flops / 1e9:,.0f} GFLOP/s / "
            f"{bound.flops_per_row / 1e3:.1f} kFLOP a row = {bound.rows_per_second / 1e6:.2f} million rows/s; the best "
            f"row reaches {best.rows_per_second / bound.rows_per_second:.0%}"
        )
    if any(row.options.get("use_tf32") == "0" for row in report.measured):
        lines.append("TF32 is off: float32 is computed as float32")
    lines += [f"{skipped.provider}: not measured: {skipped.reason}" for skipped in report.skipped]
    return lines


def _blank(timings: Timings) -> bool:
    return any(timings.percentile(percent) is None for percent in _PERCENTILES)


def _conclusion(report: BenchReport) -> list[str]:
    found = report.conclusion
    lines = [_crossover(crossover) for crossover in found.crossovers]
    lines += [
        f"from which batch size {skipped.provider} would beat the CPU here is not known: {skipped.reason}"
        for skipped in report.skipped
        if skipped.provider != "cpu"
    ]
    lines += [_choice(choice) for choice in found.choices]
    if not found.choices and any(row.setting.mode == "run" for row in report.measured):
        lines.append("too few samples to choose session options by; give more --seconds")
    return lines if found.scorer is None else [*lines, _scorer(found.scorer)]


def _crossover(found: Crossover) -> str:
    how = "with the copies" if found.mode == "run" else "with rows and answers on the device"
    rows = count(found.compared_batch, "row")
    times = f"{seconds(found.median)} against {seconds(found.cpu_median)}"
    if found.batch is None:
        return f"{found.provider}, {how}, does not beat the CPU at the largest batch, {rows}: {times}"
    return f"{found.provider}, {how}, beats the CPU from {rows} on: there {times}"


def _choice(found: Choice) -> str:
    others = "; ".join(_options(setting) for setting in found.others)
    tried = f" (tried besides: {others})" if others else " (nothing else was tried)"
    doubt = ", but unstable: measure again on a quiet machine" if found.unstable else ""
    rows, options = count(found.setting.batch, "row"), _options(found.setting)
    return f"best for {rows}: {options}, p50 {seconds(found.median)}{doubt}{tried}"


def _options(setting: Setting) -> str:
    """Provider, threads and spinning in a few words."""
    if setting.provider != "cpu":
        return setting.provider
    if setting.threads == 1:
        return "cpu with 1 thread"
    number = "auto" if setting.threads is None else f"{setting.threads}"
    return f"cpu with {number} threads" + ("" if setting.spinning else ", not spinning")


def _scorer(found: ScorerThroughput) -> str:
    against = "" if found.ratio is None else f", {found.ratio:.2g} times the best single session.run"
    rows = count(found.batch, "row")
    return f"aetk's Scorer answers {rows} at {found.rows_per_second / 1e6:.2f} million rows/s{against}"


def comparison(found: Comparison) -> str:
    """Ratios with their spread, and the verdict."""
    head = ("provider", "batch", "threads", "every", "then", "now", "ratio", "spread", "verdict")
    lines = [f"against {found.other} (above 1 is slower now):", *(f"WARNING: {words}" for words in found.warnings)]
    lines.append(_table(head, [_ratio(row) for row in found.rows]))
    if found.missing:
        lines.append(f"not measured now: {count(len(found.missing), 'row')} of the other report")
    if any(row.verdict == "undecided" for row in found.rows):
        lines.append("undecided: slower by its median, but not beyond the spread of the windows; give more --seconds")
    if found.fail_above is not None:
        lines.append(_verdict(found))
    return "\n".join(lines)


def _ratio(row: Ratio) -> list[str]:
    return [
        row.setting.provider + _MODES[row.setting.mode],
        f"{row.setting.batch}",
        threads(row.setting),
        "" if row.interval_ms is None else f"{row.interval_ms:,} ms",
        seconds(row.other),
        seconds(row.median),
        f"{row.ratio:.2f}",
        "" if row.low is None or row.high is None else f"{row.low:.2f} to {row.high:.2f}",
        row.verdict,
    ]


def _verdict(found: Comparison) -> str:
    limit = f"{found.fail_above:g} times"
    if found.passed:
        return f"passed: no row is beyond its spread slower than {limit}"
    if found.slower:
        return f"FAILED: {count(len(found.slower), 'row')} slower than {limit}, spread included"
    return "FAILED: no row has samples enough to be judged; give more --seconds, to both reports"
