"""Finds how a text file is laid out: delimiter, comments, lines before the header, header, units, footer."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from aetk.base.errors import BadInput
from aetk.contract.reading import TableFormat
from aetk.lab.look.cells import is_marker, is_missing, is_total, is_unit, looks_like_time, looks_numeric
from aetk.lab.look.pieces import Pieces
from aetk.lab.look.report import Decision, Option, Wishes
from aetk.lab.look.rows import split_rows

_LINES = 400
"""The lines at the start that the layout is found from."""
_COMMENTS = ("#", "%", "//")
_SPARSE = re.compile(r"\s*[-+\d.eE,]+(?:\s+\d+:[-+\d.eE]+)+\s*(?:#.*)?")
_MOST_FOOTER = 20
"""The rows at the end that are looked at as words below a table."""
_FEWEST = 4
"""The rows below a row that it takes to call it a row of units."""
_YEARS = range(1900, 2101)

Cells = list[str]


def find_layout(pieces: Pieces, wishes: Wishes, title: str) -> tuple[TableFormat, list[str], list[Decision]]:
    """The format of a text file, but for decimal signs and markers; what was decided; what a person has to decide."""
    lines, notes, questions = pieces.head[:_LINES], list[str](), list[Decision]()
    table = TableFormat(encoding=pieces.encoding)
    fields = next((line for line in lines[:50] if line.startswith("#fields")), None)
    if fields is not None and wishes.comment is None and not wishes.no_header:
        return _zeek(table, lines, fields), ["names are in the line '#fields' (a log of Zeek)"], []
    _refuse_sparse(lines, title)
    comment = _find_comment(lines) if wishes.comment is None else wishes.comment
    table = replace(table, comment=comment, skip_rows=wishes.skip_rows or 0)
    table = replace(table, delimiter=_find_delimiter(lines, table))
    if wishes.skip_rows is None:
        table = replace(table, skip_rows=_find_skip(lines, table))
    rows = [cells for _, cells in split_rows(lines, table, title, is_strict=False)]
    if pieces.is_whole and len(pieces.head) <= _LINES:
        rows = rows[: len(rows) - _ragged_end(rows)]
    has_header, why = (False, "--no-header") if wishes.no_header else _find_header(rows)
    units = _find_units(rows) if has_header else 0
    table = replace(table, header=has_header, units_rows=units)
    if wishes.skip_rows is None and table.skip_rows and not has_header:
        questions = _skipped_names(lines, table, title, len(rows[0]))
    last = pieces.head if pieces.is_whole else pieces.tail
    if wishes.skip_footer is not None:
        table = replace(table, skip_footer=wishes.skip_footer)
    elif last:
        width = Counter(len(cells) for cells in rows[1 + units :]).most_common(1)
        foot, found = _find_footer(last, table, title, width[0][0] if width else 0)
        table = replace(table, skip_footer=foot)
        notes += found
    return table, [*_words(table, why, rows), *notes], questions


def layout_of_rows(rows: Sequence[Cells], wishes: Wishes) -> tuple[int, bool, int, int, list[str]]:
    """Of rows of text cells: how many to skip, whether a header follows, rows of units, rows at the end; and words."""
    notes = list[str]()
    skip = wishes.skip_rows
    if skip is None:
        filled = [len([cell for cell in row if cell]) for row in rows]
        usual = Counter(filled[-200:]).most_common(1)[0][0] if filled else 0
        skip = next((i for i, n in enumerate(filled[:60]) if n >= max(2, usual - 1)), 0) if usual > 1 else 0
    body = rows[skip:]
    has_header, why = (False, "--no-header") if wishes.no_header else _find_header(body)
    units = _find_units(body) if has_header else 0
    foot = wishes.skip_footer
    if foot is None:
        foot, notes = _footer_of(body, len(body[-1]) if body else 0)
    table = TableFormat(header=has_header, skip_rows=skip, units_rows=units)
    return skip, has_header, units, foot, [*_words(table, why, body), *notes]


def _zeek(table: TableFormat, lines: Sequence[str], fields: str) -> TableFormat:
    separator = next((line for line in lines if line.startswith("#separator")), "")
    tab = re.search(r"\\x([0-9a-fA-F]{2})", separator)
    delimiter = chr(int(tab[1], 16)) if tab else "\t" if "\t" in fields else " "
    delimiter = delimiter if delimiter in (",", ";", "\t", "|", " ") else "\t"
    missing = []
    for key, default in (("#unset_field", "-"), ("#empty_field", "(empty)")):
        line = next((line for line in lines if line.startswith(key)), f"{key}{delimiter}{default}")
        missing.append(line[len(key) :].strip())
    second = "   " if delimiter != " " and "   " in fields.strip() else ""
    return replace(
        table, delimiter=delimiter, second_delimiter=second, header="#fields", comment="#", missing=tuple(missing)
    )


def _refuse_sparse(lines: Sequence[str], title: str) -> None:
    """Raise BadInput for rows of LIBSVM (svmlight): a label, then pairs of a column's number and its value."""
    shown = [line for line in lines if line.strip() and not line.startswith("#")]
    if shown and 10 * sum(map(bool, map(_SPARSE.fullmatch, shown))) > 9 * len(shown):
        raise BadInput(
            f"{title} holds rows of LIBSVM (svmlight), pairs of a column's number and its value; expected a table.",
            "Load it with sklearn.datasets.load_svmlight_file, and save the rows as CSV or NumPy arrays.",
        )


def _find_comment(lines: Sequence[str]) -> str:
    """The text that the first lines begin with, if they are comments."""
    for comment in _COMMENTS:
        start = 0
        while start < len(lines) and (lines[start].startswith(comment) or not lines[start].strip()):
            start += 1
        if any(line.startswith(comment) for line in lines[:start]) and start < len(lines):
            return comment
    inside = [line for line in lines[1:] if line.startswith("# ")]
    return "#" if inside and 4 * len(inside) < len(lines) else ""


def _find_delimiter(lines: Sequence[str], table: TableFormat) -> str:
    """The delimiter that makes the most regular rows, of cells that look most like a table's."""
    best, delimiter = 0.0, ","
    for candidate in (",", "\t", ";", "|", " "):
        rows = [cells for _, cells in split_rows(lines, replace(table, delimiter=candidate), "", is_strict=False)]
        quality = _quality(rows[-1000:], ",;\t|" if candidate == " " else ";\t|")
        if quality > best * 1.001:
            best, delimiter = quality, candidate
    return delimiter


def _quality(rows: Sequence[Cells], separators: str) -> float:
    """How regular rows are, and how much their cells look like values; `separators` make a cell look like several."""
    counts = Counter(len(cells) - (len(cells) > 1 and not cells[-1]) for cells in rows)
    if not counts:
        return 0.0
    width, _ = counts.most_common(1)[0]
    if width < 2:
        return 0.0
    regular = [cells for cells in rows if len(cells) - (len(cells) > 1 and not cells[-1]) == width]
    cells = [cell for row in regular[:100] for cell in row]
    tidy = sum(is_missing(cell) or is_marker(cell) or looks_numeric(cell) or looks_like_time(cell) for cell in cells)
    mixed = sum(any(sign in cell for sign in separators) and not looks_numeric(cell) for cell in cells)
    return len(regular) / len(rows) * (1 + (tidy - mixed) / len(cells))


def _find_skip(lines: Sequence[str], table: TableFormat) -> int:
    """The number of lines before the first one that has as many cells as the table is wide."""
    rows = list(split_rows(lines, table, "", is_strict=False))
    counts = Counter(len(cells) for _, cells in rows[-200:])
    if not counts:
        return 0
    width, often = counts.most_common(1)[0]
    if width < 2 or often < _FEWEST or 2 * often < len(rows[-200:]):
        return 0
    for place, (number, cells) in enumerate(rows[:60]):
        if _fits(cells, width):
            following = rows[place + 1 : place + 4]
            if all(_fits(other, width) for _, other in following):
                return number - 1 if place else 0
    return 0


def _skipped_names(lines: Sequence[str], table: TableFormat, title: str, width: int) -> list[Decision]:
    """The question about a line of names before rows without a header, if there are too many names or too few."""
    whole = replace(table, skip_rows=0)
    before = [row for row in split_rows(lines, whole, title, is_strict=False) if row[0] <= table.skip_rows]
    if not before or len(before[-1][1]) < 2 or any(map(looks_numeric, before[-1][1])):
        return []
    number, cells = before[-1]
    question = (
        f"{title}, line {number}: {len(cells)} names, beginning with '{cells[0][:40]}', and rows of {width} "
        "cells below; expected a name for each cell. Correct the names, or leave their line out: columns are then "
        f"called c1 to c{width}."
    )
    return [Decision(question, (Option(("--no-header", "--skip-rows", str(number)), "names and cells do not match"),))]


def _fits(cells: Cells, width: int) -> bool:
    return (
        len(cells) == width
        or (len(cells) == width - 1 and bool(cells[-1]))
        or (len(cells) == width + 1 and not cells[-1])
    )


def _is_no_row(cells: Cells, width: int) -> bool:
    """Whether a row at the end is words or totals, and no row of values that was cut off."""
    if _fits(cells, width):
        return False
    return any(map(is_total, cells)) or not (looks_numeric(cells[0]) or looks_like_time(cells[0]))


def _ragged_end(rows: Sequence[Cells]) -> int:
    """The number of rows at the end that have another number of cells than the others."""
    width = Counter(map(len, rows)).most_common(1)[0][0] if rows else 0
    found = 0
    while found < min(_MOST_FOOTER, len(rows) - _FEWEST) and _is_no_row(rows[-1 - found], width):
        found += 1
    return found


def _numeric_below(rows: Sequence[Cells], width: int) -> list[bool]:
    """For each column, whether most of its cells that are not missing look like numbers or times."""
    found = []
    for i in range(width):
        cells = [row[i] for row in rows if len(row) > i and not is_missing(row[i]) and not is_marker(row[i])]
        good = sum(looks_numeric(cell) or looks_like_time(cell) for cell in cells)
        found.append(len(cells) > 0 and good >= 0.8 * len(cells))
    return found


def _find_header(rows: Sequence[Cells]) -> tuple[bool, str]:
    """Whether the first row holds names, and why, in words."""
    if len(rows) < 2:
        return True, ""
    first, below = rows[0], rows[1:]
    numeric = _numeric_below(below[3:] if len(below) > 6 else below, len(first))
    text_on_numbers = numbers_on_numbers = repeated = new = 0
    for i, cell in enumerate(first):
        if is_missing(cell) or is_marker(cell):
            continue
        is_number = looks_numeric(cell) or looks_like_time(cell)
        if numeric[i]:
            numbers_on_numbers += is_number
            text_on_numbers += not is_number
        elif any(len(row) > i and row[i] == cell for row in below):
            repeated += 1
        else:
            new += 1
    if not numbers_on_numbers:
        is_row = repeated > 0 and not text_on_numbers
        return not is_row, "its first row repeats values of the rows below" if is_row else ""
    if _counts(first) or text_on_numbers > 1 or (text_on_numbers and numbers_on_numbers <= 2 * text_on_numbers):
        return True, ""
    if text_on_numbers and all(_is_name(cell) for cell in first if looks_numeric(cell)):
        return True, ""
    if new and not repeated and all(_is_name(cell) for cell in first if looks_numeric(cell)):
        return True, ""
    return False, "its first row holds numbers like the rows below"


def _counts(first: Cells) -> bool:
    """Whether numbers are names: 0, 1, 2, ... or years, as frames without names have them."""
    cells = [cell for cell in first if cell]
    whole = [int(cell) for cell in cells if cell.isascii() and cell.isdigit()]
    if len(whole) < 3 or len(whole) < 0.6 * len(cells):
        return False
    steps = {b - a for a, b in pairwise(whole)}
    return steps == {1} and (whole[0] in (0, 1) or whole[0] in _YEARS)


def _is_name(cell: str) -> bool:
    """Whether a number may be a name: a small whole number or a year, without sign."""
    return cell.isascii() and cell.isdigit() and (len(cell) < 4 or int(cell) in _YEARS) and str(int(cell)) == cell


def _find_units(rows: Sequence[Cells]) -> int:
    """The number of rows below the header that hold units or notes instead of values."""
    if len(rows) < 2 + _FEWEST:
        return 0
    width = len(rows[0])
    found = 0
    while found < 3 and len(rows) - 2 - found >= _FEWEST:
        row = rows[1 + found]
        numeric = _numeric_below(rows[2 + found + (2 - min(found, 2)) :], width)
        here = [cell for i, cell in enumerate(row[:width]) if numeric[i]]
        text = [cell for cell in here if cell and not looks_numeric(cell) and not looks_like_time(cell)]
        if not text or len(text) < len([cell for cell in here if cell]) or all(map(is_marker, text)):
            break
        if any(is_missing(cell) for cell in text) or (len(text) == 1 and not _is_clear_unit(text[0])):
            break
        if not all(is_unit(cell) or len(cell) <= 20 for cell in text):
            break
        found += 1
    return found


def _is_clear_unit(cell: str) -> bool:
    return cell[0] in "([{%°" or cell.lower() in (
        "mv",
        "v",
        "a",
        "w",
        "kw",
        "hz",
        "m/s",
        "bar",
        "c",
        "k",
        "s",
        "ms",
        "mm",
    )


def _find_footer(lines: Sequence[str], table: TableFormat, title: str, width: int) -> tuple[int, list[str]]:
    """The number of rows at the end that are no rows of values, and why."""
    if len(lines) > _LINES:
        lines, table = lines[-_LINES:], replace(table, skip_rows=0)
    return _footer_of([cells for _, cells in split_rows(lines, table, title, is_strict=False)], width)


def _footer_of(rows: Sequence[Cells], width: int) -> tuple[int, list[str]]:
    found, notes = 0, list[str]()
    while found < min(_MOST_FOOTER, len(rows) - 1 - _FEWEST) and _is_no_row(rows[-1 - found], width):
        found += 1
    if found:
        cell = next((cell for cell in rows[-found] if cell), "")
        words = "rows are" if found > 1 else "row is"
        notes.append(f"the last {found} {words} left out: '{cell[:40]}' is no row of values")
    left = rows[: len(rows) - found]
    if len(left) > 1 + _FEWEST:
        total = next((cell for cell in left[-1] if is_total(cell)), None)
        if total is not None and not any(total in row for row in left[1:-1]):
            found += 1
            notes.append(f"the last row holds totals ('{total}') and is left out")
    return found, notes


def _words(table: TableFormat, why: str, rows: Sequence[Cells]) -> list[str]:
    found = list[str]()
    if table.delimiter != ",":
        names = {";": "semicolons", "\t": "tabs", "|": "pipes", " ": "runs of blanks"}
        found.append(f"columns are separated by {names[table.delimiter]}")
    if table.comment:
        found.append(f"lines that begin with '{table.comment}' are left out")
    if table.skip_rows:
        found.append(f"the first {table.skip_rows} line{'s are' if table.skip_rows > 1 else ' is'} left out")
    if not table.header:
        found.append(f"there is no header ({why}): columns are called c1 to c{len(rows[0]) if rows else 0}")
    if table.units_rows:
        first = next((cell for cell in rows[1] if cell), "") if len(rows) > 1 else ""
        many = table.units_rows
        found.append(
            f"{many} row{'s' * (many > 1)} of units below the header {'are' if many > 1 else 'is'} left out "
            f"('{first[:20]}', ...)"
        )
    return found
