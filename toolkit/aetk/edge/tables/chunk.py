"""The common parts of all table readers: chunks of rows, the names of places in messages, checks of column names."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract.dialect import escape_for_message

_COMPARED, _COMPARED_LENGTH = 2**14, 200
MOST_NAMED = 12
"""The number of names that a message lists at most; ", ..." stands for the others."""

PARQUET = (".parquet", ".pq")

_NUMBERS = "Numbers look like 12, -3.5 or 1e-3; empty, NA, NaN and null are missing values."

FloatType = type[np.float32] | type[np.float64]


TRUTHS = ("true", "false")
AS_NUMBERS = "Write True as 1 and False as 0, or save the table as Parquet, whose true/false columns are numbers."


class NotANumber(BadInput):
    """A cell of a numeric column that is not a number of the dialect, or not what its feature takes."""

    def __init__(self, where: str, column: str, cell: str, hint: str = _NUMBERS, expected: str = "a number") -> None:
        super().__init__(
            f"{where}, column '{show_name(column)}': found '{escape_for_message(cell)}', expected {expected}.", hint
        )
        self.where, self.column, self.cell = where, column, cell


class NoNumbers(BadInput):
    """Columns whose types are not numeric; `columns` names all of them, `column` the first.

    Args:
        title: the table's name.
        column, kind: the first such column, and its type.
        others: the types of the other such columns, by name.
    """

    def __init__(self, title: str, column: str, kind: str, others: Mapping[str, str] | None = None) -> None:
        kinds = {column: kind} | dict(others or {})
        message = f"{title}, column '{show_name(column)}': found the type {escape_for_message(kind)}, expected numbers."
        if len(kinds) > 1:
            shown = listed([f"'{show_name(name)}' ({escape_for_message(kind)})" for name, kind in kinds.items()], ".")
            message += f" {len(kinds):,} columns hold no numbers: {shown}"
        it = "them" if len(kinds) > 1 else "it"
        super().__init__(message, f"Cast {it} to double before, or leave {it} out.")
        self.column, self.columns = column, tuple(kinds)


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a table.

    Attributes:
        values: float32 or float64 [rows, numeric columns], row-major; NaN for a missing value. A float32 value is the
            float64 value rounded once more, infinite beyond the range of float32.
        texts: the cells of each text column: a tuple of strings, or a pyarrow array of strings without nulls if
            pyarrow read them.
        places: int64 [rows], the line number of each row, or its row number in Parquet, counted from 1.
        share: the share of the table that has been read after this chunk, from 0 to 1; None if its size is unknown.
    """

    values: NDArray[Any]
    texts: tuple[Any, ...]
    places: NDArray[np.int64]
    share: float | None


def is_parquet(path: PurePath) -> bool:
    """Whether a file's name has the ending of a Parquet file."""
    return path.suffix.lower() in PARQUET


def row_location(path: Path, number: int) -> str:
    """The name of a table's row in messages."""
    return f"{path}, {'row' if is_parquet(path) or path.is_dir() else 'line'} {number}"


def check_unchanged(path: Path, before: os.stat_result, now: os.stat_result) -> None:
    """Raise BadInput if a file was changed while it was read: its last row may be incomplete."""
    changed = (before.st_size, before.st_mtime_ns) != (now.st_size, now.st_mtime_ns)
    if changed and stat.S_ISREG(before.st_mode):
        raise BadInput(f"{path} was changed while it was read.", "Wait until it is written, or read a copy.")


def check_names(source: str, names: Sequence[str]) -> None:
    """Raise BadInput if a column has no name, or the same name as another."""
    seen = set[str]()
    for position, name in enumerate(names, 1):
        if not name:
            raise BadInput(f"{source}: column {position} has no name.", "Give every column a name of its own.")
        if name in seen:
            raise BadInput(f"{source}: two columns are called '{show_name(name)}'.", "Rename or remove one of them.")
        seen.add(name)


def show_name(name: str) -> str:
    """A column's name for a message: longer than other values, so that the user can find the column."""
    return escape_for_message(name, 200)


def no_rows(path: Path) -> BadInput:
    """The error for an empty table."""
    holds = "no rows" if path.is_dir() or is_parquet(path) else "a header and no rows"
    return BadInput(f"{path} has {holds}.", "Name a table with rows.")


def check_header(path: Path, names: Sequence[str]) -> None:
    """Raise BadInput if a file has no columns, or names that `check_names` refuses."""
    if not names and is_parquet(path):
        raise BadInput(f"{path} has no columns; expected one for each feature.", "Write it again with its columns.")
    if not names:
        found = f"{path} is empty; expected a header line with column names."
        raise BadInput(found, "Write the column names into its first line.")
    check_names(str(path), names)


def column_indices(source: Path | str, names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """The positions of the wanted columns; raise BadInput, naming the first missing one, if any is missing."""
    position = {name: i for i, name in reversed(list(enumerate(names)))}  # the first of several counts
    for name in wanted:
        if name not in position:
            raise BadInput(f"{source} has no column '{show_name(name)}'.", _closest(name, names))
    return [position[name] for name in wanted]


def _closest(name: str, names: Sequence[str]) -> str:
    """The hint for a missing column; a search of very many or very long names is limited, as it would take minutes."""
    near = [other for other in names[:_COMPARED] if len(other) <= _COMPARED_LENGTH]
    close = get_close_matches(name, near, 1) if len(name) <= _COMPARED_LENGTH else []
    if close:
        return f"Did you mean '{show_name(close[0])}'?"
    return it_has(names)


def it_has(names: Sequence[str]) -> str:
    """The hint that lists a table's columns."""
    return f"It has: {listed([*map(show_name, names[: MOST_NAMED + 1])])}"


def listed(words: Sequence[str], end: str = "") -> str:
    """Join the first words for a message; if there are more, ", ..." takes the place of `end`."""
    return ", ".join(words[:MOST_NAMED]) + (", ..." if len(words) > MOST_NAMED else end)


def as_dtype(values: NDArray[np.float64], dtype: FloatType) -> NDArray[Any]:
    """Round values to a dtype; a value beyond float32 becomes infinite, which every model can judge."""
    with np.errstate(over="ignore"):
        return values.astype(dtype, copy=False)
