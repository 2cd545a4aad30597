"""Turns tables into a data set: checked features, labels, and what a person should know of them."""

import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract import spec
from aetk.edge.tables.chunk import it_has, show_name
from aetk.edge.tables.read import JOINING
from aetk.lab.data.openml import is_openml, read_openml
from aetk.lab.data.openml_label import find_label
from aetk.lab.data.redundancy import find_redundancy
from aetk.lab.data.source import Source, read_source
from aetk.lab.data.text_columns import drop_hint
from aetk.lab.data.warnings import column_warnings, label_warnings

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
    data: Any,
    *,
    validation: Any = None,
    label: str | None = None,
    drop: Sequence[str] = (),
    missing: str = "reject",
    copies: float = JOINING,
) -> Dataset:
    """Read and check the rows to train on.

    Args:
        data: a CSV or Parquet file, `openml:ID`, rows in memory (see `lab.data.source`), or None for scikit-learn's
            breast-cancer table.
        validation: rows to choose and calibrate on; None to hold some of `data` back.
        label: a column of 0 (ordinary) and 1 (anomaly), in either table or both; never a feature. Unless named, the
            target of an OpenML data set whose values are exactly these.
        drop: columns to leave out.
        missing: `reject` missing and infinite values, or fill them by the `median`.
        copies: how many times over there has to be room for the rows of `data`, where it is a file.

    Raises:
        BadInput: whatever is wrong with the tables, with file, column and first offending row.
        DoesNotFit: there is no room for a file's rows.
        CheckFailed, Unavailable: a data set of OpenML cannot be had; see `lab.data.openml`.
    """
    if data is None:
        if validation is not None or label is not None or drop:
            raise BadInput("--val, --label and --drop need data of your own.", "Name a CSV or Parquet file.")
        return _built_in()
    rows, held_out = _fetched(data), None if validation is None else _fetched(validation)
    label, notes = find_label((rows, held_out), label, drop)
    table = read_source(rows, "the data frame", label, drop, copies)
    other = None if held_out is None else read_source(held_out, "the validation data frame", label, drop)
    check_named(table.title, table.all_names, other, label, drop)
    if other is not None:
        other = match_columns(table.title, table.names, other)
    check_finite(table, missing)
    if other is not None:
        check_finite(other, missing)
    ordinary = table.values if table.labels is None else table.values[~table.labels]
    check_enough(table.title, len(ordinary), len(table.values))
    return Dataset(
        name=table.name,
        source=table.title,
        features=table.names,
        rows=table.values,
        labels=table.labels,
        validation=None if other is None else other.values,
        validation_labels=None if other is None else other.labels,
        warnings=(
            *notes,
            *label_warnings(*_counts(table.labels, None if other is None else other.labels)),
            *column_warnings(table.names, ordinary, find_redundancy(table.values)),
        ),
    )


def _fetched(data: Any) -> Any:
    return read_openml(str(data)) if is_openml(data) else data


def check_named(
    title: str, all_names: Sequence[str], other: Source | None, label: str | None, drop: Sequence[str]
) -> None:
    """BadInput where neither the table nor the validation rows have a column that an option names."""
    columns = {*all_names, *(other.all_names if other else ())}
    for name in [*drop, *([label] if label else [])]:
        if name not in columns:
            raise BadInput(f"{title} has no column '{show_name(name)}'.", it_has(all_names))


def match_columns(title: str, names: Sequence[str], other: Source) -> Source:
    """The validation rows with the table's feature columns in its order; BadInput unless they have just these."""
    found_names, expected_names = set(other.names), set(names)
    lacking = [name for name in names if name not in found_names]
    extra = [name for name in other.names if name not in expected_names]
    if lacking or extra:
        found = f"lacks '{lacking[0]}'" if lacking else f"has the column '{extra[0]}', unknown to {title}"
        hint = f"If it holds labels, name it with: --label {shlex.quote(extra[0])}" if extra and not lacking else ""
        raise BadInput(f"{other.title} {found}; both tables need the same feature columns.", hint)
    if other.names == tuple(names):
        return other
    position = {name: i for i, name in enumerate(other.names)}
    values = np.ascontiguousarray(other.values[:, [position[name] for name in names]])
    return replace(other, names=tuple(names), values=values)


def check_enough(title: str, ordinary: int, rows: int) -> None:
    """BadInput where there are, among so many rows, too few ordinary ones to train on."""
    if ordinary < _FEWEST_ROWS:
        found = f"found {ordinary} ordinary row{'s' * (ordinary != 1)}"
        hint = "Bring more rows."
        if 2 * ordinary < rows:
            found += f" among {rows:,}"
            hint = "Bring more of them. If 1 means ordinary in this table, swap 0 and 1: a label of 1 is an anomaly."
        raise BadInput(f"{title}: {found}, expected {_FEWEST_ROWS} or more.", hint)


def _counts(*tables: NDArray[np.bool_] | None) -> tuple[int, int]:
    """How many rows are labelled, and how many of them as anomalies."""
    labelled = [labels for labels in tables if labels is not None]
    return sum(map(len, labelled)), sum(int(labels.sum()) for labels in labelled)


def check_finite(part: Source, missing: str) -> None:
    """BadInput where a value is missing or infinite; with `median`, only where a column holds nothing else."""
    bad = ~(np.abs(part.values) <= spec.FINITE_LIMIT)
    if missing == "median":
        ordinary = bad if part.labels is None else bad[~part.labels]
        for position, name in enumerate(part.names):
            if len(ordinary) and ordinary[:, position].all():
                raise no_number(part.title, name)
        return
    if bad.any():
        row = int(np.flatnonzero(bad.any(axis=1))[0])
        column = part.names[int(np.flatnonzero(bad[row])[0])]
        raise not_finite(part.title, int(bad.sum()), int(bad.any(axis=1).sum()), part.where(row), column)


def no_number(title: str, column: str) -> BadInput:
    """The error of a column without a median."""
    return BadInput(f"{title}: column '{column}' holds no number in any ordinary row.", drop_hint(column))


def not_finite(title: str, values: int, rows: int, where: str, column: str) -> BadInput:
    """The error of missing and infinite values, so many in so many rows, where nothing replaces them."""
    return BadInput(
        f"{title}: {values} missing or infinite values in {rows} rows, the first in {where}, column '{column}'.",
        "Clean the table, or train their replacement into the model with: --missing median",
    )


def _built_in() -> Dataset:
    """scikit-learn's breast-cancer table, of which aetk has a copy: importing scikit-learn takes seconds.

    Source: W. Wolberg, O. Mangasarian, N. Street and W. Street, "Breast Cancer Wisconsin (Diagnostic)", UCI Machine
    Learning Repository, 1993, https://doi.org/10.24432/C5DW2B, licensed under CC BY 4.0.
    """
    path = Path(__file__).with_name("breast_cancer.csv")
    *names, _ = path.read_text().partition("\n")[0].split(",")
    cells = np.loadtxt(path, delimiter=",", skiprows=1)
    source = "scikit-learn's breast-cancer table (malignant is the anomaly)"
    return Dataset(BUILT_IN, source, tuple(names), cells[:, :-1].copy(), cells[:, -1] == 1, None, None)
