"""Turns the lines of a text file into rows of cells, by the format of a card's table or by the default one."""

import csv
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

from aetk.base.errors import BadInput
from aetk.contract.dialect import ROW_BYTES
from aetk.contract.reading import DEFAULT, TableFormat, strip
from aetk.edge.tables.format_words import DELIMITER_WORDS
from aetk.edge.tables.source import Source, decoded

_MODEL = b"\x08"
"""The first byte of an ONNX file, the key of its first field; no text begins with it."""
SWAPPED = "Name a table in its place; where a command takes a model and a table, the model comes first."
QUOTING = "A cell that holds a comma, a quote or a line end is written in quotes, and a quote in it twice."
_FAULTS = {
    "new-line character": (
        "found a carriage return without a line feed; expected lines that end in LF or CRLF.",
        "Save the table with Unix or Windows line ends.",
    ),
    "expected after": ("found text after a closing quote; expected a comma or the end of the line.", QUOTING),
    "unexpected end of data": ("a quote is opened and never closed.", QUOTING),
}
"""Parts of the messages of Python's csv module, and what they mean to the user."""

Row = tuple[int, int, list[str]]
"""The number of the row's first line, the number of the line after the row, and the row's cells."""


class Text:
    """Decodes UTF-8 lines, without a byte-order mark, and keeps the number of the line that their row starts on.

    Args:
        path: the file's path, for messages.
        lines: the lines to read.
        first: the number of the first line.
        table: the format, which says what lines are left out between rows.
        is_part: whether more lines may follow that complete the last row.

    Attributes:
        row: the number of the line that the current row starts on.
        line: the number of the next line.
        begun: the lines of the current row so far, if `is_part`.

    Raises:
        BadInput: a line is not UTF-8, or makes the row longer than `ROW_BYTES`.
        GoesOn: the last line of a part does not end its row.
    """

    def __init__(
        self, path: Path, lines: Iterator[bytes], first: int, table: TableFormat = DEFAULT, *, is_part: bool = False
    ) -> None:
        self.path, self._lines, self._table, self._is_part = path, lines, table, is_part
        self.row = self.line = first
        self.begun: list[bytes] = []
        self._bytes = 0

    def begin_row(self) -> None:
        """Start another row with the next line."""
        self.row, self._bytes = self.line, 0
        self.begun.clear()

    def __iter__(self) -> "Text":
        return self

    def __next__(self) -> str:
        while True:
            line, number = next(self._lines, b""), self.line
            if not line:
                raise GoesOn if self._is_part and self.begun else StopIteration
            if number == 1 and line.startswith(_MODEL):
                raise BadInput(f"{self.path} is an ONNX model; expected a CSV file.", SWAPPED)
            self._bytes += len(line)
            if self._bytes > ROW_BYTES:
                raise BadInput(
                    f"{self.path}, line {self.row}: the row is longer than {ROW_BYTES >> 20} MiB.",
                    "Is it a CSV file? A quote that is never closed makes one row of the rest of the file.",
                )
            self.line += 1
            text = decoded(self.path, line, number, "CSV")
            if self.row == number and is_left_out(text, self._table):
                self.begin_row()
                continue
            if self._is_part:
                self.begun.append(line)
            return text


class GoesOn(Exception):
    """A row continues after the given lines."""


def is_left_out(line: str, table: TableFormat) -> bool:
    """Whether a line between rows is none of them: a comment, or blank. The default format knows neither."""
    if table.is_default:
        return False
    if table.comment and line.startswith(table.comment):
        return True
    return not line.strip("\r\n ") if table.delimiter == "\t" else not line.strip("\r\n \t")


def rows(text: Text, table: TableFormat = DEFAULT) -> Iterator[Row]:
    """The rows of lines; in the default format, a blank line is a row without cells.

    Cells are without the blanks around them, except in the default format.
    """
    for first, after, cells in _blank_rows(text) if table.delimiter == " " else _csv_rows(text, table.delimiter):
        if table.second_delimiter:
            cells = [part for cell in cells for part in cell.split(table.second_delimiter)]
        yield first, after, cells if table.is_default else list(map(strip, cells))


def _csv_rows(text: Text, delimiter: str) -> Iterator[Row]:
    csv.field_size_limit(ROW_BYTES)  # csv's own limit is lower, but a long text in an unused column does no harm
    try:
        for cells in csv.reader(text, delimiter=delimiter, strict=True):
            yield text.row, text.line, cells
            text.begin_row()
    except csv.Error as error:
        # csv adds advice after a dash that depends on Python's version and is for programmers
        fault = str(error).split(" - ")[0]
        known = (found for part, found in _FAULTS.items() if part in fault)
        message, remedy = next(known, (f"not a CSV row: {fault}.", QUOTING))
        word = DELIMITER_WORDS[delimiter]
        message, remedy = (part.replace("a comma", word.one) for part in (message, remedy))
        raise BadInput(f"{text.path}, line {text.row}: {message}", remedy) from None


def _blank_rows(text: Text) -> Iterator[Row]:
    for line in text:
        yield text.row, text.line, cells_between_blanks(line)
        text.begin_row()


def cells_between_blanks(line: str) -> list[str]:
    """The cells of a line in which runs of blanks and tabs separate them."""
    return [cell for cell in line.rstrip("\n").removesuffix("\r").replace("\t", " ").split(" ") if cell]


class RowBatches:
    """The rows of a block, some at a time, with more lines of the source if the last row needs them.

    The rows before a fault come before its error is raised.

    Args:
        source: what the block is from.
        block: whole lines.
        line: the number of the block's first line.
        most: how many rows a batch has at most.

    Attributes:
        line: the number of the line after the last row that was given.
    """

    def __init__(self, source: Source, block: bytes, line: int, most: int, table: TableFormat = DEFAULT) -> None:
        self.line = line
        self._source, self._block, self._most, self._table = source, block, most, table

    def __iter__(self) -> Iterator[list[Row]]:
        block, path = self._block, self._source.name
        end = self.line + block.count(b"\n") + (not block.endswith(b"\n"))
        text = Text(path, io.BytesIO(block), self.line, self._table, is_part=True)
        found, fault, has_ended = rows(text, self._table), None, False
        while self.line < end and fault is None and not has_ended:
            batch = []
            try:
                has_ended = True
                for row in found:
                    self.line = row[1]
                    if row[2]:
                        batch.append(row)
                    if self.line >= end or len(batch) == self._most:
                        has_ended = False
                        break
            except GoesOn:  # the rows before it do not wait for its end
                lines = itertools.chain(text.begun, self._source.lines())
                text = Text(path, lines, text.row, self._table)
                found, has_ended = rows(text, self._table), False
            except BadInput as error:
                fault = error  # the rows before it come first, and may have faults too
            if batch:
                yield batch
        if fault is not None:
            raise fault
        if has_ended:
            self.line = max(self.line, text.line)  # lines that are left out ended the block
