"""Finds the kind of each column: number, true/false, category, time, identifier, and what is odd about it."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aetk.contract.dialect import parse_plain
from aetk.contract.reading import MOST_LEVELS, Encoding, TableFormat, parser
from aetk.lab.look.cells import is_clock, is_marker, is_missing, time_formats, unread
from aetk.lab.look.report import Column
from aetk.lab.look.sample import Cells

TRUTHS = (("false", "true"), ("no", "yes"), ("f", "t"), ("n", "y"), ("off", "on"))
_FEWEST_ROWS = 10
_MOST_SHOWN = 12
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,12}")
_BARE_HEX = re.compile(r"[0-9a-fA-F]{2}|[0-9a-fA-F]{4}")
_ADDRESS = re.compile(
    r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?|[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{0,4}){2,7}|(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}"
)
_TIME_NAME = re.compile(
    r"(?i)(?:^|[^a-z])(?:ts|time|timestamp|date|datetime|epoch|unixtime|stime|ltime)(?:$|[^a-z])|time(?:stamp)?$|^(?:time|date)"
)
_ID_NAME = re.compile(
    r"(?i:(?:^|[_ .-])(?:id|uid|uuid|guid|idx|index|key)$|^row_?id$|^record_?id$)|[a-z]I[dD]$|^I[dD][A-Z_ ]|#$"
)
_COUNTED = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_FIRST_TIME, _LAST_TIME = 9.4e8, 2.2e9
"""Seconds from 1970, of the years 1999 to 2039: numbers between them may be times."""
_COVERED = 0.95
"""The share of rows that the most frequent levels of a category with too many levels have to cover."""


@dataclass(frozen=True)
class Studied:
    """A column, with its numbers or the codes of its texts: float64 [rows], NaN for a missing cell."""

    column: Column
    values: NDArray[np.float64]


def study(
    name: str, cells: Cells, table: TableFormat, head: int, *, is_typed: bool, markers: tuple[str, ...] = ()
) -> Studied:
    """Find out what a column holds.

    Args:
        name: its name.
        cells: its cells in the rows looked at.
        table: the format, with the cells that mean missing values in all columns.
        head: the number of the first rows that follow each other in the table.
        is_typed: whether text is text, as in a data frame, and never a number.
        markers: cells that mean a missing value in this column.
    """
    if isinstance(cells, np.ndarray):
        return _numbers(name, _unmarked(cells, (*table.missing, *markers)), {}, head, "decimal")
    if table.decimal == "." and not table.missing and not markers and not is_typed:
        plain = parse_plain(cells)
        if plain is not None:
            return _numbers(name, np.array(plain), {}, head, "decimal")
    counts = Counter(cells)
    known = {*table.missing, *markers}
    missing = {cell: n for cell, n in counts.items() if cell in known or is_missing(cell)}
    texts = {cell: n for cell, n in counts.items() if cell not in missing}
    if not texts:
        return Studied(Column(name, "empty", missing=_counted(missing)), np.full(len(cells), np.nan))
    for notation in ("decimal", "percent"):
        encoding = Encoding(name, notation=notation, missing=markers)
        wrong = unread(texts, encoding, table)
        custom = [cell for cell in wrong if is_marker(cell)]
        if len(wrong) == len(custom) < len(texts):
            if is_typed:
                return _coded(name, "mixed", cells, texts, missing, why="text that looks like numbers")
            missing |= {cell: texts[cell] for cell in wrong}
            encoding = replace(encoding, missing=(*markers, *custom))
            return _numbers(name, _parsed(cells, encoding, table), missing, head, notation, tuple(custom))
    return _text(name, cells, texts, missing, table, is_typed)


def _unmarked(values: NDArray[np.float64], markers: tuple[str, ...]) -> NDArray[np.float64]:
    for marker in markers:
        try:
            values = np.where(values == float(marker), np.nan, values)
        except ValueError:
            continue
    return values


def _parsed(cells: list[str], encoding: Encoding, table: TableFormat) -> NDArray[np.float64]:
    parse = parser(encoding, table)
    known = {cell: parse(cell) for cell in dict.fromkeys(cells)}
    return np.array([known[cell] for cell in cells])


def _counted(counts: Mapping[str, int], most: int = _MOST_SHOWN) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: -item[1])[:most])


def _numbers(
    name: str,
    values: NDArray[np.float64],
    missing: dict[str, int],
    head: int,
    notation: str,
    custom: tuple[str, ...] = (),
) -> Studied:
    lacking = int(np.isnan(values).sum())
    if lacking and not missing:
        missing = {"": lacking}
    finite = values[np.isfinite(values)]
    odd = list[str]()
    if not len(finite):
        return Studied(Column(name, "empty", missing=_counted(missing)), values)
    for marker, rows in _sentinels(finite).items():
        odd.append(f"{marker} in {rows:,} rows lies far from all others: it may mean a missing value")
        missing = {**missing, marker: rows}
        values = np.where(values == float(marker), np.nan, values)
        finite = values[np.isfinite(values)]
    column = Column(
        name=name,
        kind="number",
        missing=_counted(missing),
        distinct=len(np.unique(finite)),
        low=float(finite.min()),
        high=float(finite.max()),
        notation=notation,
        odd=tuple(odd),
    )
    infinite = int(np.isinf(values).sum())
    if infinite:
        column = replace(column, odd=(*column.odd, f"{infinite:,} infinite"))
    return Studied(_number_kind(column, values, head), values)


def _number_kind(column: Column, values: NDArray[np.float64], head: int) -> Column:
    """Tell numbers that say nothing about a row from others: row numbers, times, identifiers."""
    name, first = column.name, values[:head]
    if column.distinct == 1:
        return replace(column, odd=(*column.odd, f"constant: {column.low:g}"))
    finite = values[np.isfinite(values)]
    is_whole = bool((finite == np.floor(finite)).all())
    if len(first) >= _FEWEST_ROWS and is_whole and len(finite) == len(values):
        steps = np.diff(first)
        if (steps == 1).all() and (np.diff(values) > 0).all():
            return replace(column, kind="row number", why="it goes up by one with every row")
        if steps[0] != 0 and (steps == steps[0]).all() and _TIME_NAME.search(name):
            return replace(column, kind="time", why=f"it goes up by {steps[0]:g} with every row")
    rising = (
        len(finite) >= _FEWEST_ROWS and bool((np.diff(first[np.isfinite(first)]) >= 0).all()) and column.distinct > 2
    )
    for unit, scale in _COUNTED.items():
        assert column.low is not None
        assert column.high is not None
        if (
            column.low >= _FIRST_TIME * scale
            and column.high <= _LAST_TIME * scale
            and (rising or _TIME_NAME.search(name))
        ):
            return replace(column, kind="time", time_format=unit, why=f"it counts {unit} from 1970")
    if is_whole and _TIME_NAME.search(name) and _are_days(finite):
        return replace(column, kind="time", why="days as one number, such as 20260131")
    if is_whole and column.distinct == len(values) >= 2 * _FEWEST_ROWS and _ID_NAME.search(name):
        return replace(column, kind="identifier", why="another whole number in every row, and its name")
    return column


def _are_days(values: NDArray[np.float64]) -> bool:
    days, months = values % 100, values // 100 % 100
    years = values // 10000
    return bool(((days >= 1) & (days <= 31) & (months >= 1) & (months <= 12) & (years >= 1900) & (years <= 2100)).all())


def _sentinels(values: NDArray[np.float64]) -> dict[str, int]:
    """Numbers that by custom stand for missing values and lie far from all others, with the number of their rows."""
    found = {}
    for value in (-9999.0, -99999.0, -999.0, -99.0, -200.0, 9999.0, 99999.0, 999999.0):
        rows = int((values == value).sum())
        others = values[values != value]
        if not rows or len(others) < _FEWEST_ROWS or rows == len(values):
            continue
        low, high = float(others.min()), float(others.max())
        gap = low - value if value < 0 else value - high
        if gap > max(high - low, abs(high) / 10, 20) and (rows > 1 or value in (-999.0, -9999.0, -99999.0)) and gap > 0:
            found[f"{value:.0f}"] = rows
    return found


def _text(
    name: str, cells: list[str], texts: dict[str, int], missing: dict[str, int], table: TableFormat, is_typed: bool
) -> Studied:
    lower = {cell.lower() for cell in texts}
    custom = {cell for cell in lower if is_marker(cell)}
    for pair in TRUTHS:
        if lower - custom and lower - custom <= {*pair} and not (len(pair[0]) == 1 and len(lower) < 2):
            missing |= {cell: n for cell, n in texts.items() if cell.lower() in custom}
            return _coded(name, "true/false", cells, texts, missing)
    solid = [cell for cell in texts if not is_marker(cell)]
    if solid and not is_typed and (all(map(_HEX.fullmatch, solid)) or _is_bare_hex(solid, name)):
        marks = {cell: n for cell, n in texts.items() if is_marker(cell)}
        values = [float(int(cell, 16)) if cell not in missing and cell not in marks else np.nan for cell in cells]
        found = _numbers(name, np.array(values), missing | marks, 0, "hex")
        return replace(found, column=replace(found.column, kind="number"))
    formats = time_formats(solid) if solid else ()
    if formats or (solid and all(map(is_clock, solid))):
        marks = {cell: n for cell, n in texts.items() if is_marker(cell)}
        chosen = _one_format(formats, [cell for cell in cells if cell in texts and cell not in marks])
        why = "" if formats else "times of day without a date"
        found = _coded(name, "time", cells, texts, missing | marks, why=why)
        return replace(found, column=replace(found.column, time_format=chosen, levels=()))
    return _category(name, cells, texts, missing, table, is_typed)


def _is_bare_hex(cells: list[str], name: str) -> bool:
    return (
        len(cells) > 2
        and len({*map(len, cells)}) == 1
        and all(map(_BARE_HEX.fullmatch, cells))
        and any(any(c.isalpha() for c in cell) for cell in cells)
        and sum(any(c.isdigit() for c in cell) for cell in cells) > len(cells) // 2
    )


def _one_format(formats: tuple[str, ...], cells: list[str]) -> str:
    """The order of a date that fits all cells; of several, the one in which they rise; empty if none is sure."""
    from aetk.contract.reading import seconds_of

    if len(formats) < 2:
        return formats[0] if formats else ""
    rising = []
    for order in formats:
        seconds = np.array([seconds_of(cell, order) for cell in cells[:2000]])
        if (np.diff(seconds) >= 0).all() and seconds[0] < seconds[-1]:
            rising.append(order)
    if len(rising) == 1:
        return rising[0]
    return "dmy" if "dmy" in formats and all("." in cell.split(" ")[0] for cell in cells[:100]) else ""


def _category(
    name: str, cells: list[str], texts: dict[str, int], missing: dict[str, int], table: TableFormat, is_typed: bool
) -> Studied:
    rows, distinct = sum(texts.values()), len(texts)
    numbers = {cell for cell in texts if not unread([cell], Encoding(name), table)}
    numeric_rows = sum(texts[cell] for cell in numbers)
    if numbers and (2 * numeric_rows >= rows or 2 * len(numbers) >= distinct):
        return _coded(name, "mixed", cells, texts, missing, why="numbers and other text")
    if distinct == 1:
        return _coded(name, "constant", cells, texts, missing)
    if all(map(_ADDRESS.fullmatch, texts)):
        return _coded(name, "identifier", cells, texts, missing, why="addresses")
    if any(_digits_with_unit(cell) for cell in texts) and all(_digits_with_unit(cell) for cell in texts):
        return _coded(name, "text", cells, texts, missing, why="numbers with a unit in each cell")
    top = sum(sorted(texts.values(), reverse=True)[:MOST_LEVELS])
    if 2 * distinct <= rows and (distinct <= MOST_LEVELS or top >= _COVERED * rows):
        return _coded(name, "category", cells, texts, missing)
    words = sum(len(cell.split()) for cell in list(texts)[:200]) / min(distinct, 200)
    if words > 4:
        return _coded(name, "text", cells, texts, missing)
    if distinct > 0.9 * rows and rows > 1:
        return _coded(name, "identifier", cells, texts, missing)
    return _coded(name, "unclear", cells, texts, missing)


def _digits_with_unit(cell: str) -> bool:
    return bool(
        re.fullmatch(r"[^\w\s]{0,2} ?[-+]?[0-9][0-9.,' ]* ?[^0-9]{1,6}|[^\w\s]{1,2} ?[-+]?[0-9][0-9.,' ]*", cell)
    )


def _coded(
    name: str, kind: str, cells: list[str], texts: dict[str, int], missing: dict[str, int], why: str = ""
) -> Studied:
    codes = {cell: float(i) for i, cell in enumerate(cell for cell in texts if cell not in missing)}
    values = np.array([codes.get(cell, np.nan) for cell in cells])
    levels = {cell: n for cell, n in texts.items() if cell not in missing}
    column = Column(
        name=name,
        kind=kind,
        why=why,
        missing=_counted(missing),
        distinct=len(levels),
        levels=_counted(levels, MOST_LEVELS),
    )
    return Studied(column, values)
