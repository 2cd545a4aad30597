"""Reads what stands before the rows of a text file: lines to skip, the names of the columns, rows of units."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from aetk.base.errors import BadInput
from aetk.contract.reading import DELIMITERS, TableFormat, strip
from aetk.edge.tables.chunk import check_header, column_indices, it_has, show_name
from aetk.edge.tables.format_words import DELIMITER_WORDS
from aetk.edge.tables.source import Source, decoded
from aetk.edge.tables.text_lines import SWAPPED, Text, cells_between_blanks, rows


@dataclass(frozen=True)
class Header:
    """What stands before the rows.

    Attributes:
        names: the names of the columns; an empty last one is left out.
        line: the number of the next line.
        lead: lines that were read and belong to rows; the first of them is that line.
        shown: the line that was taken for the names, or the first row; empty if there is none.
    """

    names: tuple[str, ...]
    line: int
    lead: bytes = b""
    shown: str = ""


def read_header(source: Source, table: TableFormat) -> Header:
    """Read the start of a source, up to its first row.

    Raises:
        BadInput: the source is empty or is not a table, or has no line of names; in the default format also if a column
            has no name or the name of another.
    """
    if table.is_default:
        names, line = default_header(source)
        return Header(names, line)
    lines = source.lines()
    first = 1 + sum(1 for _ in islice(lines, table.skip_rows))
    if isinstance(table.header, str):
        header = _after_text(source.name, lines, first, table.header, table)
        text = Text(source.name, lines, header.line, table)
        _skip(rows(text, table), table.units_rows)
        return replace(header, line=text.line)
    read = list[bytes]()
    text = Text(source.name, _recorded(lines, read), first, table)
    found = rows(text, table)
    cells = next((cells for _, _, cells in found), None)
    if cells is None:
        expected = "a header line with column names" if table.header else "rows"
        raise BadInput(f"{source.name} is empty; expected {expected}.", "Name a table with rows.")
    shown = read[-1].decode("utf-8", "replace")
    if table.header:
        _refuse_json(source.name, cells)
        _skip(found, table.units_rows)
        return Header(_names(cells), text.line, b"", shown)
    names = tuple(f"c{i + 1}" for i in range(len(cells)))
    if not table.units_rows:
        return Header(names, first, b"".join(read), shown)
    _skip(found, table.units_rows - 1)
    return Header(names, text.line, b"", shown)


def _recorded(lines: Iterator[bytes], read: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        read.append(line)
        yield line


def _skip(found: Iterator[object], count: int) -> None:
    for _ in islice(found, count):
        pass


def _names(cells: Sequence[str]) -> tuple[str, ...]:
    return tuple(cells[:-1] if cells and not cells[-1] else cells)


def _after_text(path: Path, lines: Iterator[bytes], first: int, begin: str, table: TableFormat) -> Header:
    """The header whose first cell is `begin`."""
    for number, line in enumerate(lines, first):
        text = decoded(path, line, number, "CSV")
        if begin in text:
            cells = _cells(text, table)
            if cells and cells[0] == begin:
                return Header(_names(cells[1:]), number + 1, b"", text)
    raise BadInput(
        f"{path} has no line that begins with the cell '{show_name(begin)}', where the card's table has its names.",
        "Name a table of that kind, or say where the names are: --table-format header=true",
    )


def _cells(line: str, table: TableFormat) -> list[str]:
    """The cells of a line alone."""
    if table.delimiter == " ":
        cells = cells_between_blanks(line)
    else:
        try:
            cells = next(csv.reader([line.rstrip("\r\n")], delimiter=table.delimiter), [])
        except csv.Error:
            return []
    if table.second_delimiter:
        cells = [part for cell in cells for part in cell.split(table.second_delimiter)]
    return list(map(strip, cells))


def default_header(source: Source) -> tuple[tuple[str, ...], int]:
    """The column names of a file in the default format, and the number of the line after them."""
    path = source.name
    found = (row for row in rows(Text(path, source.lines(), 1)) if row[2])
    _, line, cells = next(found, (1, 1, []))
    if len(cells) == 1 and (";" in cells[0] or "\t" in cells[0]):
        shown = f"{path}: the header is one column, '{cells[0][:40]}'"
        raise BadInput(f"{shown}; expected commas between columns.", "Save the table with commas, as UTF-8.")
    _refuse_json(path, cells)
    check_header(path, cells)
    return tuple(cells), line


def _refuse_json(path: Path, cells: Sequence[str]) -> None:
    if list(cells) == ["{"]:
        raise BadInput(f"{path} is JSON, as the card of a model is; expected a CSV file.", SWAPPED)
    if cells and cells[0].startswith('{"'):
        shown = f"{path}: the first line begins with '{{', as JSON Lines do; expected column names."
        raise BadInput(shown, "Say --format jsonl, or let the file's name end with .jsonl.")


def find_columns(path: Path, header: Header, wanted: Sequence[str], table: TableFormat) -> list[int]:
    """The positions of the wanted columns.

    Raises:
        BadInput: one is missing; the message says if the file has another delimiter than the card. Of several columns
            of the same name, the first counts; in the default format no two may have the same.
    """
    if table.is_default:
        return column_indices(path, header.names, wanted)
    wanted = [strip(name) for name in wanted]
    if not set(wanted) <= set(header.names):
        _check_delimiter(path, header, wanted, table)
        if table.header is False:
            name = next(name for name in wanted if name not in header.names)
            found = f"{path} has no column '{show_name(name)}': its first row has {len(header.names):,} cells."
            raise BadInput(found, it_has(header.names))
    return column_indices(path, header.names, wanted)


def _check_delimiter(path: Path, header: Header, wanted: Sequence[str], table: TableFormat) -> None:
    """Raise BadInput if the line of names, or the first row, has the wanted columns with another delimiter."""
    for delimiter in DELIMITERS:
        other = replace(table, delimiter=delimiter, second_delimiter="")
        cells = _cells(header.shown, other)
        has_names = table.header is not False and set(wanted) <= set(cells)
        has_cells = table.header is False and len(header.names) == 1 and set(wanted) <= {*_numbered(len(cells))}
        if delimiter != table.delimiter and (has_names or has_cells):
            found, expected = DELIMITER_WORDS[delimiter], DELIMITER_WORDS[table.delimiter]
            raise BadInput(
                f"{path}: found {found.many} between columns where the card says {expected.many}.",
                f"Score it with --table-format delimiter={found.name}, or save it with {expected.many}.",
            )


def _numbered(count: int) -> list[str]:
    return [f"c{i + 1}" for i in range(count)]
