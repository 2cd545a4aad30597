"""Turns tables into what training needs: checked features, labels, and disjoint parts."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.errors import BadInput
from aetk.contract.threshold import Method
from aetk.edge.tables import NotANumber, Table, as_labels, header, place, read_table
from aetk.lab.recipe import Recipe

BUILT_IN = "breast-cancer"
_FEWEST_ROWS = 10


@dataclass(frozen=True)
class Dataset:
    """Training rows and, where there are any, validation rows, checked.

    Attributes:
        name: a word for file names.
        source: where the rows came from, in words.
        features: column names, in order.
        rows: float64 [rows, n], labelled and unlabelled alike.
        labels: bool [rows], True for anomalies, which are not trained on; None without labels.
        validation: float64 [rows, n], or None.
        validation_labels: bool [rows], or None.
        warnings: what a person should know of the columns.
    """

    name: str
    source: str
    features: tuple[str, ...]
    rows: NDArray[np.float64]
    labels: NDArray[np.bool_] | None
    validation: NDArray[np.float64] | None
    validation_labels: NDArray[np.bool_] | None
    warnings: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over names, values and labels, in hexadecimal digits."""
        digest = hashlib.sha256("\0".join(self.features).encode())
        for part in (self.rows, self.labels, self.validation, self.validation_labels):
            digest.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def load_dataset(
    data: str | Path | pd.DataFrame | None,
    *,
    validation: str | Path | pd.DataFrame | None = None,
    label: str | None = None,
    drop: Sequence[str] = (),
    missing: str = "reject",
) -> Dataset:
    """Read and check the rows to train on.

    Args:
        data: a CSV or Parquet file, a data frame, or None for the built-in breast-cancer table of scikit-learn.
        validation: rows to choose and calibrate on; None to hold some of `data` back.
        label: a column of 0 (ordinary) and 1 (anomaly), in either table or both; never a feature.
        drop: columns to leave out.
        missing: `reject` missing and infinite values, or fill them by the `median`.

    Raises:
        BadInput: whatever is wrong with the tables, with file, column and first offending row.
    """
    if data is None:
        if validation is not None or label is not None or drop:
            raise BadInput("--val, --label and --drop need data of your own.", "Name a CSV or Parquet file.")
        return _built_in()
    table = _read(data, "the data frame", label, drop)
    other = None if validation is None else _read(validation, "the validation data frame", label, drop)
    columns = set(table.all_names) | (set(other.all_names) if other else set())
    for name in [*drop, *([label] if label else [])]:
        if name not in columns:
            raise BadInput(f"{table.source} has no column '{name}'.", f"It has: {', '.join(table.all_names[:12])}.")
    if other is not None:
        _same_columns(table, other)
    for part in (table, other):
        if part is not None:
            _check_finite(part, missing)
    ordinary = table.values if table.labels is None else table.values[~table.labels]
    if len(ordinary) < _FEWEST_ROWS:
        raise BadInput(f"{table.source} holds {len(ordinary)} ordinary rows; training needs at least {_FEWEST_ROWS}.")
    return Dataset(
        name=table.name,
        source=table.source,
        features=table.names,
        rows=table.values,
        labels=table.labels,
        validation=None if other is None else other.values,
        validation_labels=None if other is None else other.labels,
        warnings=_column_warnings(table.names, ordinary),
    )


@dataclass(frozen=True)
class _Part:
    """One table as read: its feature columns, its label, and how to name a row of it."""

    source: str
    name: str
    all_names: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    labels: NDArray[np.bool_] | None
    where: Callable[[int], str]


def _read(data: str | Path | pd.DataFrame, name: str, label: str | None, drop: Sequence[str]) -> _Part:
    part = (
        _read_frame(data, name, label, drop) if isinstance(data, pd.DataFrame) else _read_file(Path(data), label, drop)
    )
    if not part.names:
        raise BadInput(f"{part.source} has no feature columns left after --label and --drop.")
    if not len(part.values):
        raise BadInput(f"{part.source} has a header and no rows.")
    return part


def _read_file(path: Path, label: str | None, drop: Sequence[str]) -> _Part:
    all_names = header(path)
    names = tuple(name for name in all_names if name != label and name not in drop)
    try:
        table: Table = read_table(path, names, label if label in all_names else None)
    except NotANumber as error:
        if error.column == label:
            raise
        raise BadInput(error.message, f"Leave the column out with: --drop '{error.column}'") from None
    return _Part(
        str(path), path.stem, all_names, names, table.values, table.labels,
        lambda row: place(path, int(table.places[row])),
    )  # fmt: skip


def _read_frame(frame: pd.DataFrame, source: str, label: str | None, drop: Sequence[str]) -> _Part:
    all_names = tuple(map(str, frame.columns))
    for name in all_names:
        if all_names.count(name) > 1:
            raise BadInput(f"{source}: two columns are called '{name}'.", "Rename or remove one of them.")
    frame = frame.set_axis(list(all_names), axis=1)
    names = tuple(name for name in all_names if name != label and name not in drop)

    def where(row: int) -> str:
        return f"{source}, row {row}"

    def numbers(column: str) -> NDArray[np.float64]:
        try:
            return frame[column].to_numpy(np.float64, na_value=np.nan)
        except (ValueError, TypeError):
            raise BadInput(f"{source}: column '{column}' is not numeric.", f"Leave it out: drop=['{column}']") from None

    values = np.column_stack([numbers(name) for name in names]) if names else np.empty((len(frame), 0))
    labels = as_labels(numbers(label), label, where) if label in all_names and label is not None else None
    return _Part(source, "frame", all_names, names, values, labels, where)


def _same_columns(table: _Part, other: _Part) -> None:
    lacking = [name for name in table.names if name not in other.names]
    extra = [name for name in other.names if name not in table.names]
    if lacking or extra:
        found = f"lacks '{lacking[0]}'" if lacking else f"has the column '{extra[0]}', unknown to {table.source}"
        raise BadInput(f"{other.source} {found}; both tables need the same feature columns.")
    for name, expected in zip(other.names, table.names, strict=True):
        if name != expected:
            raise BadInput(
                f"{other.source} has its columns in another order: found '{name}', expected '{expected}'.",
                f"Reorder its columns to match {table.source}.",
            )


def _check_finite(part: _Part, missing: str) -> None:
    bad = ~(np.abs(part.values) <= spec.FINITE_LIMIT)
    if missing == "median":
        for position, name in enumerate(part.names):
            if bad[:, position].all():
                raise BadInput(
                    f"{part.source}: column '{name}' holds no number at all.", f"Leave it out: --drop '{name}'"
                )
        return
    if bad.any():
        row = int(np.flatnonzero(bad.any(axis=1))[0])
        column = part.names[int(np.flatnonzero(bad[row])[0])]
        raise BadInput(
            f"{part.source}: {int(bad.sum())} missing or infinite values in {int(bad.any(axis=1).sum())} rows, "
            f"the first in {part.where(row)}, column '{column}'.",
            "Clean the table, or train their replacement into the model with: --missing median",
        )


def _column_warnings(names: Sequence[str], rows: NDArray[np.float64]) -> tuple[str, ...]:
    found = []
    for position, name in enumerate(names):
        column = rows[:, position]
        column = column[np.abs(column) <= spec.FINITE_LIMIT]
        spread = float(column.std())
        if is_constant(column):
            found.append(
                f"Column '{name}' is constant ({column[0]:g}); it is kept, and tells nothing until it changes."
            )
        elif float(np.abs(column - column.astype(np.float32)).max()) > 0.01 * spread:
            found.append(
                f"Column '{name}' loses more than 1% of its spread when rounded to float32; "
                "subtract a constant from it, or leave it out."
            )
    return tuple(found)


def is_constant(column: NDArray[np.float64]) -> bool:
    """Whether a column's finite values do not differ in any way that float64 arithmetic could scale."""
    return bool(column.std() <= 1e-12 * max(float(np.abs(column).max()), 1e-30))


def _built_in() -> Dataset:
    from sklearn.datasets import load_breast_cancer

    bunch: Any = load_breast_cancer()
    names = tuple(str(name).replace(" ", "_") for name in bunch.feature_names)
    malignant = bunch.target == 0
    return Dataset(
        BUILT_IN, "scikit-learn's breast-cancer table (malignant is the anomaly)", names,
        np.asarray(bunch.data, np.float64), malignant, None, None,
    )  # fmt: skip


@dataclass(frozen=True)
class Split:
    """Disjoint parts of a data set.

    Attributes:
        fit: float64 [rows, n], ordinary rows that gradients see.
        selection: float64 [rows, n], rows that choose the best weights.
        selection_labels: bool [rows], or None where all are ordinary and the L1 error decides.
        calibration: float64 [rows, n], rows that the threshold and the reported metrics come from.
        calibration_labels: bool [rows], or None.
        basis: what the calibration rows are, in words.
    """

    fit: NDArray[np.float64]
    selection: NDArray[np.float64]
    selection_labels: NDArray[np.bool_] | None
    calibration: NDArray[np.float64]
    calibration_labels: NDArray[np.bool_] | None
    basis: str


def split(dataset: Dataset, recipe: Recipe, method: Method, seed: int) -> Split:
    """Divide a data set; no calibration row is ever used for early stopping or selection.

    The one exception is named in `basis`: with a fixed threshold nothing is calibrated, and the reference's selection
    may use every validation row, from which the expected alarms are then estimated too.
    """
    random = np.random.default_rng(seed)
    ordinary = dataset.rows if dataset.labels is None else dataset.rows[~dataset.labels]
    ordinary = ordinary[random.permutation(len(ordinary))]
    if dataset.validation is None:
        held_back = max(2, round(len(ordinary) * 0.25))
        anomalies = dataset.rows[:0] if dataset.labels is None else dataset.rows[dataset.labels]
        validation = np.concatenate([ordinary[:held_back], anomalies])
        labels = None if dataset.labels is None else np.arange(len(validation)) >= held_back
        ordinary = ordinary[held_back:]
        basis = "rows held back from training"
    else:
        validation, labels = dataset.validation, dataset.validation_labels
        basis = "validation rows"
    if method.kind == "conformal" and labels is not None:
        basis = f"ordinary {basis}"
    if recipe.select_on == "training":
        size = max(2, len(ordinary) // 10)
        return Split(ordinary[size:], ordinary[:size], None, validation, labels, basis)
    if method.kind == "fixed":
        return Split(ordinary, validation, labels, validation, labels, f"{basis}, which also selected the weights")
    candidates = np.arange(len(validation)) if labels is None else np.flatnonzero(~labels)
    chosen = np.zeros(len(validation), bool)
    chosen[random.permutation(candidates)[: len(candidates) // 2]] = True
    rest = None if labels is None else labels[~chosen]
    return Split(ordinary, validation[chosen], None, validation[~chosen], rest, basis)


def impute(parts: Split, fill: NDArray[np.float64]) -> Split:
    """The split with `fill`, float64 [n], in place of missing and infinite values of the rows that training sees."""

    def clean(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.abs(rows) <= spec.FINITE_LIMIT, rows, fill)

    return replace(parts, fit=clean(parts.fit), selection=clean(parts.selection))


def medians(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [n]: each column's median over its finite values; 0 where there are none."""
    finite = np.where(np.abs(rows) <= spec.FINITE_LIMIT, rows, np.nan)
    return np.array([np.nanmedian(c) if np.isfinite(c).any() else 0.0 for c in finite.T])
