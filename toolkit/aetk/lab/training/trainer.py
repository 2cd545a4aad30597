"""Trains a detector: from a table to a run folder."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity
from tqdm.auto import tqdm

from aetk.base.errors import BadInput, Interrupted
from aetk.base.locks import locked
from aetk.base.torchrun import is_started_by_torchrun
from aetk.contract import spec
from aetk.contract.arguments import checked
from aetk.contract.threshold import is_anomaly, macro_f1
from aetk.lab import runs
from aetk.lab.data.preprocessing import Preprocessing
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.detector import Detector
from aetk.lab.model.error_weights import held_out_weights
from aetk.lab.model.memory import fit_memory
from aetk.lab.presets import find_recipe
from aetk.lab.recipe import Recipe
from aetk.lab.training.batches import Batches, Shuffled
from aetk.lab.training.checkpoint import Checkpoint, Progress, read_saved, share_checkpoint
from aetk.lab.training.choose_plan import choose_plan
from aetk.lab.training.device import peak_bytes, repeatable_cublas, reset_peak
from aetk.lab.training.distributed.group import ALONE, Group, Lost
from aetk.lab.training.distributed.join import joined
from aetk.lab.training.finish import Extras, TrainReport, finish, share_report
from aetk.lab.training.loop import Job, fit, reconstruction_error
from aetk.lab.training.options import FRAME, Options, check_world, find_folder, merge, resume_command, share_options
from aetk.lab.training.plan import Data, Plan, fit_preprocessing
from aetk.lab.training.signals import StopRequest
from aetk.lab.training.streamed_batches import Streamed


@checked
def train(
    data: Data | None = None,
    *,
    validation: Data | None = None,
    label: str | None = None,
    drop: Sequence[str] = (),
    recipe: str | Path | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str | None = None,
    amp: bool | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    missing: str | None = None,
    threshold: str | None = None,
    stream: bool | None = None,
    resume: bool = False,
    out: str | Path | None = None,
    progress: bool | None = None,
    extras: Extras = lambda _: {},
) -> TrainReport:
    """Train a detector.

    A file's rows are streamed where they do not fit into memory. Started by torchrun, all its processes train one
    detector together, on streamed rows; the first writes the run, and all return its report.

    Args:
        data: a CSV or Parquet file, `openml:ID`, None for the built-in breast-cancer table, or rows in memory: whatever
            `Scorer.score` takes. Columns without names are called c1, c2, ...
        validation: rows to choose and calibrate on; None holds some of `data` back.
        label: a column of 0 (ordinary) and 1 (anomaly); see `lab.data.dataset.load_dataset` for OpenML.
        drop: columns to leave out.
        recipe: `default`, `small` or `reference`, the path of a TOML file, or a `Recipe`; see `lab.presets`.
        settings: values of the recipe to set anew, by key.
        device: `auto`, `cpu`, `cuda` or `mps`.
        amp: mixed precision, on CUDA only: the networks compute in bfloat16 where PyTorch's autocast lets them, the
            weights and everything else stay float32.
        epochs: passes over the rows, in place of the recipe's own length.
        seed: of everything random; 41 unless named.
        missing: `reject` (the default) or `median`.
        threshold: `fixed:VALUE`, `best-f1`, `conformal` or `conformal:RATE`; the recipe's own unless named.
        stream: whether to read a file's rows piece by piece, over and over, instead of holding them in memory; None for
            only where they do not fit.
        resume: go on with an interrupted run: the one in `out`, else the newest. Options not named are the run's.
        out: the run folder; the first free `runs/NAME-N` unless named.
        progress: whether to show a bar; None for only in a notebook.
        extras: makes more files for the run folder, by name, from the report.

    Raises:
        BadInput: wrong data or options, or another process writes the run folder.
        CheckFailed: the loss is not finite, or data against its checksum.
        Unavailable: no such device, or one that cannot repeat itself or mix precisions as asked; no network for
            `openml:ID`, or another process of torchrun's was lost.
        Interrupted: stopped by a signal, after saving.
    """
    given = {
        "data": _name(data),
        "validation": _name(validation),
        "label": label,
        "drop": list(drop) or None,
        "recipe": find_recipe(recipe, settings).to_data() if recipe is not None or settings else None,
        "device": device,
        "amp": amp,
        "epochs": epochs,
        "seed": seed,
        "missing": missing,
        "threshold": threshold,
        "stream": stream,
    }
    distributed = is_started_by_torchrun()
    noting = StopRequest() if distributed else contextlib.nullcontext(None)  # alone, only the fit has work to save
    with noting as stop, joined() as group, contextlib.ExitStack() as held:
        folder = None if out is None else Path(out)
        with group.fail_together():
            if resume and group.is_first:
                folder = find_folder(folder)
            existing = folder if folder is not None and folder.is_dir() and group.is_first else None
            if existing is not None:
                _claim(existing, held)
        options, saved = _begin(given, folder, resume, data, group)
        is_chosen = stream is not None or saved is not None
        plan = choose_plan(options, data, validation, folder, saved, group, stop, held, is_chosen=is_chosen)
        with group.fail_together():
            if group.is_first and existing is None:
                _claim(plan.folder, held)
        preprocessing = fit_preprocessing(plan, group)
        bar = _bar(progress if group.is_first else False)
        with repeatable_cublas(plan.device):
            networks, done, peak = _fit(plan, preprocessing, saved, bar, group, stop)
        report = None
        with group.fail_together():
            if group.is_first:
                report = finish(plan, preprocessing, _detector(plan, preprocessing, networks), done, peak, extras)
        return share_report(report, group)


def _begin(
    given: Mapping[str, Any], folder: Path | None, resume: bool, data: Data | None, group: Group
) -> tuple[Options, Checkpoint | None]:
    """The options in force, and what an interrupted run has saved in its folder, at which the first process looks."""
    saved, options = None, None
    with group.fail_together():
        if group.is_first:
            saved = read_saved(folder) if resume and folder is not None else None
            if resume and saved is None and data is None:
                raise BadInput(f"{folder} holds nothing to go on with yet.", "Leave --resume out to start it.")
            before = None if saved is None else saved.options
            world = None if group is ALONE else group.world
            check_world(before, world)
            options = merge(given, before, world)
    return share_options(options, group), share_checkpoint(saved, group)


def _claim(folder: Path, held: contextlib.ExitStack) -> None:
    """Hold a run folder against other writers until `held` is closed; BadInput where it holds a finished run."""
    held.enter_context(locked(folder, 0, "Wait for it, or name another folder with --out."))
    if runs.is_finished(folder):
        runs.sweep(folder)
        raise BadInput(f"{folder} already holds a finished run.", "Name another folder with --out, or remove this one.")


def _name(data: Data | None) -> str | None:
    return None if data is None else str(data) if isinstance(data, (str, os.PathLike)) else FRAME


def _fit(
    plan: Plan,
    preprocessing: Preprocessing,
    saved: Checkpoint | None,
    bar: Callable[..., Any],
    group: Group,
    stop: StopRequest | None,
) -> tuple[Autoencoders, Progress, int | None]:
    """Train the networks, which end on the CPU; with the most memory that a process held of its device."""
    reset_peak(plan.device)
    with torch.random.fork_rng(devices=()):  # the CPU's alone, which all first weights are drawn by
        torch.default_generator.manual_seed(plan.options.seed)
        networks = Autoencoders(len(plan.dataset.features), plan.recipe.networks)
    networks.to(plan.device)
    selection = preprocessing(plan.parts.selection).to(plan.device)
    batches = _batches(plan, preprocessing, group)
    job = Job(
        networks=networks,
        batches=batches,
        feature_names=plan.dataset.features,
        score=_selection(plan.recipe, selection, plan.parts.selection_labels),
        recipe=plan.recipe,
        steps=plan.recipe.total_steps(batches.per_epoch),
        seed=plan.options.seed,
        checkpoint=plan.folder / runs.CHECKPOINT,
        options=plan.options,
        bar=bar,
        amp=plan.options.amp,
        group=group,
        stop=stop,
    )
    hint = f"Go on with: {resume_command(plan.options, plan.folder, group.launcher)}"
    try:
        done = fit(job, saved)
    except Interrupted as error:
        raise Interrupted(error.message, error.exit_code - 128, hint) from None
    except Lost as error:
        raise Lost(error.message, hint) from None
    networks.cpu()
    peak = peak_bytes(plan.device)
    if peak is not None:
        peak = int(group.max(torch.tensor([peak])).item())
    return networks, done, peak


def _batches(plan: Plan, preprocessing: Preprocessing, group: Group) -> Batches:
    if plan.stream is None:
        return Shuffled(preprocessing(plan.parts.fit).to(plan.device), plan.recipe, plan.options.seed)
    rows = min(plan.recipe.batch_rows, plan.fit_rows) // group.world
    return Streamed(
        plan.stream,
        preprocessing,
        plan.device,
        batch_rows=max(rows, 1),
        per_epoch=-(-plan.fit_rows // (rows * group.world)),
        order=(plan.options.seed, group.rank),
    )


def _detector(plan: Plan, preprocessing: Preprocessing, networks: Autoencoders) -> Detector:
    """A detector of trained networks, in evaluation mode, whose threshold is yet to be set."""
    parts, recipe = plan.parts, plan.recipe
    rows, selection = preprocessing(parts.fit), preprocessing(parts.selection)
    memory = fit_memory(rows, recipe.memory, plan.options.seed) if recipe.memory else None
    ordinary = selection if parts.selection_labels is None else selection[torch.from_numpy(~parts.selection_labels)]
    detector = Detector(
        networks,
        center=preprocessing.center,
        inverse_scale=preprocessing.inverse_scale,
        fill=preprocessing.fill.float() if preprocessing.imputes else preprocessing.center.clone(),
        imputes=preprocessing.imputes,
        kappa=recipe.kappa,
        threshold=0.0,
        memory=memory,
        weights=held_out_weights(networks, memory, rows, ordinary) if recipe.weighting == "error" else None,
        compact=recipe.compact,
    )
    return detector.eval()


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
