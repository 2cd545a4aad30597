"""Splits a data set into disjoint parts: for fitting, for selection, for calibration."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract.threshold import Method
from aetk.lab.data.dataset import Dataset
from aetk.lab.data.trim import trim
from aetk.lab.recipe import Recipe

HELD_BACK, SELECTING = 0.25, 0.1
"""The share of the ordinary rows to calibrate on, and the share of the other ones to select the best weights by."""


@dataclass(frozen=True)
class Split:
    """Disjoint parts of a data set.

    Attributes:
        fit: float64 [rows, n], ordinary rows to train on.
        selection: float64 [rows, n], rows to select the best weights by.
        selection_labels: bool [rows], or None if all are ordinary and the L1 error decides.
        calibration: float64 [rows, n], rows that the threshold and the reported metrics come from.
        calibration_labels: bool [rows], or None.
        basis: text that says what the calibration rows are.
        trimmed: the number of training rows that the recipe left out.
    """

    fit: NDArray[np.float64]
    selection: NDArray[np.float64]
    selection_labels: NDArray[np.bool_] | None
    calibration: NDArray[np.float64]
    calibration_labels: NDArray[np.bool_] | None
    basis: str
    trimmed: int = 0


def split(dataset: Dataset, recipe: Recipe, method: Method, seed: int) -> Split:
    """Split a data set; no calibration row is used for early stopping or selection.

    There is one exception, which `basis` names: a fixed threshold is not calibrated, so with recipes that select on
    validation rows, all of these rows select the weights, and the expected alarms are estimated from them too.
    """
    random = np.random.default_rng(seed)
    ordinary = dataset.rows if dataset.labels is None else dataset.rows[~dataset.labels]
    ordinary = ordinary[random.permutation(len(ordinary))]
    if dataset.validation is None:
        held_back = max(2, round(len(ordinary) * HELD_BACK))
        anomalies = dataset.rows[:0] if dataset.labels is None else dataset.rows[dataset.labels]
        validation = np.concatenate([ordinary[:held_back], anomalies])
        labels = None if dataset.labels is None else np.arange(len(validation)) >= held_back
        ordinary = ordinary[held_back:]
        basis = "rows held back from training"
    else:
        validation, labels = dataset.validation, dataset.validation_labels
        basis = "validation rows"
    basis = in_words(basis, method, labels)
    everything, ordinary = len(ordinary), trim(ordinary, recipe.trim, seed, dataset.expansion)
    trimmed = everything - len(ordinary)
    if recipe.select_on == "training":
        size = max(2, len(ordinary) // 10)
        return Split(ordinary[size:], ordinary[:size], None, validation, labels, basis, trimmed)
    return select_on_validation(ordinary, validation, labels, basis, method, random, trimmed)


def in_words(basis: str, method: Method, labels: NDArray[np.bool_] | None) -> str:
    """Text that says what the threshold is calibrated on; `basis` says where those rows come from."""
    return f"ordinary {basis}" if method.kind == "conformal" and labels is not None else basis


def select_on_validation(
    ordinary: NDArray[np.float64],
    validation: NDArray[np.float64],
    labels: NDArray[np.bool_] | None,
    basis: str,
    method: Method,
    random: np.random.Generator,
    trimmed: int = 0,
) -> Split:
    """Select the weights on validation rows: on all if the threshold is fixed, else on half of the ordinary ones."""
    if method.kind == "fixed":
        basis = f"{basis}, which also selected the weights"
        return Split(ordinary, validation, labels, validation, labels, basis, trimmed)
    candidates = np.arange(len(validation)) if labels is None else np.flatnonzero(~labels)
    if len(candidates) < 2:
        raise BadInput(f"Of the {basis}, {len(candidates)} are ordinary; selecting and calibrating need at least 2.")
    chosen = np.zeros(len(validation), bool)
    chosen[random.permutation(candidates)[: len(candidates) // 2]] = True
    rest = None if labels is None else labels[~chosen]
    return Split(ordinary, validation[chosen], None, validation[~chosen], rest, basis, trimmed)
