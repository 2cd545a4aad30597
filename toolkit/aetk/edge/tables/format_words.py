"""The parts of a table's format in words, for messages and for `--table-format KEY=VALUE`."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from aetk.base.errors import BadInput
from aetk.contract.dialect import escape_for_message
from aetk.contract.reading import DEFAULT, DELIMITERS, ENCODINGS, Refused, TableFormat, read_format


class Word(NamedTuple):
    """A sign in words: its name in an option, one of it, and several."""

    name: str
    one: str
    many: str


DELIMITER_WORDS = {
    ",": Word("comma", "a comma", "commas"),
    ";": Word("semicolon", "a semicolon", "semicolons"),
    "\t": Word("tab", "a tab", "tabs"),
    "|": Word("pipe", "a pipe", "pipes"),
    " ": Word("blanks", "a blank", "blanks"),
}
_SIGNS = {
    **{word.name: sign for sign, word in DELIMITER_WORDS.items()},
    "blank": " ",
    "space": " ",
    "\\t": "\t",
    "point": ".",
    "apostrophe": "'",
    "none": "",
    "no-break-space": "\u00a0",
    "narrow-no-break-space": "\u202f",
}
_COUNTS = ("skip_rows", "units_rows", "skip_footer")
KEYS = tuple(key for key in DEFAULT.to_data() if key != "labels")
"""The keys that an option can set."""


def overridden(table: TableFormat, pairs: Iterable[str], *, default_text: bool = False) -> TableFormat:
    """A format with other values, as options say them.

    Args:
        table: the card's format.
        pairs: `KEY=VALUE`, such as `delimiter=semicolon`; `missing` may occur several times, and adds a marker.
        default_text: whether rows and numbers are written as in the default format, and only the markers and labels
            are those of the card.

    Raises:
        BadInput: a key that a format does not have, or a value that it does not allow.
    """
    found = replace(DEFAULT, missing=table.missing, labels=table.labels) if default_text else table
    data = found.to_data()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or key not in KEYS:
            shown = escape_for_message(pair)
            raise BadInput(f"--table-format {shown}: expected KEY=VALUE.", f"The keys are {', '.join(KEYS)}.")
        data[key] = [*data[key], value] if key == "missing" else _value(key, value)
        try:
            read_format(data)
        except Refused:
            shown = escape_for_message(pair)
            raise BadInput(f"--table-format {shown}: a format cannot have it.", _expected(key)) from None
    return read_format(data)


def _value(key: str, value: str) -> Any:
    if key in _COUNTS:
        return int(value) if value.isascii() and value.isdigit() and len(value) < 9 else -1
    if key == "header":
        return {"true": True, "false": False, "yes": True, "no": False}.get(value.lower(), value)
    if key in ("delimiter", "decimal", "thousands"):
        return _SIGNS.get(value.lower(), value)
    return {"latin1": "latin-1", "utf8": "utf-8", "utf16": "utf-16"}.get(value, value) if key == "encoding" else value


def _expected(key: str) -> str:
    several: dict[str, Sequence[str]] = {
        "delimiter": [DELIMITER_WORDS[sign].name for sign in DELIMITERS],
        "decimal": ["point", "comma"],
        "thousands": ["none", "comma", "point", "blank", "apostrophe", "no-break-space", "narrow-no-break-space"],
        "encoding": ENCODINGS,
    }
    if key in several:
        return f"It is one of {', '.join(several[key])}, and the decimal sign is not that of thousands."
    if key in _COUNTS:
        return "It is a whole number, 0 or more."
    return "It is true, false, or the first cell of the line that holds the names."
