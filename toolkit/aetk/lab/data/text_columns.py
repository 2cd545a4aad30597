"""Reports all columns of a table that hold text instead of numbers in one error, which also says what to do."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from aetk.base.errors import BadInput
from aetk.contract.dialect import parse_cell, parse_plain
from aetk.edge.tables.chunk import AS_NUMBERS, MOST_NAMED, TRUTHS, Chunk, NotANumber, listed, show_name

_CELLS = 2**22
"""The search for text ends after about this many cells from the start of the table."""


def drop_hint(*columns: str) -> str:
    """A hint that says how to leave out columns that are not features."""
    return f"Leave the column{'s' * (len(columns) > 1)} out with: {drop_options(columns)}"


def quoted(names: Sequence[str], end: str = "") -> str:
    """The names of columns in quotes for a message; see `listed`."""
    return listed([f"'{show_name(name)}'" for name in names], end)


def drop_options(names: Sequence[str]) -> str:
    """The options that leave columns out, for the first `MOST_NAMED` of them."""
    shown = " ".join(f"--drop {shlex.quote(name)}" for name in names[:MOST_NAMED])
    return shown + " ..." * (len(names) > MOST_NAMED)


def text_columns(error: NotANumber, names: Sequence[str], chunks: Iterable[Chunk]) -> BadInput:
    """The error for a CSV file that has columns with text.

    Args:
        error: the first cell that is not a number.
        names: the names of the columns to read.
        chunks: the table, with these columns as text.
    """
    found = {error.column: error.cell.lower() in TRUTHS}
    try:
        left = _CELLS
        for chunk in chunks:
            for name, cells in zip(names, chunk.texts, strict=True):
                _look_through(name, cells, found)
            left -= len(names) * len(chunk.places)
            if left < 0:
                break
    except BadInput:
        pass  # the rows below are damaged, but the rows above can be reported
    truths = [name for name in names if found.get(name) is True]
    texts = [name for name in names if found.get(name) is False]
    message, hints = error.message, list[str]()
    if len(found) > 1:
        message += f" {len(found):,} columns hold such text: {quoted([n for n in names if n in found], '.')}"
    if truths:
        hints.append(AS_NUMBERS if len(found) == 1 else f"{AS_NUMBERS[:-1]}: {quoted(truths, '.')}")
    if texts:
        hints.append(drop_hint(*texts))
    return BadInput(message, " ".join(hints))


def _look_through(name: str, column: Any, found: dict[str, bool]) -> None:
    """Note in `found` whether a column's text (see `Chunk`) is only true and false; note nothing for numbers."""
    cells = list(column) if isinstance(column, tuple) else column.to_pylist()
    if found.get(name) is False or parse_plain(cells) is not None:
        return
    text = [cell for cell in cells if not _is_number(cell)]
    if text:
        found[name] = found.get(name, True) and all(cell.lower() in TRUTHS for cell in text)


def _is_number(cell: str) -> bool:
    try:
        parse_cell(cell)
    except ValueError:
        return False
    return True
