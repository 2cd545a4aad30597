"""Makes a table of the cells of a spreadsheet, whose header, units and totals are found as in a text file."""

from pathlib import Path
from typing import Any

import numpy as np

from aetk.base.errors import BadInput
from aetk.lab.look.layout import layout_of_rows
from aetk.lab.look.report import Wishes
from aetk.lab.look.sample import Cells

Found = tuple[tuple[str, ...], list[Cells], tuple[str, ...]]


def of_sheet(path: Path, rows: list[list[Any]], wishes: Wishes) -> Found:
    """The names, the columns and what was decided, of the rows of a sheet with cells of any type."""
    from aetk.lab.look.typed import _text

    texts = [[_text(cell) or "" for cell in row] for row in rows]
    kept = [i for i, row in enumerate(texts) if any(row)]
    rows, texts = [rows[i] for i in kept], [texts[i] for i in kept]
    skip, has_header, units, foot, notes = layout_of_rows(texts, wishes)
    if not texts[skip:]:
        raise BadInput(f"{path} holds no rows.", "Name a table with rows.")
    width = len(texts[skip])
    names = texts[skip] if has_header else [f"c{i + 1}" for i in range(width)]
    start = skip + has_header * (1 + units)
    end = len(rows) - foot
    columns = list[Cells]()
    for i in range(width):
        cells = [row[i] if i < len(row) else "" for row in rows[start:end]]
        numbers = [_number(cell) for cell in cells]
        if all(number is not None for number in numbers):
            columns.append(np.array(numbers, np.float64))
        else:
            columns.append([_text(cell) or "" for cell in cells])
    while (
        names
        and not names[-1]
        and not any(isinstance(c, list) and any(c) for c in columns[-1:])
        and _is_empty(columns[-1])
    ):
        names.pop()
        columns.pop()
    return tuple(names), columns, tuple(notes)


def _is_empty(cells: Cells) -> bool:
    return bool(np.isnan(cells).all()) if isinstance(cells, np.ndarray) else not any(cells)


def _number(cell: Any) -> float | None:
    if isinstance(cell, (bool, int, float)):
        return float(cell)
    return float("nan") if cell is None or cell == "" else None
