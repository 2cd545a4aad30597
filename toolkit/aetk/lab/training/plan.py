"""Settles everything that can be settled before the first step of training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract.threshold import Method, calibrate, parse_method
from aetk.lab import runs
from aetk.lab.data.dataset import Dataset, load_dataset
from aetk.lab.data.shards import Stream
from aetk.lab.data.split import Split, split
from aetk.lab.recipe import Recipe
from aetk.lab.training.options import Options, plan_recipe

if TYPE_CHECKING:
    import torch

    from aetk.lab.training.checkpoint import Checkpoint

Data = str | Path | Any
"""A table: the path of a file, `openml:ID`, or rows in memory that `contract.named_rows` takes."""


@dataclass(frozen=True)
class Plan:
    """What will be trained, on what, how, and where.

    Attributes:
        options: in force, with the fingerprint of the data.
        recipe: how to train.
        method: how to choose the threshold.
        dataset: the data, with what a person should know of it and of the plan.
        parts: its disjoint parts.
        device: where to train.
        folder: the run folder, made by now.
        fit_rows: that gradients see; more than `parts.fit` where those are a sample of what is streamed.
        stream: where the rows come from that are not in memory; None where all are.
    """

    options: Options
    recipe: Recipe
    method: Method
    dataset: Dataset
    parts: Split
    device: "torch.device"
    folder: Path
    fit_rows: int
    stream: Stream | None = None


def make_plan(
    options: Options,
    data: Data | None,
    validation: Data | None,
    folder: Path | None,
    saved: "Checkpoint | None",
    copies: float,
    on_stage: Callable[[str], None],
) -> Plan:
    """Check everything that can be checked before training, and only then make the run folder.

    Args:
        options: in force.
        data, validation: tables, where they are not the files that the options name.
        folder: the run folder; None for a new one under `runs/`.
        saved: the checkpoint to go on from.
        copies: how many times over there has to be room for a file's rows.
        on_stage: is told the stages, in words.

    Raises:
        BadInput: wrong data or options, or too few rows for the threshold method.
        DoesNotFit: there is no room for a file's rows.
        CheckFailed, Unavailable: a data set of OpenML cannot be had.
        Unavailable: no such device, or not for mixed precision.
    """
    recipe = plan_recipe(options)
    dataset = load_dataset(
        options.data if data is None else data,
        validation=options.validation if validation is None else validation,
        label=options.label,
        drop=options.drop,
        missing=options.missing,
        copies=copies,
    )
    check_same_data(dataset.fingerprint, saved)
    method = choose_method(recipe, options, dataset.labels if dataset.validation is None else dataset.validation_labels)
    parts = split(dataset, recipe, method, options.seed)
    check_calibration(method, parts)
    on_stage("loading PyTorch")
    # here, so that a wrong call is not kept waiting for PyTorch
    from aetk.lab.training.device import check_amp, find_device

    device = find_device(options.device)
    if options.amp:
        check_amp(device)
    folder = make_folder(folder, dataset.name)
    return Plan(
        options=replace(options, fingerprint=dataset.fingerprint),
        recipe=recipe,
        method=method,
        dataset=replace(dataset, warnings=(*dataset.warnings, *notes(method, parts, folder, saved))),
        parts=parts,
        device=device,
        folder=folder,
        fit_rows=len(parts.fit),
    )


def check_same_data(fingerprint: str, saved: "Checkpoint | None") -> None:
    """BadInput where the interrupted run saw other data."""
    if saved is not None and saved.options.fingerprint != fingerprint:
        raise BadInput(
            "The data is not what the interrupted run was trained on.", "Bring the same data, or leave --resume out."
        )


def choose_method(recipe: Recipe, options: Options, labels: NDArray[np.bool_] | None) -> Method:
    """The threshold method asked for, else the one that the labels of the calibration rows allow."""
    text = recipe.threshold if options.threshold is None else options.threshold
    if text is not None:
        return parse_method(text)
    return Method("best-f1" if labels is not None and labels.any() and not labels.all() else "conformal")


def check_calibration(method: Method, parts: Split) -> None:
    """Find out before training, not after, that a threshold cannot be calibrated."""
    stand_in = np.linspace(0, 1, len(parts.calibration), dtype=np.float32)
    calibrate(method, stand_in, parts.calibration_labels, parts.basis)


def make_folder(folder: Path | None, name: str) -> Path:
    """The run folder, made if need be; a new one under `runs/` where none is named."""
    folder = folder if folder is not None else runs.new_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def notes(method: Method, parts: Split, folder: Path, saved: "Checkpoint | None") -> list[str]:
    """What a person should know of the plan."""
    found = []
    if saved is None and (folder / runs.CHECKPOINT).exists():
        found.append("The interrupted run in this folder is started over; --resume would have gone on with it.")
    if parts.trimmed:
        found.append(f"The {parts.trimmed:,} rows that look least like the others are left out of training (trim).")
    if method == Method("conformal"):
        labels = parts.calibration_labels
        ordinary = len(parts.calibration) if labels is None else int((~labels).sum())
        found.append(
            f"THRESHOLD: without labelled anomalies it is conformal, at the smallest false-alarm rate that "
            f"{ordinary:,} rows allow, {1 / (ordinary + 1):.3g}. Choose your own with --threshold conformal:RATE."
        )
    return found
