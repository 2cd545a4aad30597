"""The values that a table's cell may hold, the same for every reader and every host.

A number is an ASCII decimal or exponent number. Empty, NA, NaN and null (any case) are missing; inf and infinity
(any case, signed or not) are infinite. Everything else is refused: `1_000`, ` 1`, digits of other scripts.
"""

import itertools
import math
import re

MISSING_POLICIES = ("reject", "median")
"""What a model can do with a row that has a missing or infinite value: call it invalid, or fill in the median."""

ROW_BYTES = 2**24
"""The greatest length of a CSV row with its line ends: 16 MiB."""

NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
"""The pattern of a number, in a syntax that Python's re and RE2 share."""

FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""The first characters of a text that a spreadsheet may run as a formula."""

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
    """Every spelling of a missing cell, in every mixture of upper and lower case."""
    words = [word for word, value in _WORDS.items() if math.isnan(value)]
    cases = (itertools.product(*((letter, letter.upper()) for letter in word)) for word in words)
    return ["".join(letters) for spellings in cases for letters in spellings]


def parse_cell(cell: str) -> float:
    """The value of a cell: NaN if it is missing, an infinity if it is infinite or too large for float64.

    Raises:
        ValueError: the dialect does not allow the cell.
    """
    if _NUMBER.fullmatch(cell):
        return float(cell)
    word = _WORDS.get(cell.lower()) if cell.isascii() else None
    if word is None:
        raise ValueError(cell)
    return word


def parse_plain(cells: list[str]) -> list[float] | None:
    """The values of many cells at once if all are plain numbers, which is the usual case; else None."""
    if not _PLAIN.fullmatch(",".join(cells)):
        return None
    try:
        return list(map(float, cells))  # among cells that match _PLAIN, float() takes exactly the dialect's numbers
    except ValueError:
        return None


def printable(text: str) -> str:
    """Text for a terminal: control characters are escaped, so that a name cannot send commands to it."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def neutralize_formula(cell: str) -> str:
    """Text for a CSV cell: an apostrophe is put before a text, other than a number, that a spreadsheet would run."""
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) and not _NUMBER.fullmatch(cell) else cell


def escape_for_message(cell: str, longest: int = 40) -> str:
    """A cell for a message, the same in every host: cut to `longest` characters, invisible ones escaped."""
    shortened = cell if len(cell) <= longest else cell[: longest - 3] + "..."
    return _UNPRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", shortened)
