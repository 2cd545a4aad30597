"""The end of a training: calibrates the threshold, computes the metrics, and writes the run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aetk import __version__
from aetk.base import typed_json
from aetk.base.names import as_text
from aetk.contract.card import QUANTILE_LEVELS, feature_of
from aetk.contract.reading import Encoding
from aetk.contract.threshold import Threshold, calibrate
from aetk.edge.tables.chunk import listed, show_name
from aetk.lab import runs
from aetk.lab.data.preprocessing import Preprocessing
from aetk.lab.data.warnings import alarm_warnings, ranking_warnings
from aetk.lab.metrics import Metrics, measure
from aetk.lab.model.detector import Detector
from aetk.lab.model.memory import ROWS_AT_ONCE
from aetk.lab.presets import describe_changes
from aetk.lab.training.checkpoint import Progress
from aetk.lab.training.distributed.group import Group
from aetk.lab.training.plan import Plan
from aetk.lab.training.report import Evaluation, Extras, TrainReport

_REPORT = typed_json.Document("report", "Train again.")


def finish(
    plan: Plan,
    preprocessing: Preprocessing,
    detector: Detector,
    done: Progress,
    device_peak_bytes: int | None,
    extras: Extras,
    on_stage: Callable[[str], None],
) -> TrainReport:
    """Calibrate the threshold, compute the metrics and write the run."""
    on_stage("calibrating the threshold")
    parts, labels = plan.parts, plan.parts.calibration_labels
    with np.errstate(over="ignore"):
        calibration = parts.calibration.astype(np.float32)
    with torch.no_grad():
        similarity = torch.cat(
            [detector(rows)[0] for rows in torch.from_numpy(calibration).split(ROWS_AT_ONCE)]
        ).numpy()
    threshold = calibrate(plan.method, similarity, labels, parts.basis)
    detector.threshold.fill_(threshold.value)
    metrics = None if labels is None else measure(similarity, labels, threshold.value)
    report = TrainReport(
        run=plan.folder,
        recipe=describe_changes(plan.recipe),
        device=str(plan.device),
        amp=plan.options.amp,
        device_peak_bytes=device_peak_bytes,
        features=plan.dataset.features,
        rows=plan.fit_rows,
        selection_rows=len(parts.selection),
        steps=done.step,
        best_step=done.best_step,
        fit_seconds=done.seconds,
        threshold=threshold,
        metrics=metrics,
        calibration_similarity=similarity,
        calibration_labels=labels,
        history=tuple(done.history),
        warnings=(
            *plan.dataset.warnings,
            *clipping_notes(detector, plan.dataset.features, preprocessing.filled(_farthest(plan))),
            *ranking_warnings(None if metrics is None else metrics.auroc, "the calibration rows"),
            *alarm_warnings(threshold.alarms, "the calibration rows"),
        ),
    )
    on_stage("writing the run")
    others = {runs.HISTORY: runs.encode([asdict(line) for line in report.history]), **extras(report)}
    record = _record(plan, preprocessing, detector, report)
    runs.write_run(plan.folder, record, detector, calibration, labels, others)
    return report


def _record(plan: Plan, preprocessing: Preprocessing, detector: Detector, report: TrainReport) -> dict[str, Any]:
    """The content of `run.json`, without the digests."""
    return {
        "aetk": __version__,
        "recipe": plan.recipe.to_data(),
        "seed": plan.options.seed,
        "device": report.device,
        "amp": report.amp,
        "missing": plan.options.missing,
        **({} if plan.dataset.table.is_default else {"table": plan.dataset.table.to_data()}),
        "features": _features(plan, preprocessing, detector),
        "threshold": asdict(report.threshold),
        "metrics": None if report.metrics is None else asdict(report.metrics),
        "training_data": {
            "source": as_text(Path(plan.dataset.source).name),
            "fingerprint": plan.options.fingerprint,
            "fit_rows": report.rows,
            "selection_rows": report.selection_rows,
            "trimmed_rows": plan.parts.trimmed,
            "calibration_rows": len(plan.parts.calibration),
        },
        "fit_seconds": round(report.fit_seconds, 3),
        "steps": report.steps,
        "best_step": report.best_step,
        "versions": runs.versions(),
        "warnings": list(report.warnings),
    }


def _features(plan: Plan, preprocessing: Preprocessing, detector: Detector) -> list[dict[str, Any]]:
    names, rows = plan.dataset.features, preprocessing.filled(plan.parts.fit)
    quantiles = np.quantile(rows, QUANTILE_LEVELS, axis=0).T
    found = []
    for i, (name, encoding) in enumerate(zip(names, plan.dataset.encodings or map(Encoding, names), strict=True)):
        policy, fill, values = plan.options.missing, float(detector.fill[i]) if detector.imputes else None, quantiles[i]
        if encoding.levels:  # of which only whole indices mean something
            policy, fill = "level", None
            values = np.quantile(rows[:, i], QUANTILE_LEVELS, method="inverted_cdf")
        found.append(feature_of(name, encoding, [float(f"{value:.6g}") for value in values], policy, fill).to_data())
    return found


def _farthest(plan: Plan) -> NDArray[np.float64]:
    """Rows, float64 [rows, n], that contain the smallest and the largest value of each column."""
    if plan.stream is None:
        return plan.parts.fit
    return np.stack([plan.stream.moments.low, plan.stream.moments.high])[:, : len(plan.dataset.features)]


def share_report(report: TrainReport | None, group: Group) -> TrainReport:
    """Send the first process's report to all processes."""
    if report is not None and group.world == 1:
        return report
    data, arrays = dict[str, Any](), dict[str, torch.Tensor]()
    if report is not None:
        data = {name: value for name, value in asdict(report).items() if not isinstance(value, np.ndarray)}
        data["run"] = str(report.run)
        arrays["similarity"] = torch.from_numpy(report.calibration_similarity)
        if report.calibration_labels is not None:
            arrays["labels"] = torch.from_numpy(report.calibration_labels)
    data, arrays = group.broadcast(data), group.broadcast_tensors(arrays)
    return TrainReport(**data | {
        "run": Path(data["run"]),
        "features": tuple(data["features"]),
        "threshold": typed_json.read(Threshold, data["threshold"], "threshold", _REPORT),
        "metrics": typed_json.read(Metrics | None, data["metrics"], "metrics", _REPORT),
        "calibration_similarity": arrays["similarity"].numpy(),
        "calibration_labels": arrays["labels"].numpy() if "labels" in arrays else None,
        "history": tuple(Evaluation(**line) for line in data["history"]),
        "warnings": tuple(data["warnings"]),
    })  # fmt: skip


def clipping_notes(detector: Detector, names: Sequence[str], rows: NDArray[np.float64]) -> list[str]:
    """Note which columns of numbers have values beyond the bound at which the detector clips them.

    `rows` are float64 [rows, n], imputed: a missing value would hide the other values of its column.
    """
    numbers = detector.expansion.numbers
    center, inverse_scale = (part[: len(numbers)].numpy() for part in (detector.center, detector.inverse_scale))
    scaled = np.abs((rows[:, numbers] - center) * inverse_scale).max(0)
    largest = zip(numbers, scaled, strict=True)
    beyond = [f"'{show_name(names[position])}'" for position, value in largest if value > detector.bound]
    if not beyond:
        return []
    remedy = "or use the default recipe, which does"
    if len(beyond) == 1:
        found = f"Column {beyond[0]} reaches beyond {detector.bound:g}, where values are clipped; scale it first"
        return [f"{found}, {remedy}."]
    found = f"{len(beyond):,} columns reach beyond {detector.bound:g}, where values are clipped; scale them first"
    return [f"{found}, {remedy}: {listed(beyond, '.')}"]
