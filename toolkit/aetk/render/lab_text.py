"""Formats the reports of the lab as text for a terminal."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from aetk.lab.evaluation import EvaluateReport
from aetk.lab.export.publish import ExportReport
from aetk.lab.metrics import Metrics
from aetk.lab.training.report import TrainReport
from aetk.render.edge_text import threshold
from aetk.render.format import count, seconds, size, table

if TYPE_CHECKING:
    from aetk.lab.export.parity import ParityReport  # imports PyTorch


def training(report: TrainReport) -> str:
    """The result of a training."""
    lines = [f"note: {warning}" for warning in report.warnings]
    lines += [
        f"{count(report.rows, 'row')} of {count(len(report.features), 'feature')} to fit on, "
        f"{report.selection_rows:,} to choose the weights by; recipe {report.recipe}, "
        f"{report.steps:,} steps on {_device(report)} in {seconds(report.fit_seconds)}; "
        f"best after {report.best_step:,}",
        threshold(report.threshold),
    ]
    if report.metrics is not None:
        lines.append(f"on {count(report.metrics.rows, 'calibration row')}: {metrics(report.metrics)}")
    return "\n".join(lines)


def _device(report: TrainReport) -> str:
    precision = " in mixed precision" if report.amp else ""
    peak = "" if report.device_peak_bytes is None else f" ({size(report.device_peak_bytes)} of its memory)"
    return f"{report.device}{precision}{peak}"


def metrics(found: Metrics) -> str:
    """The quality metrics in one line."""
    parts = [f"macro F1 {found.macro_f1:.4f}", f"precision {found.precision:.4f}", f"recall {found.recall:.4f}"]
    if found.auroc is not None and found.average_precision is not None:
        parts += [f"AUROC {found.auroc:.4f}", f"average precision {found.average_precision:.4f}"]
    return ", ".join(parts)


def parity(report: "ParityReport") -> str:
    """The verdict on an export in two lines."""
    return (
        f"parity {'holds' if report.passed else 'FAILED'}: {count(report.rows, 'row')} at {len(report.levels)} "
        f"optimization levels, {report.flipped_decisions} decisions and {report.flipped_validity} validities flipped, "
        f"{count(report.near_ties, 'near tie')}\n"
        f"largest difference {report.largest_difference:.2g} (tolerance {report.tolerance:g}) at {report.where}; "
        f"{report.runtime}"
    )


def export(report: ExportReport) -> str:
    """The result of an export."""
    outputs = "similarity, is_anomaly, is_valid" + (", contribution" if report.explain else "")
    return (
        f"{parity(report.parity)}\n"
        f"{size(report.model_bytes)}, opset {report.opset}, outputs {outputs}, threshold {report.threshold:.6g}, "
        f"{count(report.golden_rows, 'golden row')}"
    )


def evaluation(report: EvaluateReport) -> str:
    """A table with the quality of each model."""
    natural = () if report.prevalence is None else ("natural AP",)
    head = ("model", "threshold", "macro F1", "precision", "recall", "AUROC", "AP", *natural)
    head += ("TP", "FP", "TN", "FN", "invalid")
    rows = []
    for model in report.models:
        found = asdict(model.metrics)
        quality = [found[k] for k in ("macro_f1", "precision", "recall", "auroc", "average_precision")]
        quality += [model.natural_average_precision for _ in natural]
        confusion = [found[f"{k}s"] for k in ("true_positive", "false_positive", "true_negative", "false_negative")]
        rows.append([
            str(model.model), f"{model.threshold:.6g}", *("-" if q is None else f"{q:.4f}" for q in quality),
            *map(str, confusion), str(model.invalid),
        ])  # fmt: skip
    first = f"{count(len(report.labels), 'row')} of {report.data}, {int(report.labels.sum()):,} labelled as anomalies"
    if report.prevalence is not None:
        first += f"; natural AP: at a prevalence of {report.prevalence:.4g}"
    return "\n".join([first, table(head, rows), *(f"note: {warning}" for warning in report.warnings)])
