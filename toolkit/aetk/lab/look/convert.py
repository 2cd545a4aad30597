"""Writes a table as CSV in the default format."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aetk.base.errors import BadInput
from aetk.base.files import atomic_file
from aetk.contract.arguments import checked
from aetk.contract.reading import Encoding, TableFormat, parser
from aetk.lab.look.cells import is_missing
from aetk.lab.look.examine import examine
from aetk.lab.look.read import whole_cells
from aetk.lab.look.report import Column, Wishes
from aetk.lab.look.typed import shortest


@dataclass(frozen=True)
class ConvertReport:
    """What was written: the source, the file, the numbers of rows and columns, and what was decided, a line each."""

    source: str
    out: Path
    rows: int
    columns: int
    notes: tuple[str, ...]


@checked
def convert(
    data: str | Path,
    out: str | Path,
    *,
    no_header: bool = False,
    skip_rows: int | None = None,
    skip_footer: int | None = None,
    comment: str | None = None,
    sheet: str | None = None,
) -> ConvertReport:
    """Write a table as CSV in the default format: UTF-8, commas, a header, decimal points, empty missing cells.

    Args:
        data: a file or folder of any kind that `train` takes.
        out: the file to write.
        no_header, skip_rows, skip_footer, comment, sheet: see `train`; None to find out.

    Raises:
        BadInput: the table cannot be read, or a cell is not what the rows looked at had.
    """
    path, target = Path(data), Path(out)
    if target.suffix.lower() != ".csv":
        raise BadInput(f"{target} does not end in .csv.", "Convert writes CSV: name a file that ends so.")
    wishes = Wishes(no_header=no_header, skip_rows=skip_rows, skip_footer=skip_footer, comment=comment, sheet=sheet)
    found = examine(path, wishes)
    _, pieces, where = whole_cells(path, found, wishes)
    kept = [i for i, column in enumerate(found.columns) if column.name or column.kind != "empty"]
    header = _header([found.columns[i].name for i in kept])
    writers = [_Writer(found.columns[i], found.table, header[place]) for place, i in enumerate(kept)]
    rows = 0
    with atomic_file(target) as file:
        text = io.TextIOWrapper(file, "utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(header)
        for columns, lines, _ in pieces:
            writer.writerows(
                zip(*(one.texts(columns[i], lines, where) for i, one in zip(kept, writers, strict=True)), strict=True)
            )
            rows += len(lines)
        text.detach()  # writes what is left, and leaves the file open
    return ConvertReport(str(path), target, rows, len(header), found.notes)


def _header(names: list[str]) -> list[str]:
    """The names, each once, and one for a column without."""
    found = list[str]()
    for place, name in enumerate(names):
        wanted, number = name or f"c{place + 1}", 2
        while wanted in found:
            wanted, number = f"{name} {number}", number + 1
        found.append(wanted)
    return found


class _Writer:
    """Turns the cells of one column into cells of the default format."""

    def __init__(self, column: Column, table: TableFormat, name: str) -> None:
        self._name = name
        self._missing = {cell for cell, _ in column.missing} | {*table.missing}
        is_number = column.low is not None
        self._parse = parser(Encoding(name, notation=column.notation), table) if is_number else None
        self._is_plain = table.decimal == "." and not table.thousands and column.notation == "decimal"

    def texts(self, cells: Any, lines: Any, where: Any) -> list[str]:
        """The cells as they are written."""
        if isinstance(cells, np.ndarray):
            return [shortest(value) for value in cells.tolist()]
        return [self._text(cell, line, where) for cell, line in zip(cells, lines, strict=True)]

    def _text(self, cell: str, line: int, where: Any) -> str:
        if cell in self._missing or is_missing(cell):
            return ""
        if self._parse is None or self._is_plain:
            return cell
        try:
            return shortest(self._parse(cell))
        except ValueError:
            raise BadInput(
                f"{where(line)}, column '{self._name}': found '{cell[:40]}', expected a number.", "Correct the cell."
            ) from None
