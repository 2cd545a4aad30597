"""Trains a detector: from a table to a run folder."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, l1_loss
from tqdm.auto import tqdm

from aetk import __version__
from aetk.contract import spec
from aetk.contract.card import QUANTILE_LEVELS
from aetk.contract.errors import BadInput, Interrupted
from aetk.contract.threshold import Method, Threshold, calibrate, is_anomaly, macro_f1, parse_method
from aetk.lab import runs
from aetk.lab.checkpoint import Checkpoint, Progress
from aetk.lab.data import Dataset, Split, impute, is_constant, load_dataset, medians, split
from aetk.lab.detector import Detector, autoencoder
from aetk.lab.device import find_device
from aetk.lab.fit import Job, fit, steps_per_epoch
from aetk.lab.metrics import Metrics, measure
from aetk.lab.options import find_checkpoint, merge, plan_recipe, resume_command
from aetk.lab.recipe import Recipe

Data = str | Path | pd.DataFrame


@dataclass(frozen=True)
class TrainReport:
    """What came of training.

    Attributes:
        run: the folder.
        fit_seconds: spent in the training loop.
        best_step: the step whose weights were kept, of `steps` done.
        metrics: on the calibration rows, where they are labelled.
        calibration_similarity: float32 [rows].
        calibration_labels: bool [rows], or None.
        warnings: what a person should know.
    """

    run: Path
    recipe: str
    device: str
    features: tuple[str, ...]
    rows: int
    steps: int
    best_step: int
    fit_seconds: float
    threshold: Threshold
    metrics: Metrics | None
    calibration_similarity: NDArray[np.float32]
    calibration_labels: NDArray[np.bool_] | None
    warnings: tuple[str, ...]


def train(
    data: Data | None = None,
    *,
    validation: Data | None = None,
    label: str | None = None,
    drop: Sequence[str] = (),
    recipe: str | None = None,
    device: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    missing: str | None = None,
    threshold: str | None = None,
    resume: bool = False,
    out: str | Path | None = None,
    progress: bool | None = None,
) -> TrainReport:
    """Train a detector.

    Args:
        data: a CSV or Parquet file, a data frame, or None for the built-in breast-cancer table.
        validation: rows to choose and calibrate on; None holds some of `data` back.
        label: a column of 0 (ordinary) and 1 (anomaly).
        drop: columns to leave out.
        recipe: `default` or `reference`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        epochs: passes over the rows, in place of the recipe's own length.
        seed: of everything random; 41 unless named.
        missing: `reject` (the default) or `median`.
        threshold: `fixed:VALUE`, `best-f1`, `conformal` or `conformal:RATE`; the recipe's own unless named.
        resume: go on with an interrupted run: the one in `out`, else the newest. Options not named are the run's.
        out: the run folder; the first free `runs/NAME-N` unless named.
        progress: whether to show a bar; None for only in a notebook.

    Raises:
        BadInput: wrong data or options. CheckFailed: the loss is not finite. Unavailable: no such device.
        Interrupted: stopped by a signal, after saving.
    """
    given = {
        "data": _name(data), "validation": _name(validation), "label": label, "drop": list(drop) or None,
        "recipe": recipe, "device": device, "epochs": epochs, "seed": seed, "missing": missing, "threshold": threshold,
    }  # fmt: skip
    folder = None if out is None else Path(out)
    saved = None
    if resume:
        folder, saved = find_checkpoint(folder)
    request = merge(given, None if saved is None else saved.request)
    if folder is not None and runs.is_finished(folder):
        raise BadInput(f"{folder} already holds a finished run.", "Name another folder with --out, or remove this one.")
    plan = plan_recipe(request)
    dataset = load_dataset(
        data if data is not None else request["data"],
        validation=validation if validation is not None else request["validation"],
        label=request["label"],
        drop=request["drop"],
        missing=request["missing"],
    )
    if saved is not None and saved.request["fingerprint"] != dataset.fingerprint:
        raise BadInput(
            "The data is not what the interrupted run was trained on.", "Bring the same data, or leave --resume out."
        )
    request["fingerprint"] = dataset.fingerprint
    method = _method(request["threshold"] or plan.threshold, dataset)
    parts = split(dataset, plan, method, request["seed"])
    _check_calibration(method, parts)
    folder = folder if folder is not None else runs.new_folder(dataset.name)
    folder.mkdir(parents=True, exist_ok=True)
    notes = _notes(method, parts, saved is None and (folder / runs.CHECKPOINT).exists())
    dataset = replace(dataset, warnings=(*dataset.warnings, *notes))
    return _train(dataset, parts, plan, method, request, folder, saved, progress)


def _name(data: Data | None) -> str | None:
    return "a data frame" if isinstance(data, pd.DataFrame) else None if data is None else str(data)


def _method(text: str | None, dataset: Dataset) -> Method:
    if text is not None:
        return parse_method(text)
    labels = dataset.labels if dataset.validation is None else dataset.validation_labels
    return Method("best-f1" if labels is not None and labels.any() and not labels.all() else "conformal")


def _check_calibration(method: Method, parts: Split) -> None:
    """Find out before training, not after, that a threshold cannot be calibrated."""
    stand_in = np.linspace(0, 1, len(parts.calibration), dtype=np.float32)
    calibrate(method, stand_in, parts.calibration_labels, parts.basis)


def _notes(method: Method, parts: Split, restarts: bool) -> list[str]:
    """What a person should know of the plan."""
    notes = []
    if restarts:
        notes.append("The interrupted run in this folder is started over; --resume would have gone on with it.")
    if method == Method("conformal"):
        labels = parts.calibration_labels
        ordinary = len(parts.calibration) if labels is None else int((~labels).sum())
        notes.append(
            f"THRESHOLD: without labelled anomalies it is conformal, at the smallest false-alarm rate that "
            f"{ordinary:,} rows allow, {1 / (ordinary + 1):.3g}. Choose your own with --threshold conformal:RATE."
        )
    return notes


def _train(
    dataset: Dataset,
    parts: Split,
    plan: Recipe,
    method: Method,
    request: dict[str, Any],
    folder: Path,
    saved: Checkpoint | None,
    progress: bool | None,
) -> TrainReport:
    device = find_device(request["device"])
    fill = medians(parts.fit)
    imputes = request["missing"] == "median"
    if imputes:
        parts = impute(parts, fill)
    center, inverse_scale = _scaling(parts.fit, plan)
    with torch.random.fork_rng():
        torch.manual_seed(request["seed"])
        network = autoencoder(len(dataset.features), plan.hidden)
    network.to(device)

    def scaled(rows: NDArray[np.float64]) -> Tensor:
        raw = torch.from_numpy(rows.astype(np.float32))
        return ((raw - center) * inverse_scale).to(device)

    rows = scaled(parts.fit)
    job = Job(
        network=network,
        rows=rows,
        feature_names=dataset.features,
        score=_selection(plan, scaled(parts.selection), parts.selection_labels),
        recipe=plan,
        steps=plan.steps or (plan.epochs or 1) * steps_per_epoch(len(rows), plan),
        seed=request["seed"],
        checkpoint=folder / runs.CHECKPOINT,
        request=request,
        bar=_bar(progress),
    )
    try:
        done = fit(job, saved)
    except Interrupted as error:
        raise Interrupted(
            error.message, error.exit_code - 128, f"Go on with: {resume_command(request, folder)}"
        ) from None
    detector = Detector(
        network.cpu(),
        center=center,
        inverse_scale=inverse_scale,
        fill=torch.from_numpy((fill if imputes else center.numpy()).astype(np.float32)),
        imputes=imputes,
        kappa=plan.kappa,
        threshold=0.0,
    ).eval()
    return _finish(dataset, parts, plan, method, request, folder, device, detector, done)


def _finish(
    dataset: Dataset,
    parts: Split,
    plan: Recipe,
    method: Method,
    request: dict[str, Any],
    folder: Path,
    device: torch.device,
    detector: Detector,
    done: Progress,
) -> TrainReport:
    """Calibrate, measure and write the run."""
    with np.errstate(over="ignore"):
        calibration = parts.calibration.astype(np.float32)
    with torch.no_grad():
        similarity = detector(torch.from_numpy(calibration))[0].numpy()
    threshold = calibrate(method, similarity, parts.calibration_labels, parts.basis)
    detector.threshold.fill_(threshold.value)
    labels = parts.calibration_labels
    metrics = None if labels is None else measure(similarity, labels, threshold.value)
    record = {
        "aetk": __version__,
        "recipe": asdict(plan),
        "seed": request["seed"],
        "device": str(device),
        "missing": request["missing"],
        "features": _features(dataset, parts, request["missing"]),
        "threshold": asdict(threshold),
        "metrics": None if metrics is None else asdict(metrics),
        "training_data": {
            "source": Path(dataset.source).name,
            "fingerprint": dataset.fingerprint,
            "fit_rows": len(parts.fit),
            "selection_rows": len(parts.selection),
            "calibration_rows": len(parts.calibration),
        },
        "fit_seconds": round(done.seconds, 3),
        "steps": done.step,
        "best_step": done.best_step,
        "versions": runs.versions(),
        "warnings": list(dataset.warnings),
    }
    runs.write_run(folder, record, detector, [asdict(line) for line in done.history], calibration, labels)
    return TrainReport(
        run=folder,
        recipe=plan.name,
        device=str(device),
        features=dataset.features,
        rows=len(parts.fit),
        steps=done.step,
        best_step=done.best_step,
        fit_seconds=done.seconds,
        threshold=threshold,
        metrics=metrics,
        calibration_similarity=similarity,
        calibration_labels=labels,
        warnings=dataset.warnings,
    )


def _scaling(rows: NDArray[np.float64], plan: Recipe) -> tuple[Tensor, Tensor]:
    """Center and inverse scale, float32 [n]; a constant column is centred and not scaled."""
    n = rows.shape[1]
    if plan.scaling == "none":
        return torch.zeros(n), torch.ones(n)
    spread = np.array([1.0 if is_constant(column) else column.std() for column in rows.T])
    inverse = np.clip(1.0 / spread, 1e-30, 1e30)  # never 0 or infinite in float32, where 0 * infinity lurks
    return torch.from_numpy(rows.mean(0).astype(np.float32)), torch.from_numpy(inverse.astype(np.float32))


def _selection(plan: Recipe, rows: Tensor, labels: NDArray[np.bool_] | None) -> Callable[[nn.Sequential], float]:
    """The score to select weights by: macro F1 with labels, the negative L1 error without."""

    @torch.no_grad()
    def error(network: nn.Sequential) -> float:
        return -float(l1_loss(network(rows), rows))

    @torch.no_grad()
    def quality(network: nn.Sequential) -> float:
        assert labels is not None
        similarity = cosine_similarity(rows, network(rows), dim=1, eps=spec.COSINE_EPSILON).cpu().numpy()
        flagged = is_anomaly(similarity, plan.selection_threshold)
        hits, false_alarms = (flagged & labels).sum(), (flagged & ~labels).sum()
        return float(macro_f1(hits, false_alarms, int(labels.sum()), int((~labels).sum())))

    return error if labels is None else quality


def _features(dataset: Dataset, parts: Split, missing: str) -> list[dict[str, Any]]:
    quantiles = np.quantile(parts.fit, QUANTILE_LEVELS, axis=0).T
    fill = medians(parts.fit)
    return [
        {
            "name": name,
            "quantiles": [float(f"{value:.6g}") for value in quantiles[i]],
            "missing": missing,
            "fill": float(np.float32(fill[i])) if missing == "median" else None,
        }
        for i, name in enumerate(dataset.features)
    ]


def _bar(progress: bool | None) -> Callable[..., Any]:
    shown = "ipykernel" in sys.modules if progress is None else progress

    def make(**options: Any) -> Any:
        return tqdm(disable=not shown, desc="training", **options)

    return make
