"""Writes the warnings about a model: about its columns, its labels and its threshold."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.reading import Encoding
from aetk.contract.threshold import Alarms
from aetk.edge.tables.chunk import listed, show_name
from aetk.lab.data.moments import is_constant
from aetk.lab.data.redundancy import Redundancy
from aetk.lab.data.text_columns import drop_options, quoted

MOST_ALARMS = 100
"""More alarms per 1,000 ordinary rows than this lead to a warning."""
_FEWEST_ROWS = 10
"""In fewer rows, columns can be equal by chance."""
_SWAP = "write the column anew with 0 and 1 swapped"


def column_warnings(
    names: Sequence[str], rows: NDArray[np.float64], redundancy: Redundancy, encodings: Sequence[Encoding] = ()
) -> tuple[str, ...]:
    """Warnings about columns, one for each kind of problem, however many columns it names.

    Args:
        names: the names of the n columns.
        rows: float64 [rows, n], ordinary rows.
        redundancy: found in the whole table, anomalies included: a column that differs only there is not a copy.
        encodings: how cells became the columns; empty if all are plain numbers. A category is never a row number, and
            is a copy of another category only.
    """
    if len(rows) < _FEWEST_ROWS:
        return ()
    levels = [encoding.levels for encoding in encodings] or [()] * len(names)
    constant, rounded = dict[int, str](), list[str]()
    for position, name in enumerate(names):
        column = rows[:, position]
        column = column[np.abs(column) <= spec.FINITE_LIMIT]
        if not len(column):
            continue
        if is_constant(column):
            constant[position] = _shown(float(column[0]), levels[position])
        elif float(np.abs(column - column.astype(np.float32)).max()) > 0.01 * float(column.std()):
            rounded.append(name)
    numbers = [i for i in np.flatnonzero(~np.isnan(redundancy.start)).tolist() if not levels[i]]
    copies = [i for i, other in enumerate(redundancy.same_as.tolist()) if other != i and i not in constant]
    copies = [i for i in copies if bool(levels[i]) == bool(levels[redundancy.same_as[i]])]
    found = [
        _constant({names[i]: value for i, value in constant.items()}),
        _row_numbers({names[i]: float(redundancy.start[i]) for i in numbers}),
        _copies({names[i]: names[redundancy.same_as[i]] for i in copies}),
        _rounded(rounded),
    ]
    return tuple(filter(None, found))


def _shown(value: float, levels: Sequence[str]) -> str:
    """The value of a constant column in words: a number, or the text of a category's level."""
    if not levels:
        return f"{value:g}"
    return f"'{show_name(levels[round(value)])}'" if round(value) < len(levels) else "no level of its own"


def _constant(values: dict[str, str]) -> str:
    if not values:
        return ""
    if len(values) == 1:
        ((name, value),) = values.items()
        return f"Column '{show_name(name)}' is constant ({value}); it is kept, and tells nothing until it changes."
    shown = [f"'{show_name(name)}' ({value})" for name, value in values.items()]
    found = f"{len(values):,} columns are constant; they are kept, and tell nothing until they change"
    return f"{found}: {listed(shown, '.')}"


def _row_numbers(starts: dict[str, float]) -> str:
    if not starts:
        return ""
    why = "from which a model learns where a row stands and not what it holds"
    if len(starts) == 1:
        ((name, start),) = starts.items()
        found = f"Column '{show_name(name)}' goes up by one with every row, from {start:.0f} on: it looks like a row"
        return f"{found} number, {why}. {_leave_out([*starts])}"
    found = f"{len(starts):,} columns go up by one with every row: they look like row numbers, {why}"
    return f"{found}: {quoted([*starts], '.')} {_leave_out([*starts])}"


def _copies(originals: dict[str, str]) -> str:
    if not originals:
        return ""
    if len(originals) == 1:
        ((name, original),) = originals.items()
        found = f"Column '{show_name(name)}' is a copy of '{show_name(original)}', whose weight it doubles."
    else:
        shown = listed([f"'{show_name(name)}' of '{show_name(other)}'" for name, other in originals.items()], ".")
        found = f"{len(originals):,} columns are copies of others, whose weight they multiply: {shown}"
    return f"{found} {_leave_out([*originals])}"


def _rounded(names: list[str]) -> str:
    if not names:
        return ""
    loss = "more than 1% of"
    if len(names) == 1:
        found = f"Column {quoted(names)} loses {loss} its spread when rounded to float32"
        return f"{found}; subtract a constant from it, or leave it out."
    found = f"{len(names):,} columns lose {loss} their spread when rounded to float32"
    return f"{found}; subtract a constant from each, or leave them out: {quoted(names, '.')}"


def _leave_out(names: list[str]) -> str:
    return f"Leave {'them' if len(names) > 1 else 'it'} out with: {drop_options(names)}"


def label_warnings(rows: int, anomalies: int) -> tuple[str, ...]:
    """Warn about labels that mark most rows as anomalies."""
    if 2 * anomalies <= rows:
        return ()
    return (
        f"Labels: {anomalies:,} of {rows:,} labelled rows ({anomalies / rows:.1%}) are anomalies, the majority: are "
        f"the labels inverted? 1 has to mean anomaly; if it means ordinary in this table, {_SWAP}.",
    )


def ranking_warnings(auroc: float | None, where: str) -> tuple[str, ...]:
    """Warn about anomalies that look more ordinary than ordinary rows; `where` says which rows were measured."""
    if auroc is None or auroc >= 0.5:
        return ()
    return (
        f"AUROC is {auroc:.4f} on {where}, below 0.5: anomalies look more ordinary than ordinary rows do. If 1 means "
        f"ordinary in this table, the labels are inverted: {_SWAP}. If not, these features do not show the anomalies.",
    )


def alarm_warnings(alarms: Alarms | None, where: str) -> tuple[str, ...]:
    """Warn about a threshold that flags many ordinary rows; `where` says which rows were measured."""
    if alarms is None or alarms.expected <= MOST_ALARMS:
        return ()
    return (
        f"Threshold: {alarms.expected:,.0f} alarms per 1,000 ordinary rows are to be expected (by {where}), more than "
        f"{MOST_ALARMS}; for fewer: aetk threshold MODEL --false-alarms RATE --data TABLE",
    )
