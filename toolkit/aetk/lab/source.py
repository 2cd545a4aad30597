"""Reads features and labels from a file, a data frame or a data set of OpenML."""

import decimal
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.errors import BadInput
from aetk.edge.chunk import NoNumbers, NotANumber, check_names, place
from aetk.edge.labels import as_labels
from aetk.edge.tables import header, read_chunks, read_table
from aetk.lab.openml import OpenMLTable
from aetk.lab.text import drop_hint, text_columns

_LABEL_HINT = "A label is 0 (ordinary) or 1 (anomaly)."


@dataclass(frozen=True)
class Source:
    """One table as read.

    Attributes:
        title: the file's path, or what else to call it in a message.
        name: a word for file names.
        all_names: every column, label and identifiers included.
        names: the feature columns.
        values: float64 [rows, features]; NaN where missing.
        labels: bool [rows], True for an anomaly, or None.
        where: names a row in a message.
    """

    title: str
    name: str
    all_names: tuple[str, ...]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    labels: NDArray[np.bool_] | None
    where: Callable[[int], str]


def read_source(
    data: str | Path | pd.DataFrame | OpenMLTable, title: str, label: str | None, drop: Sequence[str]
) -> Source:
    """Read a table; `title` names a data frame.

    Raises:
        BadInput: a table that cannot be read, holds no rows or no features, or a column that is not numeric.
    """
    if isinstance(data, pd.DataFrame):
        source = _read_frame(data, (title, "frame"), label, drop, _drop_argument)
    elif isinstance(data, OpenMLTable):
        source = _read_frame(data.frame, (data.name, data.name), label, drop, drop_hint)
    else:
        source = _read_file(Path(data), label, drop)
    if not source.names:
        raise BadInput(f"{source.title} has no feature columns left after --label and --drop.", "Drop fewer columns.")
    if not len(source.values):
        raise BadInput(f"{source.title} has columns and no rows.", "Name a table with rows.")
    return source


def is_numeric(column: pd.Series) -> bool:
    """Whether a column holds real numbers, booleans or nothing; dates, durations and text are none."""
    types = pd.api.types
    if types.is_bool_dtype(column) or types.is_integer_dtype(column) or types.is_float_dtype(column):
        return True
    real = (numbers.Real, decimal.Decimal)
    return types.is_object_dtype(column) and all(item is None or isinstance(item, real) for item in column)


def _drop_argument(column: str) -> str:
    return f"Leave it out: drop=['{column}']"


def _read_file(path: Path, label: str | None, drop: Sequence[str]) -> Source:
    all_names = header(path)
    names = feature_names(str(path), all_names, label, drop)
    try:
        table = read_table(path, names, label if label in all_names else None)
    except NotANumber as error:
        raise text_columns(error, names, read_chunks(path, (), names)) from None
    except NoNumbers as error:
        raise BadInput(error.message, drop_hint(*error.columns)) from None

    def where(row: int) -> str:
        return place(path, int(table.places[row]))

    return Source(str(path), path.stem, all_names, names, table.values, table.labels, where)


def feature_names(title: str, all_names: Sequence[str], label: str | None, drop: Sequence[str]) -> tuple[str, ...]:
    """The columns that are neither label nor dropped; BadInput where they are more than a model takes."""
    left_out = {label, *drop}
    names = tuple(name for name in all_names if name not in left_out)
    if len(names) > spec.MAX_FEATURES:
        raise BadInput(
            f"{title} has {len(names):,} feature columns; a model takes at most {spec.MAX_FEATURES:,}.",
            "Leave some out with --drop.",
        )
    return names


def _read_frame(
    frame: pd.DataFrame,
    called: tuple[str, str],
    label: str | None,
    drop: Sequence[str],
    hint: Callable[[str], str],
) -> Source:
    """Read a frame; `called` is its title and name, `hint` says how to leave a column out."""
    title, word = called
    all_names = tuple(map(str, frame.columns))
    check_names(title, all_names)
    frame = frame.set_axis(list(all_names), axis=1)
    names = feature_names(title, all_names, label, drop)

    def where(row: int) -> str:
        return f"{title}, row {row}"

    def numbers_of(column: str) -> NDArray[np.float64]:
        if not is_numeric(frame[column]):
            raise BadInput(
                f"{title}: column '{column}' is not numeric.", _LABEL_HINT if column == label else hint(column)
            )
        return frame[column].to_numpy(np.float64, na_value=np.nan)

    values = np.column_stack([numbers_of(name) for name in names]) if names else np.empty((len(frame), 0))
    labels = None if label is None or label not in all_names else as_labels(numbers_of(label), label, where)
    return Source(title, word, all_names, names, values, labels, where)
