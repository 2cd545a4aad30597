"""Trains a detector: from a table to a run folder."""

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity
from tqdm.auto import tqdm

from aetk import __version__
from aetk.contract import spec
from aetk.contract.card import QUANTILE_LEVELS
from aetk.contract.errors import BadInput, Interrupted
from aetk.contract.locks import locked
from aetk.contract.threshold import Threshold, calibrate, is_anomaly, macro_f1
from aetk.lab import runs
from aetk.lab.autoencoders import Autoencoders
from aetk.lab.batches import Shuffled
from aetk.lab.checkpoint import Checkpoint, Evaluation, Progress
from aetk.lab.detector import Detector
from aetk.lab.fit import Job, fit, reconstruction_error
from aetk.lab.memory import Memory, fit_memory
from aetk.lab.metrics import Metrics, measure
from aetk.lab.options import FRAME, find_folder, merge, read_saved, resume_command
from aetk.lab.plan import Data, Plan, make_plan
from aetk.lab.presets import describe_changes, find_recipe
from aetk.lab.recipe import Recipe
from aetk.lab.scaling import clipping_notes, fit_scaling
from aetk.lab.split import impute, medians
from aetk.lab.weighting import error_weights

Extras = Callable[["TrainReport"], Mapping[str, bytes]]


@dataclass(frozen=True)
class TrainReport:
    """What came of training.

    Attributes:
        run: the folder.
        rows: that gradients saw; `selection_rows` chose the best weights.
        fit_seconds: spent in the training loop.
        best_step: the step whose weights were kept, of `steps` done.
        metrics: on the calibration rows, where they are labelled.
        calibration_similarity: float32 [rows].
        calibration_labels: bool [rows], or None.
        history: the evaluations, in order.
        warnings: what a person should know.
    """

    run: Path
    recipe: str
    device: str
    features: tuple[str, ...]
    rows: int
    selection_rows: int
    steps: int
    best_step: int
    fit_seconds: float
    threshold: Threshold
    metrics: Metrics | None
    calibration_similarity: NDArray[np.float32]
    calibration_labels: NDArray[np.bool_] | None
    history: tuple[Evaluation, ...]
    warnings: tuple[str, ...]


def train(
    data: Data | None = None,
    *,
    validation: Data | None = None,
    label: str | None = None,
    drop: Sequence[str] = (),
    recipe: str | Path | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    missing: str | None = None,
    threshold: str | None = None,
    resume: bool = False,
    out: str | Path | None = None,
    progress: bool | None = None,
    extras: Extras = lambda _: {},
) -> TrainReport:
    """Train a detector.

    Args:
        data: a CSV or Parquet file, `openml:ID`, a data frame, or None for the built-in breast-cancer table.
        validation: rows to choose and calibrate on; None holds some of `data` back.
        label: a column of 0 (ordinary) and 1 (anomaly); see `lab.data.load_dataset` for OpenML.
        drop: columns to leave out.
        recipe: `default`, `small` or `reference`, the path of a TOML file, or a `Recipe`; see `lab.presets`.
        settings: values of the recipe to set anew, by key.
        device: `auto`, `cpu`, `cuda` or `mps`.
        epochs: passes over the rows, in place of the recipe's own length.
        seed: of everything random; 41 unless named.
        missing: `reject` (the default) or `median`.
        threshold: `fixed:VALUE`, `best-f1`, `conformal` or `conformal:RATE`; the recipe's own unless named.
        resume: go on with an interrupted run: the one in `out`, else the newest. Options not named are the run's.
        out: the run folder; the first free `runs/NAME-N` unless named.
        progress: whether to show a bar; None for only in a notebook.
        extras: makes more files for the run folder, by name, from the report.

    Raises:
        BadInput: wrong data or options, or another process writes the run folder.
        CheckFailed: the loss is not finite, or data against its checksum.
        Unavailable: no such device, or no network for `openml:ID`.
        Interrupted: stopped by a signal, after saving.
    """
    given = {
        "data": _name(data),
        "validation": _name(validation),
        "label": label,
        "drop": [drop] if isinstance(drop, str) else list(drop) or None,
        "recipe": find_recipe(recipe, settings).to_data() if recipe is not None or settings else None,
        "device": device,
        "epochs": epochs,
        "seed": seed,
        "missing": missing,
        "threshold": threshold,
    }
    folder = None if out is None else Path(out)
    if resume:
        folder = find_folder(folder)
    with contextlib.ExitStack() as held:
        existing = folder if folder is not None and folder.is_dir() else None
        if existing is not None:
            _claim(existing, held)
        saved = read_saved(existing) if resume and existing is not None else None
        if resume and saved is None and data is None:
            raise BadInput(f"{folder} holds nothing to go on with yet.", "Leave --resume out to start it.")
        request = merge(given, None if saved is None else saved.request)
        plan = make_plan(request, data, validation, folder, saved)
        if existing is None:
            _claim(plan.folder, held)
        detector, done = _fit(plan, saved, _bar(progress))
        return _finish(plan, detector, done, extras)


def _claim(folder: Path, held: contextlib.ExitStack) -> None:
    """Hold a run folder against other writers until `held` is closed; BadInput where it holds a finished run."""
    held.enter_context(locked(folder, 0, "Wait for it, or name another folder with --out."))
    if runs.is_finished(folder):
        runs.sweep(folder)
        raise BadInput(f"{folder} already holds a finished run.", "Name another folder with --out, or remove this one.")


def _name(data: Data | None) -> str | None:
    return FRAME if isinstance(data, pd.DataFrame) else None if data is None else str(data)


def _fit(plan: Plan, saved: Checkpoint | None, bar: Callable[..., Any]) -> tuple[Detector, Progress]:
    """Train the network and put it into a detector whose threshold is yet to be set."""
    imputes = plan.request["missing"] == "median"
    fill = medians(plan.parts.fit)
    parts = impute(plan.parts, fill) if imputes else plan.parts
    center, inverse_scale = fit_scaling(parts.fit, plan.recipe)
    with torch.random.fork_rng():
        torch.manual_seed(plan.request["seed"])
        networks = Autoencoders(len(plan.dataset.features), plan.recipe.networks)
    networks.to(plan.device)

    def scaled(rows: NDArray[np.float64]) -> Tensor:
        raw = torch.from_numpy(rows.astype(np.float32))
        return ((raw - center) * inverse_scale).to(plan.device)

    rows, selection = scaled(parts.fit), scaled(parts.selection)
    batches = Shuffled(rows, plan.recipe, plan.request["seed"])
    job = Job(
        networks=networks,
        batches=batches,
        feature_names=plan.dataset.features,
        score=_selection(plan.recipe, selection, parts.selection_labels),
        recipe=plan.recipe,
        steps=plan.recipe.total_steps(batches.per_epoch),
        seed=plan.request["seed"],
        checkpoint=plan.folder / runs.CHECKPOINT,
        request=plan.request,
        bar=bar,
    )
    try:
        done = fit(job, saved)
    except Interrupted as error:
        hint = f"Go on with: {resume_command(plan.request, plan.folder)}"
        raise Interrupted(error.message, error.exit_code - 128, hint) from None
    networks.cpu()
    rows, selection = rows.cpu(), selection.cpu()
    memory = fit_memory(rows, plan.recipe.memory, plan.request["seed"]) if plan.recipe.memory else None
    ordinary = selection if parts.selection_labels is None else selection[torch.from_numpy(~parts.selection_labels)]
    detector = Detector(
        networks,
        center=center,
        inverse_scale=inverse_scale,
        fill=torch.from_numpy(fill.astype(np.float32)) if imputes else center.clone(),
        imputes=imputes,
        kappa=plan.recipe.kappa,
        threshold=0.0,
        memory=memory,
        weights=_weights(networks, memory, rows, ordinary) if plan.recipe.weighting == "error" else None,
        compact=plan.recipe.compact,
    )
    return detector.eval(), done


@torch.no_grad()
def _weights(networks: Autoencoders, memory: Memory | None, rows: Tensor, ordinary: Tensor) -> Tensor:
    """Weights by the errors on ordinary rows that nothing was fitted to; `rows` are those that it was."""
    reconstructions = networks(ordinary)
    if memory is not None:
        reconstructions = torch.cat([memory(ordinary)[:, None], reconstructions], 1)
    return error_weights(reconstructions, ordinary, rows.std(0, correction=0))


def _finish(plan: Plan, detector: Detector, done: Progress, extras: Extras) -> TrainReport:
    """Calibrate, measure and write the run."""
    parts, labels = plan.parts, plan.parts.calibration_labels
    with np.errstate(over="ignore"):
        calibration = parts.calibration.astype(np.float32)
    with torch.no_grad():
        similarity = detector(torch.from_numpy(calibration))[0].numpy()
    threshold = calibrate(plan.method, similarity, labels, parts.basis)
    detector.threshold.fill_(threshold.value)
    report = TrainReport(
        run=plan.folder,
        recipe=describe_changes(plan.recipe),
        device=str(plan.device),
        features=plan.dataset.features,
        rows=len(parts.fit),
        selection_rows=len(parts.selection),
        steps=done.step,
        best_step=done.best_step,
        fit_seconds=done.seconds,
        threshold=threshold,
        metrics=None if labels is None else measure(similarity, labels, threshold.value),
        calibration_similarity=similarity,
        calibration_labels=labels,
        history=tuple(done.history),
        warnings=(*plan.dataset.warnings, *clipping_notes(detector, plan.dataset.features, parts.fit)),
    )
    others = {runs.HISTORY: runs.encode([asdict(line) for line in report.history]), **extras(report)}
    runs.write_run(plan.folder, _record(plan, detector, report), detector, calibration, labels, others)
    return report


def _record(plan: Plan, detector: Detector, report: TrainReport) -> dict[str, Any]:
    """The content of `run.json`, without the digests."""
    return {
        "aetk": __version__,
        "recipe": plan.recipe.to_data(),
        "seed": plan.request["seed"],
        "device": report.device,
        "missing": plan.request["missing"],
        "features": _features(plan, detector),
        "threshold": asdict(report.threshold),
        "metrics": None if report.metrics is None else asdict(report.metrics),
        "training_data": {
            "source": Path(plan.dataset.source).name,
            "fingerprint": plan.dataset.fingerprint,
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


def _features(plan: Plan, detector: Detector) -> list[dict[str, Any]]:
    rows = impute(plan.parts, medians(plan.parts.fit)).fit if detector.imputes else plan.parts.fit
    quantiles = np.quantile(rows, QUANTILE_LEVELS, axis=0).T
    return [
        {
            "name": name,
            "quantiles": [float(f"{value:.6g}") for value in quantiles[i]],
            "missing": plan.request["missing"],
            "fill": float(detector.fill[i]) if detector.imputes else None,
        }
        for i, name in enumerate(plan.dataset.features)
    ]


def _selection(recipe: Recipe, rows: Tensor, labels: NDArray[np.bool_] | None) -> Callable[[Autoencoders], float]:
    """The score to select weights by: macro F1 with labels, the negative L1 error without."""

    @torch.no_grad()
    def error(networks: Autoencoders) -> float:
        return -float(reconstruction_error(networks(rows), rows))

    @torch.no_grad()
    def quality(networks: Autoencoders) -> float:
        assert labels is not None
        reconstruction = networks(rows).flatten(1)
        copies = rows.repeat(1, len(networks))
        similarity = cosine_similarity(copies, reconstruction, dim=1, eps=spec.COSINE_EPSILON).cpu().numpy()
        flagged = is_anomaly(similarity, recipe.selection_threshold)
        hits, false_alarms = (flagged & labels).sum(), (flagged & ~labels).sum()
        return float(macro_f1(hits, false_alarms, int(labels.sum()), int((~labels).sum())))

    return error if labels is None else quality


def _bar(progress: bool | None) -> Callable[..., Any]:
    shown = "ipykernel" in sys.modules if progress is None else progress

    def make(**options: Any) -> Any:
        return tqdm(disable=not shown, desc="training", **options)

    return make
