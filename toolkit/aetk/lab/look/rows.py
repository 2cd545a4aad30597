"""Makes rows of cells from the lines of a text file, by the rules of docs/table-formats.md."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

from aetk.base.errors import BadInput
from aetk.contract.dialect import ROW_BYTES
from aetk.contract.reading import TableFormat, names, strip

Row = tuple[int, list[str]]
"""The number of the row's first line, and its cells without the blanks around them."""

_QUOTING = "A cell that holds the delimiter, a quote or a line end is written in quotes, and a quote in it twice."


class _Lines:
    """Lines of a file, without those that are left out between rows; knows on which line the current row began."""

    def __init__(self, lines: Iterable[str], table: TableFormat) -> None:
        self._lines, self._table, self._next = iter(lines), table, 1
        self.row, self._length = 1, 0
        self._is_between = True

    def begin_row(self) -> None:
        """The next line begins another row."""
        self._is_between = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self._lines)
            number, self._next = self._next, self._next + 1
            if not self._is_between:
                self._length += len(line)
                if self._length > ROW_BYTES:
                    raise csv.Error(f"the row is longer than {ROW_BYTES >> 20} MiB")
                return line
            if number <= self._table.skip_rows or not line.strip():
                continue
            comment, header = self._table.comment, self._table.header
            if comment and line.startswith(comment) and not (isinstance(header, str) and line.startswith(header)):
                continue
            self.row, self._is_between, self._length = number, False, len(line)
            return line


def split_rows(
    lines: Iterable[str], table: TableFormat, title: str, *, is_strict: bool = True, is_raw: bool = False
) -> Iterator[Row]:
    """Yield the rows of lines: header, units and footer as well, but no blank lines and no comments.

    Args:
        lines: the lines, with or without their line ends.
        table: the format.
        title: the file's name for messages.
        is_strict: whether wrong quotes are errors.
        is_raw: whether cells keep the blanks around them.

    Raises:
        BadInput: quotes are wrong.
    """
    source = _Lines(lines, table)
    second = table.second_delimiter
    for cells in _cells(source, table, title, is_strict):
        if second:
            cells = [part for cell in cells for part in cell.split(second)]
        yield source.row, cells if is_raw else [strip(cell) for cell in cells]
        source.begin_row()


def _cells(source: _Lines, table: TableFormat, title: str, is_strict: bool) -> Iterator[list[str]]:
    if table.delimiter == " ":
        for line in source:
            yield line.split()
        return
    csv.field_size_limit(ROW_BYTES)
    try:
        yield from csv.reader(source, delimiter=table.delimiter, strict=is_strict)
    except csv.Error as error:
        fault = str(error).split(" - ")[0]
        raise BadInput(f"{title}, line {source.row}: not a row of a table: {fault}.", _QUOTING) from None


class BodyRows:
    """The rows below the header, of a text file in any format.

    Args:
        lines, table, title: see `split_rows`.

    Attributes:
        names: the names of the columns; without the last one if it is empty.

    Raises:
        BadInput: there is no header; rows have another number of cells than there are names.
    """

    def __init__(self, lines: Iterable[str], table: TableFormat, title: str) -> None:
        self._title, self._table = title, table
        self._rows = split_rows(lines, table, title)
        self._first: list[Row] = []
        self.names = self._read_names()

    def _read_names(self) -> tuple[str, ...]:
        header = self._table.header
        if isinstance(header, str):
            for _, cells in self._rows:
                if cells and cells[0] == header:
                    return _without_last(cells[1:])
            raise BadInput(f"{self._title} has no line that begins with '{header}'.", "Is it another table?")
        found = next(self._rows, None)
        if found is None:
            raise BadInput(
                f"{self._title} is empty; expected a header line with column names.",
                "Write the column names into its first line.",
            )
        if header:
            return _without_last(names(found[1]))
        self._first = [found]
        return tuple(f"c{i + 1}" for i in range(len(found[1])))

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows with values: line number and cells, as many as there are names."""
        width, title = len(self.names), self._title
        held = deque[Row]()
        units = self._table.units_rows
        for number, cells in chain(self._first, self._rows):
            if units:
                units -= 1
                continue
            held.append((number, cells))
            if len(held) <= self._table.skip_footer:
                continue
            number, cells = held.popleft()
            if len(cells) == width + 1 and not cells[-1]:
                cells.pop()
            if len(cells) != width:
                raise BadInput(
                    f"{title}, line {number}: found {len(cells)} cells, expected {width}.",
                    "Every row has a cell for each column. Lines at the end that are no rows are left out with "
                    "--skip-footer N.",
                )
            yield number, cells


def _without_last(cells: list[str]) -> tuple[str, ...]:
    return tuple(cells[:-1] if cells and not cells[-1] else cells)
