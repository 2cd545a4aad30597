"""Reads features and labels from a file, from rows in memory or from an OpenML data set."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract import named_rows, spec
from aetk.contract.reading import Encoding
from aetk.edge.tables.chunk import MOST_NAMED, NoNumbers, NotANumber, check_names, row_location
from aetk.edge.tables.labels import as_labels
from aetk.edge.tables.read import JOINING, header, read_chunks, read_table, text_labels_in_words
from aetk.lab.data.openml import OpenMLTable
from aetk.lab.data.text_columns import drop_hint, quoted, text_columns

if TYPE_CHECKING:
    import pandas as pd

_LABEL_HINT = "A label is 0 (ordinary) or 1 (anomaly)."


@dataclass(frozen=True)
class Source:
    """One table as it was read.

    Attributes:
        title: the file's path, or another name for messages.
        name: a word for file names.
        all_names: the names of all columns, label and identifiers included.
        names: the feature columns.
        values: float64 [rows, features]; missing values are NaN.
        labels: bool [rows], True for an anomaly, or None.
        where: returns the name of a row, counted from 0, for a message.
        encodings: how cells became features; empty if all are columns of plain numbers.
        notes: what was decided while it was read.
    """

    title: str
    name: str
    all_names: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    labels: NDArray[np.bool_] | None
    where: Callable[[int], str]
    encodings: tuple[Encoding, ...] = ()
    notes: tuple[str, ...] = ()


def read_source(data: Any, title: str, label: str | None, drop: Sequence[str], copies: float = JOINING) -> Source:
    """Read a table; `title` names rows in memory, with "array" instead of "data frame" if they have no column names.

    Args:
        data: a path, an OpenML table, or rows that `contract.named_rows` accepts; unnamed columns become c1, c2, ...
        title: a name for messages.
        label: the label column, which this table need not have.
        drop: columns to leave out.
        copies: how many copies of a file's rows have to fit in memory; see `edge.tables.read.read_table`.

    Raises:
        BadInput: the table cannot be read, has no rows or no features, or a column is not numeric.
        DoesNotFit: the rows of a file do not fit in memory.
    """
    if isinstance(data, OpenMLTable):
        source = _read_memory(data.frame, (data.name, data.name), label, drop, drop_hint)
    elif isinstance(data, (str, os.PathLike)):
        source = _read_file(Path(data), label, drop, copies)
    else:
        source = _read_memory(data, (title, "frame"), label, drop, _drop_argument)
    check_features(source.title, source.names)
    if not len(source.values):
        raise BadInput(f"{source.title} has columns and no rows.", "Name a table with rows.")
    return source


def is_numeric(column: "pd.Series") -> bool:
    """Whether a column holds only real numbers, booleans or missing values, and no dates, durations or text."""
    try:
        named_rows.as_numbers(column)
    except named_rows.Refused:
        return False
    return True


def _drop_argument(*columns: str) -> str:
    shown = ", ".join(map(repr, columns[:MOST_NAMED])) + ", ..." * (len(columns) > MOST_NAMED)
    return f"Leave {'it' if len(columns) == 1 else 'them'} out: drop=[{shown}]"


def _read_file(path: Path, label: str | None, drop: Sequence[str], copies: float) -> Source:
    all_names = header(path)
    names = feature_names(str(path), all_names, label, drop)
    label = label if label in all_names else None
    with text_in_words(path, names, label):
        table = read_table(path, names, label, copies)

    def where(row: int) -> str:
        return row_location(path, int(table.places[row]))

    return Source(str(path), path.stem, all_names, names, table.values, table.labels, where)


@contextlib.contextmanager
def text_in_words(path: Path, names: Sequence[str], label: str | None) -> Iterator[None]:
    """While a file's numbers are read, replace an error about text by one that names all columns with text.

    Args:
        path: the file.
        names: the names of its feature columns.
        label: the name of its label column, or None.
    """
    try:
        with text_labels_in_words(path, names, label):
            yield
    except NotANumber as error:
        raise text_columns(error, names, read_chunks(path, (), names)) from None
    except NoNumbers as error:
        raise BadInput(error.message, drop_hint(*error.columns)) from None


def check_features(title: str, names: Sequence[str]) -> None:
    """Raise BadInput if no feature column is left."""
    if not names:
        raise BadInput(f"{title} has no feature columns left after --label and --drop.", "Drop fewer columns.")


def feature_names(title: str, all_names: Sequence[str], label: str | None, drop: Sequence[str]) -> tuple[str, ...]:
    """The columns that are neither label nor dropped; raise BadInput if a model cannot have so many."""
    left_out = {label, *drop}
    names = tuple(name for name in all_names if name not in left_out)
    check_number(title, len(names))
    return names


def check_number(title: str, features: int) -> None:
    """Raise BadInput if a model cannot have so many features."""
    if features > spec.MAX_FEATURES:
        raise BadInput(
            f"{title} has {features:,} feature columns; a model takes at most {spec.MAX_FEATURES:,}.",
            "Leave some out with --drop.",
        )


def _read_memory(
    rows: Any, called: tuple[str, str], label: str | None, drop: Sequence[str], hint: Callable[..., str]
) -> Source:
    """Read rows in memory; `called` is their title and their name, `hint` says how to leave a column out."""
    title, word = called
    table, names = None, tuple[str, ...]()
    try:
        table = named_rows.columns(rows)
        if table is None:
            title = title.replace("data frame", "array")
            table = _with_names(named_rows.matrix(rows), title)
        check_names(title, table.names)
        names = feature_names(title, table.names, label, drop)
        values = np.ascontiguousarray(table.select(names), np.float64)
        found = None if label is None or label not in table.names else table.select([label])[:, 0].astype(np.float64)
    except named_rows.Refused as refused:
        message = f"{title}: {refused.message[0].lower()}{refused.message[1:]}"
        if table is None or refused.column is None:
            raise BadInput(message, refused.hint) from None
        if refused.column == label:
            raise BadInput(message, _LABEL_HINT) from None
        others = [name for name in names if not _is_readable(table, name)]
        if len(others) > 1:
            message += f" {len(others):,} columns hold no numbers: {quoted(others, '.')}"
        raise BadInput(message, hint(*others)) from None

    def where(row: int) -> str:
        return f"{title}, row {row}"

    labels = None if label is None or found is None else as_labels(found, label, where)
    return Source(title, word, table.names, names, values, labels, where)


def _is_readable(table: named_rows.Columns, name: str) -> bool:
    try:
        table.select([name])
    except named_rows.Refused:
        return False
    return True


def _with_names(values: NDArray[Any], title: str) -> named_rows.Columns:
    """The columns of an array, with the names c1, c2, ..."""
    if len(values) == 1:
        raise BadInput(
            f"{title} is one row of {values.shape[1]:,} values; expected a table, [rows, columns].",
            "A table of one column is array.reshape(-1, 1), or series.to_frame().",
        )
    table = named_rows.columns({f"c{i + 1}": column for i, column in enumerate(values.T)})
    assert table is not None  # it has names
    return table
