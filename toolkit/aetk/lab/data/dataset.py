"""Turns tables into a data set: checked features, labels, and warnings about them."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract import spec
from aetk.contract.reading import DEFAULT, Encoding, TableFormat
from aetk.edge.tables.read import JOINING
from aetk.lab.data.looked import Looked, look_first, read_by_look
from aetk.lab.data.redundancy import find_redundancy
from aetk.lab.data.source import Source
from aetk.lab.data.text_columns import drop_hint
from aetk.lab.data.warnings import column_warnings, label_warnings
from aetk.lab.look.report import Wishes
from aetk.lab.model.expansion import Expansion

BUILT_IN = "breast-cancer"
_FEWEST_ROWS = 10


@dataclass(frozen=True)
class Dataset:
    """Checked training rows and, if there are any, validation rows.

    Attributes:
        name: a word for file names.
        source: text that says where the rows came from.
        features: column names, in order.
        rows: float64 [rows, n], labelled and unlabelled alike.
        labels: bool [rows], True for anomalies, which are not trained on; None if there are no labels.
        validation: float64 [rows, n], or None.
        validation_labels: bool [rows], or None.
        warnings: about the columns and the labels.
        encodings: how the cells of the table become each feature; empty if all features are columns of plain numbers.
        table: the format of the text file that was read.
    """

    name: str
    source: str
    features: tuple[str, ...]
    rows: NDArray[np.float64]
    labels: NDArray[np.bool_] | None
    validation: NDArray[np.float64] | None
    validation_labels: NDArray[np.bool_] | None
    warnings: tuple[str, ...] = ()
    encodings: tuple[Encoding, ...] = ()
    table: TableFormat = DEFAULT

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of names, encodings, values and labels, in hexadecimal digits."""
        digest = hashlib.sha256("\0".join(self.features).encode())
        digest.update(reading_in_bytes(self.features, self.encodings, self.table))
        for part in (self.rows, self.labels, self.validation, self.validation_labels):
            digest.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()

    @property
    def expansion(self) -> Expansion:
        """Which columns are categories."""
        return Expansion.of(self.encodings, len(self.features))


def reading_in_bytes(features: Sequence[str], encodings: Sequence[Encoding], table: TableFormat) -> bytes:
    """How cells become features, for a fingerprint; empty where all are plain numbers in the default format."""
    if table.is_default and all(encoding.is_plain for encoding in encodings):
        return b""
    columns = [encoding.to_data(name) for name, encoding in zip(features, encodings, strict=True)] if encodings else []
    return json.dumps([table.to_data(), columns], sort_keys=True).encode()


def load_dataset(
    data: Any,
    *,
    validation: Any = None,
    label: str | None = None,
    drop: Sequence[str] = (),
    missing: str = "reject",
    copies: float = JOINING,
    wishes: Wishes | None = None,
) -> Dataset:
    """Look at the rows to train on, read and check them.

    Args:
        data: a file or folder of any kind that `lab.look` reads, `openml:ID`, rows in memory (see `lab.data.source`),
            or None for scikit-learn's breast-cancer table.
        validation: rows to select weights and calibrate on; None to set some rows of `data` aside for that.
        label: the label column, in either table or both; never a feature. If None, the target of an OpenML data set is
            the label if its values are exactly 0 and 1.
        drop: columns to leave out.
        missing: `reject` refuses missing and infinite values; `median` replaces them by the column's median.
        copies: how many copies of the rows of `data`, if it is a file, have to fit in memory.
        wishes: all else that a person said about the table.

    Raises:
        BadInput: something is wrong with the tables, or a person has to decide how they are read; the message names
            file, column and first bad row, or holds the command to use.
        DoesNotFit: the rows of a file do not fit in memory.
        CheckFailed, Unavailable: an OpenML data set cannot be fetched; see `lab.data.openml`.
    """
    wishes = replace(wishes or Wishes(), label=label, drop=tuple(drop), missing=missing)
    return load_looked(look_first(data, validation, wishes), copies)


def load_looked(looked: Looked, copies: float = JOINING) -> Dataset:
    """Read and check the rows to train on, by a look at them; see `load_dataset`."""
    if looked.look is None:
        return _built_in()
    missing = looked.wishes.missing or "reject"
    table, other = read_by_look(looked, copies)
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
            *looked.notes,
            *looked.look.warnings,
            *table.notes,
            *label_warnings(*_counts(table.labels, None if other is None else other.labels)),
            *column_warnings(table.names, ordinary, find_redundancy(table.values), table.encodings),
        ),
        encodings=table.encodings,
        table=looked.look.table,
    )


def match_columns(title: str, names: Sequence[str], other: Source) -> Source:
    """Put the validation rows' columns in the table's order; raise BadInput if the feature columns differ."""
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
    """Raise BadInput if too few of the `rows` are ordinary to train on."""
    if ordinary < _FEWEST_ROWS:
        found = f"found {ordinary} ordinary row{'s' * (ordinary != 1)}"
        hint = "Bring more rows."
        if 2 * ordinary < rows:
            found += f" among {rows:,}"
            hint = "Bring more of them. If 1 means ordinary in this table, swap 0 and 1: a label of 1 is an anomaly."
        raise BadInput(f"{title}: {found}, expected {_FEWEST_ROWS} or more.", hint)


def _counts(*tables: NDArray[np.bool_] | None) -> tuple[int, int]:
    """The number of labelled rows, and how many of them are anomalies."""
    labelled = [labels for labels in tables if labels is not None]
    return sum(map(len, labelled)), sum(int(labels.sum()) for labels in labelled)


def check_finite(part: Source, missing: str) -> None:
    """Raise BadInput for missing or infinite values; with `median`, only if no ordinary value of a column is finite."""
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
    """The error for a column that has no median."""
    return BadInput(f"{title}: column '{column}' holds no number in any ordinary row.", drop_hint(column))


def not_finite(title: str, values: int, rows: int, where: str, column: str) -> BadInput:
    """The error for missing and infinite values that nothing replaces: `values` is their number in `rows` rows."""
    return BadInput(
        f"{title}: {values} missing or infinite values in {rows} rows, the first in {where}, column '{column}'.",
        "Clean the table, or train their replacement into the model with: --missing median",
    )


def _built_in() -> Dataset:
    """Read aetk's own copy of scikit-learn's breast-cancer table, because importing scikit-learn takes seconds.

    Source: W. Wolberg, O. Mangasarian, N. Street and W. Street, "Breast Cancer Wisconsin (Diagnostic)", UCI Machine
    Learning Repository, 1993, https://doi.org/10.24432/C5DW2B, licensed under CC BY 4.0.
    """
    path = Path(__file__).with_name("breast_cancer.csv")
    *names, _ = path.read_text().partition("\n")[0].split(",")
    cells = np.loadtxt(path, delimiter=",", skiprows=1)
    source = "scikit-learn's breast-cancer table (malignant is the anomaly)"
    return Dataset(BUILT_IN, source, tuple(names), cells[:, :-1].copy(), cells[:, -1] == 1, None, None)
