"""Reads labels: 0 for an ordinary row, 1 for an anomaly; other values are refused, since their meaning is unknown."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract.dialect import escape_for_message
from aetk.contract.reading import Labels, TableFormat, is_missing, strip
from aetk.edge.tables.chunk import AS_NUMBERS, TRUTHS, NoNumbers, NotANumber, listed, show_name

_EXPECTED = "expected 0 (ordinary) or 1 (anomaly)"
_WRITE = "Write 0 for ordinary rows and 1 for anomalies into it, or name another column with --label."
_MOST_DIFFERENT = 1000


def as_labels(
    values: NDArray[np.float64], column: str, where: Callable[[int], str], *, whole: bool = True
) -> NDArray[np.bool_]:
    """Convert labels to booleans, True for 1.

    Args:
        values: float64 [rows], as read; NaN for a missing value.
        column: the label column's name.
        where: gives the name of a row for a message.
        whole: whether these are all rows of the table, so that the message can list what the column holds.

    Raises:
        BadInput: a value is neither 0 nor 1; the message says where the first one is and what the column holds.
    """
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if not len(wrong):
        return np.equal(values, 1)
    row = int(wrong[0])
    found = f"{where(row)}, label column '{show_name(column)}': found {_shown(values[row])}, {_EXPECTED}."
    distinct, counts = np.unique(values, return_counts=True)
    if whole:
        found += f" {_holds({_shown(value): int(n) for value, n in zip(distinct, counts, strict=True)}, len(distinct))}"
    raise BadInput(found, _hint(distinct))


def text_flags(cells: Any, labels: Labels, table: TableFormat, where: Callable[[int], str]) -> NDArray[np.bool_]:
    """Convert the cells of a label column to booleans, as a card's labels say.

    Args:
        cells: a tuple of strings or a pyarrow array of strings.
        labels: what the cells mean.
        table: the format, which names the missing markers.
        where: gives the name of a row for a message.

    Raises:
        BadInput: a cell is missing.
    """
    found = list(cells) if isinstance(cells, tuple) else cells.to_pylist()
    known: dict[str, bool | None] = {}
    for cell in set(found):
        word = strip(cell)
        known[cell] = None if is_missing(word, table.missing) else labels.is_anomaly(_spelled(word, labels))
    flags = [known[cell] for cell in found]
    if None in flags:
        row = flags.index(None)
        shown = f"'{escape_for_message(found[row])}'" if found[row] else "nothing"
        raise BadInput(
            f"{where(row)}, label column '{show_name(labels.column)}': found {shown}, expected a label.",
            "Label every row, or leave out the rows without a label.",
        )
    return np.array(flags, np.bool_)


def _spelled(word: str, labels: Labels) -> str:
    """True and false as the labels spell them, since each kind of table has its own spelling."""
    if word.lower() not in TRUTHS:
        return word
    return next((known for known in (*labels.anomaly, *labels.ordinary) if known.lower() == word.lower()), word)


def text_labels(column: str, error: NotANumber | NoNumbers, cells: Iterable[Any]) -> BadInput:
    """Make the error for a label column that holds text, from the error of reading it as numbers.

    Args:
        column: the column's name.
        error: the error that says what was found first.
        cells: the column as text, piece by piece: tuples of strings or pyarrow arrays.
    """
    counts = Counter[str]()
    for piece in cells:
        counts.update(piece if isinstance(piece, tuple) else piece.to_pylist())
        if len(counts) > _MOST_DIFFERENT:
            break
    found = error.message.replace(", column '", ", label column '", 1).rpartition(", expected")[0]
    shown = {f"'{escape_for_message(cell)}'" if cell else "nothing": rows for cell, rows in counts.most_common()}
    hint = AS_NUMBERS if {cell.lower() for cell in counts} <= {*TRUTHS} else _WRITE
    return BadInput(f"{found}, {_EXPECTED}. {_holds(shown, len(counts))}", hint)


def _shown(value: float) -> str:
    return "nothing" if np.isnan(value) else f"{value:g}"


def _holds(counts: Mapping[str, int], different: int) -> str:
    if different > _MOST_DIFFERENT:
        return f"It holds more than {_MOST_DIFFERENT:,} different values, too many for a label."
    return f"It holds {listed([f'{shown} ({_rows(n)})' for shown, n in counts.items()], '.')}"


def _rows(n: int) -> str:
    return f"{n:,} row{'s' * (n != 1)}"


def _hint(distinct: NDArray[np.float64]) -> str:
    if -1 in distinct:
        return f"{_WRITE} -1 is taken for neither: to some tools it means the anomaly, to others the ordinary row."
    if np.isin(distinct[~np.isnan(distinct)], (0, 1)).all():
        return "Label every row with 0 or 1, or leave out the rows without a label."
    return _WRITE
