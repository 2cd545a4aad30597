"""Fits the parts of a plan: preprocessing, networks, and the detector made of them."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cosine_similarity
from tqdm.auto import tqdm

from aetk.base.errors import Interrupted
from aetk.contract import spec
from aetk.contract.threshold import is_anomaly, macro_f1
from aetk.lab import runs
from aetk.lab.data.preprocessing import Preprocessing, fit_expanded, impute, medians
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.detector import Detector
from aetk.lab.model.error_weights import held_out_weights
from aetk.lab.model.memory import fit_memory
from aetk.lab.recipe import Recipe
from aetk.lab.training.batches import Batches, Shuffled
from aetk.lab.training.checkpoint import Checkpoint, Progress
from aetk.lab.training.device import peak_bytes, reset_peak
from aetk.lab.training.distributed.group import Group, Lost
from aetk.lab.training.loop import Job, fit, reconstruction_error
from aetk.lab.training.options import resume_command
from aetk.lab.training.plan import Plan
from aetk.lab.training.signals import StopRequest
from aetk.lab.training.streamed_batches import Streamed


def fit_preprocessing(plan: Plan, group: Group) -> Preprocessing:
    """Fit imputation and scaling in the first process, on the rows to fit on; every process receives them."""
    imputes = plan.options.missing == "median"
    fitted = dict[str, Tensor]()
    with group.fail_together():
        if group.is_first:
            fitted = _measure(plan, imputes)
    return Preprocessing(**group.broadcast_tensors(fitted), imputes=imputes, expansion=plan.dataset.expansion)


def _measure(plan: Plan, imputes: bool) -> dict[str, Tensor]:
    expansion = plan.dataset.expansion
    fill = expansion.fill(medians(plan.parts.fit))
    rows = impute(plan.parts.fit, fill) if imputes else plan.parts.fit
    moments = None if plan.stream is None else plan.stream.moments.columns(expansion.in_copies)
    if moments is not None and imputes:
        moments = moments.filled(plan.fit_rows, fill[expansion.owners])  # no copy of a category lacks a value
    center, inverse_scale = fit_expanded(rows, expansion, plan.recipe, moments)
    return {"center": center, "inverse_scale": inverse_scale, "fill": torch.from_numpy(fill)}


def fit_networks(
    plan: Plan,
    preprocessing: Preprocessing,
    saved: Checkpoint | None,
    bar: Callable[..., Any],
    group: Group,
    stop: StopRequest | None,
) -> tuple[Autoencoders, Progress, int | None]:
    """Train the networks.

    Returns:
        The networks, on the CPU; the progress; and the most bytes that a process held on its device, or None.
    """
    reset_peak(plan.device)
    with torch.random.fork_rng(devices=()):  # only the CPU's generator, which draws all initial weights
        torch.default_generator.manual_seed(plan.options.seed)
        networks = Autoencoders(preprocessing.expansion.width, plan.recipe.networks)
    networks.to(plan.device)
    selection = preprocessing(plan.parts.selection).to(plan.device)
    batches = _batches(plan, preprocessing, group)
    job = Job(
        networks=networks,
        batches=batches,
        feature_names=tuple(plan.dataset.features[owner] for owner in preprocessing.expansion.owners),
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


def make_detector(
    plan: Plan, preprocessing: Preprocessing, networks: Autoencoders, on_stage: Callable[[str], None]
) -> Detector:
    """Make a detector of trained networks, in evaluation mode; its threshold must still be set."""
    parts, recipe = plan.parts, plan.recipe
    rows, selection = preprocessing(parts.fit), preprocessing(parts.selection)
    if recipe.memory:
        on_stage("clustering the memory")
    memory = None
    if recipe.memory:
        memory = fit_memory(
            rows,
            recipe.prototypes(rows.shape[1]),
            plan.options.seed,
            keeps_rows=recipe.remember == "rows",
            temperature=recipe.temperature,
        )
    ordinary = selection if parts.selection_labels is None else selection[torch.from_numpy(~parts.selection_labels)]
    weights = None
    if recipe.weighting != "none":
        by_part = recipe.weighting == "part"
        weights = held_out_weights(networks, memory, rows, ordinary, preprocessing.expansion, by_part=by_part)
    detector = Detector(
        networks,
        center=preprocessing.center,
        inverse_scale=preprocessing.inverse_scale,
        fill=_fill(preprocessing),
        imputes=preprocessing.imputes,
        kappa=recipe.kappa,
        threshold=0.0,
        memory=memory,
        weights=weights,
        compact=recipe.compact,
        expansion=preprocessing.expansion,
    )
    return detector.eval()


def _fill(preprocessing: Preprocessing) -> Tensor:
    """The values that the detector puts in place of missing ones, float32 [n]."""
    expansion = preprocessing.expansion
    if preprocessing.imputes:
        return preprocessing.fill.float()
    center = torch.zeros(len(expansion.levels))
    center[expansion.numbers] = preprocessing.center[: len(expansion.numbers)]
    return torch.from_numpy(expansion.fill(center.numpy()).astype(np.float32))


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


def progress_bar(progress: bool | None) -> Callable[..., Any]:
    """Make the function for `Job.bar`; with None, the bar is shown only in a notebook."""
    shown = "ipykernel" in sys.modules if progress is None else progress

    def make(**options: Any) -> Any:
        return tqdm(disable=not shown, desc="training", **options)

    return make
