"""Makes the plan of a training: everything that can be decided and checked before the first step."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract.threshold import Method, calibrate, parse_method
from aetk.lab import runs
from aetk.lab.data.dataset import Dataset, load_looked
from aetk.lab.data.looked import Looked
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
    """The plan of a training.

    Attributes:
        options: the merged options, with the fingerprint of the data.
        recipe: the recipe to train by.
        method: the method that chooses the threshold.
        dataset: the data, with warnings about the data and the plan.
        parts: the disjoint parts of the data.
        device: the device to train on.
        folder: the run folder, which exists.
        fit_rows: the number of rows to fit on; more than in `parts.fit` if that is a sample of streamed rows.
        stream: the source of streamed rows; None if all rows are in memory.
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
    looked: Looked,
    folder: Path | None,
    saved: "Checkpoint | None",
    copies: float,
    on_stage: Callable[[str], None],
) -> Plan:
    """Check everything that can be checked before training, and only then make the run folder.

    Args:
        options: the merged options.
        looked: the tables, and the look at them.
        folder: the run folder; None for a new one under `runs/`.
        saved: the checkpoint to continue from, or None.
        copies: the number of copies of a file's rows that must fit into memory.
        on_stage: called with the name of each stage.

    Raises:
        BadInput: wrong data or options, or too few rows for the threshold method.
        DoesNotFit: there is not enough memory for a file's rows.
        CheckFailed, Unavailable: a data set of OpenML cannot be loaded.
        Unavailable: the device is missing, or does not support mixed precision.
    """
    recipe = plan_recipe(options)
    dataset = load_looked(looked, copies)
    check_same_data(dataset.fingerprint, saved)
    method = choose_method(recipe, options, dataset.labels if dataset.validation is None else dataset.validation_labels)
    parts = split(dataset, recipe, method, options.seed)
    check_calibration(method, parts)
    on_stage("loading PyTorch")
    # imported only here, so that a wrong call fails without waiting for PyTorch
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
    """Raise BadInput if the interrupted run was trained on other data."""
    if saved is not None and saved.options.fingerprint != fingerprint:
        raise BadInput(
            "The data is not what the interrupted run was trained on.", "Bring the same data, or leave --resume out."
        )


def choose_method(recipe: Recipe, options: Options, labels: NDArray[np.bool_] | None) -> Method:
    """The requested threshold method, else the one that the labels of the calibration rows allow."""
    text = recipe.threshold if options.threshold is None else options.threshold
    if text is not None:
        return parse_method(text)
    return Method("best-f1" if labels is not None and labels.any() and not labels.all() else "conformal")


def check_calibration(method: Method, parts: Split) -> None:
    """Check before training that a threshold can be calibrated."""
    stand_in = np.linspace(0, 1, len(parts.calibration), dtype=np.float32)
    calibrate(method, stand_in, parts.calibration_labels, parts.basis)


def make_folder(folder: Path | None, name: str) -> Path:
    """Make the run folder if it does not exist; if None is given, a new one under `runs/`."""
    folder = folder if folder is not None else runs.new_folder(name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def notes(method: Method, parts: Split, folder: Path, saved: "Checkpoint | None") -> list[str]:
    """Notes on the plan for the user."""
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
