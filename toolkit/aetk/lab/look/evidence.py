"""Finds columns that give the label away, and rows that are the sums of the others."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aetk.edge.tables.chunk import listed, show_name
from aetk.lab.look.columns import Studied
from aetk.lab.look.report import Column

_FEW = 10
"""Different values of a column that may give the label away; more are measurements."""
_FEWEST_ANOMALIES = 2


def giveaways(studied: Sequence[Studied], columns: Sequence[Column], labels: NDArray[np.bool_]) -> dict[str, str]:
    """Features that give the label away, by name, with how they do, in words.

    Args:
        studied: all columns with their numbers or codes.
        columns: what becomes of them, in the same order.
        labels: bool [rows], True for an anomaly.
    """
    found = {}
    if labels.sum() < _FEWEST_ANOMALIES or labels.all():
        return {}
    for one, column in zip(studied, columns, strict=True):
        if column.use not in ("feature", "undecided") or column.kind == "time":
            continue
        values = one.values
        if len(np.unique(values[~np.isnan(values)])) > _FEW and column.kind == "number":
            continue
        coded = np.where(np.isnan(values), -1.0, values)
        ordinary, anomalies = coded[~labels], coded[labels]
        if (ordinary == ordinary[0]).all():
            other = int((anomalies != ordinary[0]).sum())
            if other >= max(_FEWEST_ANOMALIES, 0.05 * len(anomalies)):
                found[column.name] = (
                    f"the same in all ordinary rows, and another in {other:,} of {len(anomalies):,} anomalies"
                )
        elif len(anomalies) >= 10 and not np.isin(anomalies, ordinary).any() and len(ordinary) >= 10:
            found[column.name] = "no value occurs in ordinary rows and in anomalies alike"
    return found


def giveaway_warning(found: dict[str, str]) -> str:
    """The warning about columns that give the label away."""
    names = list(found)
    drop = " ".join(f"--drop {_shell(name)}" for name in names)
    if len(names) == 1:
        return f"Column '{show_name(names[0])}' may give the label away: it is {found[names[0]]}. If so: {drop}"
    shown = listed([f"'{show_name(name)}' ({why})" for name, why in found.items()])
    return f"{len(names)} columns may give the label away: {shown}. If so: {drop}"


def _shell(name: str) -> str:
    import shlex

    return shlex.quote(name)


def is_sum(values: NDArray[np.float64]) -> bool:
    """Whether the last row, of float64 [rows, columns], is the sum of all others in every column that varies."""
    if len(values) < 6 or not values.shape[1]:
        return False
    above, last = values[:-1], values[-1]
    known = np.isfinite(above).any(axis=0)
    above, last = above[:, known], last[known]
    if not known.any():
        return False
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.nansum(above, axis=0)
        counted = np.isfinite(last) & (np.nanmax(np.abs(above), axis=0, initial=0) > 0) & np.isfinite(sums)
        scale = np.maximum(np.nansum(np.abs(above), axis=0), 1e-30)
        equal = np.abs(sums - last) <= 1e-6 * scale + 0.006 * (last != np.round(last))
    above = np.where(np.isinf(above), np.nan, above)
    varied = counted & (np.nanmax(above, axis=0) > np.nanmin(above, axis=0))
    beyond = np.abs(last) > np.nanmax(np.abs(above), axis=0)
    return bool(varied.sum() >= 1 and equal[varied].all() and beyond[varied].all())
