"""Formats the reports of an engine as text."""

from aetk.cluster.scoring import ClusterProgress, ClusterReport
from aetk.render.format import count, rate, seconds


def scoring(report: ClusterReport) -> str:
    """The result of scoring a folder."""
    gpus = f", {report.gpus:g} GPU{'s' * (report.gpus > 1)} each" if report.gpus else ""
    workers = f" with {count(report.workers, 'worker')}{gpus}" if report.workers else ""
    pace = "all of it was there" if report.rows_per_second is None else rate(report.rows_per_second)
    found = f" ({report.found:,} of them were there)" if report.found and report.rows_per_second else ""
    return (
        f"{count(report.rows, 'row')} of {count(report.partitions, 'file')}{found} on {report.engine}{workers} "
        f"in {seconds(report.seconds)} ({pace}): {report.anomalies:,} flagged at threshold {report.threshold:.6g}, "
        f"of them {report.invalid:,} that could not be judged"
    )


def progress(found: ClusterProgress) -> str:
    """The progress of an engine in one line."""
    return f"{found.partitions:,} of {count(found.of, 'file')}, {count(found.rows, 'row')}"
