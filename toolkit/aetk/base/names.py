"""The natural order of file names, and file names as Unicode text."""

import re
import sys

_NUMBER = re.compile("([0-9]+)")


def natural_order(name: str) -> tuple[object, ...]:
    """A sort key that compares the numbers in names as numbers, so that m-9 comes before m-10."""
    parts = _NUMBER.split(name)  # texts, with a number of any length at every odd place
    parts[1::2] = [digits.lstrip("0") for digits in parts[1::2]]
    return tuple((len(part), part) if place % 2 else part for place, part in enumerate(parts)), name


def as_text(name: str) -> str:
    """A file name as valid Unicode, for a card: bytes that are not valid text are escaped.

    Python keeps bytes that the locale's encoding does not know as surrogates. Valid UTF-8 among them is decoded.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode(errors=sys.getfilesystemencodeerrors()).decode(errors="backslashreplace")
    return name
