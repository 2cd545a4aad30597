"""Text files as tables of numbers, in the format that a model's card says; columns are found by name.

A part of `detector.py`. A card that says no format means the default one: CSV in UTF-8 with a header.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from reading import DEFAULT, Encoding, TableFormat, expected, parser, strip

STANDARD = Path("-")
"""Standard input where something is read, standard output where something is written."""
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"(?:na|nan|null)?|[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"[0-9eE+\-.,]*")
_PLAIN_WITH_COMMA = re.compile(r"[0-9eE+\-,;]*")
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe", " ": "blank"}
_QUOTING = "A cell that holds a {}, a quote or a line end is written in quotes, and a quote in it twice."
_FAULTS = {
    "new-line character": (
        "found a carriage return without a line feed; expected lines that end in LF or CRLF.",
        "Save the table with Unix or Windows line ends.",
    ),
    "expected after": ("found text after a closing quote; expected a {} or the end of the line.", _QUOTING),
    "unexpected end of data": ("a quote is opened and never closed.", _QUOTING),
}
_CARRIAGE_RETURN = _FAULTS["new-line character"]
_ENCODINGS = {"utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252", "latin-1": "Latin-1"}
_MISSING = "empty, NA, NaN and null are missing values."
_ROWS = 4096
_LONGEST_ROW = 2**24
_BATCH_BYTES = 2**22  # about: rows may be long
_UNPRINTED = re.compile("[\x00-\x1f\x7f-\xa0\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb]")


class Problem(Exception):
    """What stands in the way: what was found and expected, what to do about it, and the exit code to end with."""

    def __init__(self, message: str, hint: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.hint, self.exit_code = hint, exit_code


class Batch(NamedTuple):
    """Consecutive rows: values, float32 [rows, columns], and the cells of one more column (none if not asked for)."""

    values: np.ndarray
    keys: list[str]


def read_table(
    path: Path, encodings: Sequence[Encoding], table: TableFormat = DEFAULT, key: str | None = None
) -> Iterator[Batch]:
    """The rows of a file, or of standard input for `-`, some thousands at a time; Problem where one is at fault."""
    with _open_table(path, table.encoding) as file:
        path = title(path, "input")
        rows = _rows(path, file, table)
        names, first = _header(path, rows, table)
        wanted = [encoding.column for encoding in encodings]
        positions = _positions(path, names, [*wanted, *([] if key is None else [key])], table)
        if table is DEFAULT and all(encoding.is_plain for encoding in encodings):
            read: Callable[[list[_Row]], np.ndarray] = _Default(path, names, positions[: len(wanted)]).read
        else:
            read = _Encoded(path, names, positions, encodings, table).read
        body = itertools.islice(itertools.chain(first, rows), table.units_rows, None)
        for batch in _batches(_without_last(body, table.skip_footer)):
            values = read(batch)
            yield Batch(values, [] if key is None else [row.cells[positions[-1]] for row in batch])


def title(path: Path, stream: str) -> Path:
    """How messages name a path."""
    return Path(f"standard {stream}") if path == STANDARD else path


def escaped(characters: re.Pattern[str], text: str) -> str:
    """A text in which some characters are written as their code."""
    return characters.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _open_table(path: Path, encoding: str) -> BinaryIO:
    if path == STANDARD and sys.__stdin__ is None:
        raise Problem("Standard input is closed.", "Name a file, or send a table through a pipe.")
    try:
        file = os.fdopen(os.dup(0), "rb") if path == STANDARD else path.open("rb")
    except FileNotFoundError:
        raise Problem(f"No such file: {path}.", "Check the path, and the folder that it starts from.") from None
    except IsADirectoryError:
        raise Problem(f"{path} is a folder; expected a CSV file.") from None
    return file if encoding == "utf-8" else io.BufferedReader(_AsUtf8(file, encoding))


class _AsUtf8(io.RawIOBase):
    """A file of another encoding as UTF-8; what is not text in its encoding becomes the byte 0xff, and the end."""

    def __init__(self, file: io.BufferedReader, encoding: str) -> None:
        self._file, self._encoding = file, encoding
        self._decoder: codecs.IncrementalDecoder | None = None
        self._held = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._held and not self._ended:
            self._held = self._more()
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size

    def _more(self) -> bytes:
        piece = self._file.read1(2**16)
        if self._decoder is None:
            if len(piece) == 1:  # half of a byte-order mark
                piece += self._file.read(1)
            endian = "be" if piece.startswith(codecs.BOM_UTF16_BE) else "le"
            name = f"utf-16-{endian}" if self._encoding == "utf-16" else self._encoding
            self._decoder = codecs.getincrementaldecoder(name)()
        self._ended = not piece
        try:
            return self._decoder.decode(piece, final=not piece).encode()
        except UnicodeDecodeError as error:
            self._ended = True
            return error.object[: error.start].decode(error.encoding, "replace").encode() + b"\xff"

    def close(self) -> None:
        self._file.close()
        super().close()


class _Row(NamedTuple):
    """A row, the number of the line that it starts on, and how long it is."""

    line: int
    cells: list[str]
    bytes: int


def _rows(path: Path, file: BinaryIO, table: TableFormat) -> Iterator[_Row]:
    """The rows in order; a blank line is none."""
    if table is DEFAULT:
        return _split(path, _Lines(path, file, table), table.delimiter)
    lines = _LinesBetween(path, file, table)
    rows = _split_at_blanks(path, lines) if table.delimiter == " " else _split(path, lines, table.delimiter)
    return (_Row(line, _cells(cells, table.second_delimiter), size) for line, cells, size in rows)


def _cells(cells: list[str], second_delimiter: str) -> list[str]:
    """The cells of a row, split again, without the blanks around them."""
    if second_delimiter:
        cells = [part for cell in cells for part in cell.split(second_delimiter)]
    text = "".join(cells)
    return list(map(strip, cells)) if " " in text or "\t" in text else cells  # most rows have no blanks


def _split(path: Path, lines: _Lines, delimiter: str) -> Iterator[_Row]:
    csv.field_size_limit(_LONGEST_ROW)
    try:
        for cells in csv.reader(lines, delimiter=delimiter, strict=True):
            if cells:
                yield _Row(lines.first, cells, lines.bytes)
            lines.start_row()
    except csv.Error as error:
        fault = str(error).split(" - ")[0]  # the advice after it depends on Python's version
        known = (found for part, found in _FAULTS.items() if part in fault)
        message, hint = next(known, (f"not a row: {fault}.", _QUOTING))
        name = _SEPARATORS[delimiter]
        raise Problem(f"{path}, line {lines.first}: {message.format(name)}", hint.format(name)) from None


def _split_at_blanks(path: Path, lines: _Lines) -> Iterator[_Row]:
    for line in lines:
        text = line.rstrip("\r\n")
        if "\r" in text:
            raise Problem(f"{path}, line {lines.first}: {_CARRIAGE_RETURN[0]}", _CARRIAGE_RETURN[1])
        yield _Row(lines.first, [cell for cell in text.replace("\t", " ").split(" ") if cell], lines.bytes)
        lines.start_row()


class _Lines:
    """The lines of a file as text, of which a row may have so many bytes and no more."""

    def __init__(self, path: Path, file: BinaryIO, table: TableFormat) -> None:
        self._path, self._file, self._table = path, file, table
        self._read = 0
        self.first, self.bytes = 1, 0  # the line that the row starts on, and how long it is so far

    def start_row(self) -> None:
        self.first, self.bytes = self._read + 1, 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(_LONGEST_ROW - self.bytes + 1)
        if not line:
            raise StopIteration
        self._read += 1
        self.bytes += len(line)
        if self.bytes > _LONGEST_ROW:
            raise Problem(
                f"{self._path}, line {self.first}: the row is longer than 16 MiB.",
                "Is it a CSV file? A quote that is never closed makes one row of the rest of the file.",
            )
        try:
            return line.decode("utf-8-sig" if self._read == 1 else "utf-8")
        except UnicodeDecodeError:
            name = _ENCODINGS[self._table.encoding]
            found = f"{self._path}, line {self._read}: not {name} text."
            raise Problem(found, f"Save the table as {name}.") from None


class _LinesBetween(_Lines):
    """Such lines without those that the format leaves out before and between rows."""

    def __init__(self, path: Path, file: BinaryIO, table: TableFormat) -> None:
        super().__init__(path, file, table)
        self._before_header = isinstance(table.header, str)
        self._blanks = "\r\n " if table.delimiter == "\t" else "\r\n \t"

    def __next__(self) -> str:
        text = super().__next__()
        while self.first == self._read and self._is_left_out(text):
            self.start_row()
            text = super().__next__()
        return text

    def _is_left_out(self, line: str) -> bool:
        if self._read <= self._table.skip_rows:
            return True
        if self._before_header:
            self._before_header = self._first_cell(line) != self._table.header
            return self._before_header
        comment = self._table.comment
        return not line.strip(self._blanks) or (bool(comment) and line.startswith(comment))

    def _first_cell(self, line: str) -> str:
        """The first cell of a line by itself."""
        text, table = line.rstrip("\r\n"), self._table
        if table.delimiter == " ":
            text = next(iter(text.split()), "")
        elif text.startswith('"'):
            with suppress(csv.Error):
                text = next(csv.reader([text], delimiter=table.delimiter))[0]
        else:
            text = text.split(table.delimiter, 1)[0]
        return strip(text.split(table.second_delimiter, 1)[0] if table.second_delimiter else text)


def _without_last(rows: Iterator[_Row], count: int) -> Iterator[_Row]:
    """All rows but the last `count`."""
    if count == 0:
        return rows
    return _delayed(rows, count)


def _delayed(rows: Iterator[_Row], count: int) -> Iterator[_Row]:
    held: list[_Row | None] = [None] * count
    for number, row in enumerate(rows):
        before, held[number % count] = held[number % count], row
        if before is not None:
            yield before


def _batches(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    batch: list[_Row] = []
    size = 0
    try:
        for row in rows:
            batch.append(row)
            size += row.bytes
            if len(batch) == _ROWS or size > _BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except Problem:
        if batch:  # the rows before it come first, with faults of their own
            yield batch
        raise
    if batch:
        yield batch


def _header(path: Path, rows: Iterator[_Row], table: TableFormat) -> tuple[list[str], list[_Row]]:
    """The names of the columns, and the rows that were read beside them."""
    row = next(rows, None)
    if row is None and isinstance(table.header, str):
        found = f"{path} has no line that begins with '{escaped(_UNPRINTED, table.header[:40])}'"
        raise Problem(f"{found}, which the column names come after.", "Is it such a table?")
    if row is None and not table.header:
        raise Problem(f"{path} is empty; expected rows of values.", "Name a table with rows.")
    if row is None:
        raise Problem(
            f"{path} is empty; expected a header line with column names.", "Write the column names into its first line."
        )
    if not table.header:
        return [f"c{i + 1}" for i in range(len(row.cells))], [row]
    names = row.cells[1:] if isinstance(table.header, str) else row.cells
    is_longer = table is not DEFAULT and len(names) > 1 and not names[-1]
    return names[:-1] if is_longer else names, []


def _positions(path: Path, names: list[str], wanted: Sequence[str], table: TableFormat) -> list[int]:
    """Where the wanted columns stand. Only in the default format must all other columns have names of their own."""
    is_default = table is DEFAULT
    others = (";", "\t") if is_default else (",", ";", "\t", "|")
    if len(names) == 1 and any(sign in names[0] for sign in others) and (is_default or names[0] not in wanted):
        shown = f"{path}: the header is one column, '{names[0][:40]}'; expected {_SEPARATORS[table.delimiter]}s"
        hint = "Save the table with commas, as UTF-8."
        hint = hint if is_default else "Save the table as the one that the model was trained on."
        raise Problem(f"{shown} between columns.", hint)
    positions: dict[str, int] = {}
    repeated = set()
    for position, name in enumerate(names):
        if is_default and not name:
            raise Problem(f"{path}: column {position + 1} has no name.", "Give every column a name of its own.")
        if positions.setdefault(name, position) != position:
            repeated.add(name)
            if is_default:
                break
    found = wanted if is_default else list(map(strip, wanted))
    for name in repeated if is_default else ():  # elsewhere the first of several counts
        raise Problem(f"{path}: two columns are called '{name}'.", "Rename or remove one of them.")
    return [_position(path, positions, name) for name in found]


def _position(path: Path, positions: dict[str, int], name: str) -> int:
    if name in positions:
        return positions[name]
    shown = ", ".join(itertools.islice(positions, 12))
    raise Problem(f"{path} has no column '{name}'.", f"It has: {shown}{', ...' * (len(positions) > 12)}")


class _Default:
    """Reads rows of plain numbers in the default format."""

    def __init__(self, path: Path, names: list[str], wanted: list[int]) -> None:
        self._path, self._names, self._wanted = path, names, wanted

    def read(self, batch: list[_Row]) -> np.ndarray:
        """float32 [rows, columns]."""
        values = []
        for line, cells, _ in batch:
            if len(cells) != len(self._names):
                raise _other_size(self._path, line, cells, self._names, DEFAULT)
            chosen = [cells[i] for i in self._wanted]
            try:
                # nearly all rows are plain numbers, of which float() takes exactly the dialect's
                values.append(
                    list(map(float, chosen)) if _PLAIN.fullmatch(",".join(chosen)) else list(map(_number, chosen))
                )
            except ValueError:
                values.append([self._named(line, self._names[i], cells[i]) for i in self._wanted])
        with np.errstate(over="ignore"):
            return np.array(values, np.float64).astype(np.float32)

    def _named(self, line: int, name: str, cell: str) -> float:
        try:
            return _number(cell)
        except ValueError:
            raise _not_allowed(self._path, line, Encoding(name), cell, DEFAULT) from None


def _number(cell: str) -> float:
    if NUMBER.fullmatch(cell):
        return float(cell)
    if not _WORD.fullmatch(cell):
        raise ValueError(cell)
    return float(cell) if cell.lower().strip("+-").startswith("inf") else math.nan


class _Encoded:
    """Reads rows in any format, with columns of any kind, one column after the other."""

    def __init__(
        self,
        path: Path,
        names: list[str],
        positions: list[int],
        encodings: Sequence[Encoding],
        table: TableFormat,
    ) -> None:
        self._path, self._names, self._table = path, names, table
        self._columns = [
            (position, encoding, parser(encoding, table), _is_fast(encoding, table))
            for position, encoding in zip(positions, encodings)
        ]

    def read(self, batch: list[_Row]) -> np.ndarray:
        """float32 [rows, columns]."""
        values = np.empty((len(batch), len(self._columns)))
        try:
            for _, cells, _ in batch:
                self._check_size(cells)
            for i, (position, _, parse, is_fast) in enumerate(self._columns):
                cells = [row.cells[position] for row in batch]
                plain = self._plain(cells) if is_fast else None
                values[:, i] = list(map(parse, cells)) if plain is None else plain
        except ValueError:
            for row in batch:
                self._check_row(row)
            raise
        with np.errstate(over="ignore"):
            return values.astype(np.float32)

    def _plain(self, cells: list[str]) -> list[float] | None:
        """The values of plain numbers, of which float() takes exactly the format's; None if some may be others."""
        pattern, sign = (_PLAIN, ",") if self._table.decimal == "." else (_PLAIN_WITH_COMMA, ";")
        if not pattern.fullmatch(sign.join(cells)):
            return None
        try:
            return [float(cell.replace(",", ".")) for cell in cells] if sign == ";" else list(map(float, cells))
        except ValueError:
            return None

    def _check_size(self, cells: list[str]) -> None:
        more = len(cells) - len(self._names)
        if more and (more != 1 or cells[-1] or self._table is DEFAULT):
            raise ValueError(more)

    def _check_row(self, row: _Row) -> None:
        """Raise Problem for the first fault of a row."""
        try:
            self._check_size(row.cells)
        except ValueError:
            raise _other_size(self._path, row.line, row.cells, self._names, self._table) from None
        for position, encoding, parse, _ in self._columns:
            try:
                parse(row.cells[position])
            except ValueError:
                raise _not_allowed(self._path, row.line, encoding, row.cells[position], self._table) from None


def _is_fast(encoding: Encoding, table: TableFormat) -> bool:
    """Whether the cells of a column that look like numbers are numbers: none is a marker of a missing value."""
    markers = (marker.replace(",", ".") for marker in (*table.missing, *encoding.missing))
    return encoding.is_number and not any(map(NUMBER.fullmatch, markers))


def _other_size(path: Path, line: int, cells: list[str], names: list[str], table: TableFormat) -> Problem:
    shown = f"{path}, line {line}: found {len(cells)} cells, expected {len(names)} as in the"
    hint = _QUOTING.format(_SEPARATORS[table.delimiter])
    if table.delimiter == " ":
        hint = "Runs of blanks and tabs separate cells, and quotes have no meaning."
    return Problem(f"{shown} {'header' if table.header else 'first row'}.", hint)


def _not_allowed(path: Path, line: int, encoding: Encoding, cell: str, table: TableFormat) -> Problem:
    shown = escaped(_UNPRINTED, cell if len(cell) <= 40 else cell[:37] + "...")
    found = f"{path}, line {line}, column '{encoding.column}': found '{shown}', expected {expected(encoding, table)}."
    if encoding.truths:
        return Problem(found, f"0 and 1 are read too; {_MISSING}")
    if encoding.time_part:
        return Problem(found, f"A time of day may follow a date; {_MISSING}")
    if encoding.notation == "hex":
        return Problem(found, f"Such numbers look like 0x1F or 1f; {_MISSING}")
    return Problem(found, f"Numbers look like 12, -3{table.decimal}5 or 1e-3; {_MISSING}")
