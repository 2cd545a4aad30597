"""What single cells of a table look like: missing, a number, a time, the name of a unit or of a total."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from aetk.contract.reading import Encoding, TableFormat, parser, seconds_of

MARKERS = frozenset(
    [
        "?",
        "-",
        "--",
        "---",
        ".",
        "..",
        "*",
        "n/a",
        "#n/a",
        "<na>",
        "none",
        "nil",
        "nat",
        "missing",
        "unknown",
        "undefined",
        "n.a.",
        "nd",
        "n.d.",
        "\\n",
        "(empty)",
        "(null)",
        "#div/0!",
        "#value!",
        "#null!",
        "#num!",
        "#ref!",
    ]
)
"""Cells, in lower case, that mean a missing value where other cells are numbers or times."""
_MISSING = frozenset(("", "na", "nan", "null"))
_TOTALS = frozenset(
    [
        "total",
        "totals",
        "sum",
        "summe",
        "gesamt",
        "gesamtsumme",
        "insgesamt",
        "totaal",
        "suma",
        "somme",
        "totale",
        "average",
        "avg",
        "mean",
        "mittelwert",
        "durchschnitt",
        "median",
        "min",
        "max",
        "minimum",
        "maximum",
        "std",
        "count",
    ]
)
_UNIT = re.compile(r"[(\[{].{0,20}[)\]}]|%|‰|°.?|[a-zA-Zµμ°Ω%/²³^0-9.·*-]{1,12}|deg .|-|")
_LIKE_TIME = re.compile(r"[0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2})?(?:[.,][0-9]+)?(?: ?[AaPp][Mm])?")
_NUMERIC = re.compile(
    r"[-+]?[0-9][0-9.,' \u00a0\u202f]*(?:[eE][-+]?[0-9]+)? ?%?|[-+]?[.,][0-9]+ ?%?|[-+]?inf(?:inity)?", re.I
)
_MONTHS = re.compile(r"(?i)jan|feb|mar|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez")


def is_missing(cell: str) -> bool:
    """Whether every reader takes a cell for a missing value."""
    return cell.lower() in _MISSING and cell.isascii()


def is_marker(cell: str) -> bool:
    """Whether a cell among numbers means a missing value by custom."""
    return cell.lower() in MARKERS


def looks_numeric(cell: str) -> bool:
    """Whether a cell is a number in some notation: with a decimal comma, thousands, a percent sign."""
    return bool(_NUMERIC.fullmatch(cell))


def is_clock(cell: str) -> bool:
    """Whether a cell is a time of day without a date."""
    return bool(_LIKE_TIME.fullmatch(cell)) and (":" in cell or cell.count(".") == 2)


def looks_like_time(cell: str) -> bool:
    """Whether a cell is a date, a date with a time, or a time of day."""
    return bool(_dated(cell)) or is_clock(cell) or (bool(_MONTHS.search(cell)) and any(c.isdigit() for c in cell))


@lru_cache(1 << 12)
def _dated(cell: str) -> tuple[str, ...]:
    return tuple(order for order in ("ymd", "dmy", "mdy") if _is_time(cell, order))


def _is_time(cell: str, order: str) -> bool:
    try:
        seconds_of(cell, order)
    except ValueError:
        return False
    return True


def time_formats(cells: Iterable[str]) -> tuple[str, ...]:
    """The orders of year, month and day that all cells can be read by."""
    left = {"ymd", "dmy", "mdy"}
    for cell in cells:
        left &= {order for order in left if _is_time(cell, order)}
        if not left:
            break
    return tuple(order for order in ("ymd", "dmy", "mdy") if order in left)


def is_unit(cell: str) -> bool:
    """Whether a cell may be the name of a unit, such as (mV), m/s or %."""
    return bool(_UNIT.fullmatch(cell)) and not looks_numeric(cell)


def is_total(cell: str) -> bool:
    """Whether a cell names a row of totals."""
    return cell.lower().rstrip(":. ") in _TOTALS or cell.lower().startswith(("total ", "sum ", "grand total", "gesamt"))


def unread(cells: Iterable[str], encoding: Encoding, table: TableFormat) -> list[str]:
    """The cells that an encoding does not allow, each once."""
    parse, wrong = parser(encoding, table), []
    for cell in dict.fromkeys(cells):
        try:
            parse(cell)
        except ValueError:
            wrong.append(cell)
    return wrong


def shown(cells: Sequence[str], most: int = 3) -> str:
    """A few cells for a message."""
    return ", ".join(f"'{cell[:40]}'" for cell in cells[:most]) + ", ..." * (len(cells) > most)
