"""Counts missing and infinite values, and asks what to do about them."""

from collections.abc import Sequence

import numpy as np

from aetk.contract import spec
from aetk.edge.tables.chunk import listed, show_name
from aetk.lab.look.columns import Studied
from aetk.lab.look.report import Column, Decision, Option, Wishes
from aetk.lab.look.sample import Sample


def missing_decision(
    sample: Sample, studied: Sequence[Studied], columns: Sequence[Column], wishes: Wishes
) -> Decision | None:
    """The question what to do about missing values; None if there are none, or if the policy says it."""
    if wishes.missing == "median":
        return None
    bad = {
        column.name: ~(np.abs(one.values) <= spec.FINITE_LIMIT)
        for one, column in zip(studied, columns, strict=True)
        if column.use == "feature" and column.kind != "category"
    }
    bad = {name: cells for name, cells in bad.items() if cells.any()}
    if not bad or not sample.rows:
        return None
    together = np.stack(list(bad.values()), axis=1)
    rows = together.any(axis=1)
    row = int(np.flatnonzero(rows)[0])
    first = list(bad)[int(np.flatnonzero(together[row])[0])]
    found = {column.name: column for column in columns}
    shown = [f"'{show_name(name)}' {_words(found[name], int(cells.sum()))}" for name, cells in bad.items()]
    many = "" if sample.is_whole else " among the rows looked at"
    question = (
        f"{sample.title}: {int(together.sum())} missing or infinite values in {int(rows.sum())} rows{many}, the first "
        f"in {sample.where(row)}, column '{show_name(first)}'. By column: {listed(shown, '.')}"
    )
    mostly = [name for name, cells in bad.items() if 2 * cells.sum() > len(cells)]
    if mostly:
        question += f" Missing in more than half of the rows: {listed([repr(show_name(name)) for name in mostly], '.')}"
    drop = tuple(word for name in mostly for word in ("--drop", name))
    rest = len(bad) > len(mostly)
    first_way = Option(
        (*drop, *(("--missing", "median") if rest else ())),
        "leave out what is mostly missing" if drop and not rest else "medians take the place of missing values",
    )
    ways = [first_way]
    if rest:
        ways.append(
            Option(
                tuple(word for name in bad for word in ("--drop", name)), "leave the columns with missing values out"
            )
        )
    return Decision(question, tuple(ways))


def _words(column: Column, rows: int) -> str:
    cells = [f"'{cell}'" for cell, _ in column.missing if cell]
    return f"({rows:,}{': ' + ', '.join(cells[:4]) if cells else ''})"
