"""What a cell of a table may hold, the same for every reader and every host.

A number is an ASCII decimal or exponent number. Empty, NA, NaN and null (any case) are missing; inf and infinity
(any case, signed or not) are infinite. Nothing else is a cell: not `1_000`, not ` 1`, not digits of other scripts.
"""

import itertools
import math
import re

MISSING_POLICIES = ("reject", "median")
"""What a model can do with a row that has a missing or infinite value: call it invalid, or fill in the median."""

ROW_BYTES = 2**24
"""The longest row of a CSV file, all its lines and their ends counted: 16 MiB."""

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
"""A pattern of all numbers, the same in Python's syntax and in RE2's."""

FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""What a text begins with that a spreadsheet may run."""

_NUMBER = re.compile(NUMBER)
_WORDS = {
    "": math.nan,
    "na": math.nan,
    "nan": math.nan,
    "null": math.nan,
    "inf": math.inf,
    "+inf": math.inf,
    "-inf": -math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-infinity": -math.inf,
}
_PLAIN = re.compile(r"[0-9eE+\-.,]*")
_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNPRINTED = re.compile("[\x00-\x1f\x7f-\xa0\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb]")


def missing_spellings() -> list[str]:
    """Every cell that is missing, in every mixture of cases."""
    words = [word for word, value in _WORDS.items() if math.isnan(value)]
    cases = (itertools.product(*((letter, letter.upper()) for letter in word)) for word in words)
    return ["".join(letters) for spellings in cases for letters in spellings]


def parse_cell(cell: str) -> float:
    """A cell's value: NaN where missing, an infinity where infinite or too large for a float64.

    Raises:
        ValueError: the cell is none of what the dialect knows.
    """
    if _NUMBER.fullmatch(cell):
        return float(cell)
    word = _WORDS.get(cell.lower()) if cell.isascii() else None
    if word is None:
        raise ValueError(cell)
    return word


def parse_plain(cells: list[str]) -> list[float] | None:
    """Many cells at once where all are plain numbers, as nearly all are; None where one needs `parse_cell`."""
    if not _PLAIN.fullmatch(",".join(cells)):
        return None
    try:
        return list(map(float, cells))  # of what _PLAIN admits, float() takes exactly the dialect's numbers
    except ValueError:
        return None


def printable(text: str) -> str:
    """Lines for a terminal, which no name of a card or a column may command."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def neutralize_formula(cell: str) -> str:
    """Text as it is written to CSV: an apostrophe before what a spreadsheet would run as a formula, unless a number."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(cell) else cell


def escape_for_message(cell: str, longest: int = 40) -> str:
    """A cell for a message, the same in every host: no longer than that, and what would not be seen is escaped."""
    shortened = cell if len(cell) <= longest else cell[: longest - 3] + "..."
    return _UNPRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", shortened)
