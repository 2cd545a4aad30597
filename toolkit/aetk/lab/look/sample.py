"""The rows of a table that are looked at, as columns: text cells, or numbers where the table has types."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract import spec
from aetk.contract.reading import DEFAULT, TableFormat, strip
from aetk.edge.tables.chunk import no_rows, row_location
from aetk.lab.look.container import Container
from aetk.lab.look.layout import find_layout
from aetk.lab.look.pieces import Pieces, read_pieces
from aetk.lab.look.report import Decision, Wishes
from aetk.lab.look.rows import Row, split_rows

Cells = list[str] | NDArray[np.float64]
"""One column: text, where an empty one is missing, or float64 [rows], where NaN is missing."""


@dataclass(frozen=True)
class Sample:
    """Rows of a table.

    Attributes:
        title: the file, or another name for messages.
        container: what holds the table.
        names: the names of the columns as they are in the table; empty where there is none.
        columns: the cells of each column; without blanks around them.
        padded: for each column, whether cells had blanks around them.
        places: the number of the line or row of each of the first rows, which follow each other.
        is_whole: whether these are all rows.
        table: the format, but for decimal signs, markers and labels.
        found_by: how the encoding was found, for the user.
        notes: what was decided so far, in words.
        is_uneven: whether rows have a cell more or less than there are names, or the last name is empty.
        free_comment: a text that no line begins with, to stand for comments.
        path: the file; None for rows in memory.
        questions: what a person has to decide about the layout.
    """

    title: str
    container: Container
    names: tuple[str, ...]
    columns: list[Cells]
    padded: tuple[bool, ...]
    places: list[int]
    is_whole: bool
    table: TableFormat = DEFAULT
    found_by: str = ""
    notes: tuple[str, ...] = ()
    is_uneven: bool = False
    free_comment: str = "#"
    path: Path | None = None
    questions: tuple[Decision, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows these are."""
        return len(self.columns[0]) if self.columns else 0

    def where(self, row: int) -> str:
        """The name of a row for a message."""
        number = self.places[row] if row < len(self.places) else 0
        if self.path is None or self.container.kind not in ("text", "parquet", "json lines"):
            return f"{self.title}, row {row + 1 if self.path else row}"
        return row_location(self.path, number) if number else f"{self.title}"


def sample_text(path: Path, container: Container, wishes: Wishes) -> Sample:
    """The rows of a text file that are looked at."""
    pieces = read_pieces(path, container.compression)
    title = str(path)
    table, notes, questions = find_layout(pieces, wishes, title)
    rows = list(split_rows(pieces.head, table, title, is_strict=pieces.is_whole, is_raw=True))
    names, rows = _names_of(rows, table, title)
    if pieces.is_whole and table.skip_footer:
        rows = rows[: -table.skip_footer]
    width = len(names)
    features = width - len({*names} & {wishes.label, *wishes.drop})
    if features > spec.MAX_FEATURES:
        found = f"{title} has {features:,} feature columns; a model takes at most {spec.MAX_FEATURES:,}."
        raise BadInput(found, "Leave some out with --drop.")
    if not rows and pieces.is_whole:
        raise no_rows(path)
    is_uneven = False
    for number, cells in rows:
        if len(cells) == width + 1 and not cells[-1].strip():
            cells.pop()
            is_uneven = True
        if len(cells) != width:
            if not pieces.is_whole and number == rows[-1][0]:
                break
            raise _uneven(path, number, len(cells), width, table)
    rows = [row for row in rows if len(row[1]) == width]
    places = [number for number, _ in rows]
    body = [cells for _, cells in rows]
    beyond = _without_header(table)
    for piece in pieces.middle:
        body += [
            cells[:width]
            for _, cells in split_rows(piece, beyond, title, is_strict=False, is_raw=True)
            if _is_row(cells, width)
        ]
    tail = [
        cells[:width]
        for _, cells in split_rows(pieces.tail, beyond, title, is_strict=False, is_raw=True)
        if _is_row(cells, width)
    ]
    body += tail[: len(tail) - table.skip_footer] if pieces.tail else []
    raw = [list(column) for column in zip(*body, strict=True)] if body else [[] for _ in names]
    columns: list[Cells] = [[strip(cell) for cell in column] for column in raw]
    return Sample(
        title=title,
        container=container,
        names=names,
        columns=columns,
        padded=tuple(a != b for a, b in zip(raw, columns, strict=True)),
        places=places,
        is_whole=pieces.is_whole,
        table=table,
        found_by=pieces.found_by,
        notes=tuple(notes),
        is_uneven=is_uneven,
        free_comment=_unused(pieces),
        path=path,
        questions=tuple(questions),
    )


def _names_of(rows: list[Row], table: TableFormat, title: str) -> tuple[tuple[str, ...], list[Row]]:
    """The names, as they are in the file, and the rows below them."""
    if not rows:
        raise BadInput(
            f"{title} is empty; expected a header line with column names.",
            "Write the column names into its first line.",
        )
    if isinstance(table.header, str):
        at = next(i for i, (_, cells) in enumerate(rows) if cells[0].strip() == table.header)
        return tuple(rows[at][1][1:]), rows[at + 1 :]
    if not table.header:
        return tuple(f"c{i + 1}" for i in range(len(rows[0][1]))), rows
    names = rows[0][1]
    if len(names) > 1 and not names[-1].strip():
        names = names[:-1]
    return tuple(names), rows[1 + table.units_rows :]


def _without_header(table: TableFormat) -> TableFormat:
    return replace(table, skip_rows=0)


def _is_row(cells: list[str], width: int) -> bool:
    return len(cells) == width or (len(cells) == width + 1 and not cells[-1].strip())


def _uneven(path: Path, number: int, found: int, width: int, table: TableFormat) -> BadInput:
    expected = "as in the header" if table.header else "as in the first row"
    return BadInput(
        f"{path}, line {number}: found {found} cells, expected {width} {expected}.",
        "A cell that holds a comma, a quote or a line end is written in quotes, and a quote in it twice.",
    )


def _unused(pieces: Pieces) -> str:
    """A text that no line begins with, to stand for comments."""
    lines = [*pieces.head, *(line for piece in pieces.middle for line in piece), *pieces.tail]
    return next(
        text for text in ("#", "%", "//", "#!", "#! no comment") if not any(line.startswith(text) for line in lines)
    )
