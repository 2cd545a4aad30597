"""Names of files: their natural order, and their text."""

import re
import sys

_NUMBER = re.compile("([0-9]+)")


def natural_order(name: str) -> tuple[object, ...]:
    """A key to sort names by: what is a number in them is compared as one, so that m-9 comes before m-10."""
    parts = _NUMBER.split(name)  # texts, and at every odd place a number, of whatever length
    parts[1::2] = [digits.lstrip("0") for digits in parts[1::2]]
    return tuple((len(part), part) if place % 2 else part for place, part in enumerate(parts)), name


def as_text(name: str) -> str:
    """A file's name as Unicode text, which a card can hold: bytes of it that no text has are escaped.

    Python stands in surrogates for bytes that the locale's encoding does not know. Those that are UTF-8 are read so.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode(errors=sys.getfilesystemencodeerrors()).decode(errors="backslashreplace")
    return name
