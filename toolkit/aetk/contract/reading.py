"""How the cells of a table become the numbers of a model's input, as the card says: formats, categories, times.

A card of contract 2 may have a `table`, the format of the text files that the model was trained on, and features with
`levels`, `truths`, a `notation` or a `time`. What a card says was decided once, at training; nothing is guessed here.
This module alone decides it: for training, for scoring and for the Python app, which takes this file along as it is.
It needs the standard library of Python 3.9 only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timezone
from numbers import Integral
from typing import Any, NamedTuple, Optional, Union

DELIMITERS = (",", ";", "\t", "|", " ")
"""Between the cells of a row; a blank stands for any run of blanks and tabs, without quotes."""
ENCODINGS = ("utf-8", "utf-16", "cp1252", "latin-1")
"""UTF-8 with or without a byte-order mark; UTF-16 by its mark, little-endian without one."""
THOUSANDS = ("", ",", ".", " ", "'", "\u00a0", "\u202f")
NOTATIONS = ("decimal", "percent", "hex")
PARTS = ("hour sine", "hour cosine", "weekday sine", "weekday cosine")
"""What a time becomes: four features, each named after the column and the part."""
TIME_FORMATS = ("ymd", "dmy", "mdy", "s", "ms", "us", "ns")
"""The order of year, month and day; or the unit of a number that counts from 1970-01-01 00:00 UTC."""
MOST_LEVELS = 63
"""Of a category; with the one for all other text, a category has at most 64 indices."""

_BLANKS = " \t"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MISSING = frozenset(("", "na", "nan", "null"))
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE | re.ASCII)
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,12})")
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""How many units of a counted time a second has."""
TIME = re.compile(
    r"([0-9]{1,4})([-/.])([0-9]{1,2})\2([0-9]{1,4})"
    r"(?:[T ]+([0-9]{1,2})(?:[:.]([0-9]{2})(?:[:.]([0-9]{2})(?:[.,][0-9]+)?)?)?)?"
    r" ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
"""A time in words; its groups are a number, a sign, two numbers, and hours, minutes and seconds."""
_DAY = 86400
LATEST = 10**11
"""Seconds from 1970 that a counted time may have at most: some 3,000 years."""


class Refused(Exception):
    """Why what a card says of tables cannot be followed: `message` says what was found and expected."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class TableFormat:
    """The format of text files, as a card's `table` has it. The default values are the default format.

    Attributes:
        delimiter: one of `DELIMITERS`.
        second_delimiter: text that also separates cells; empty for none.
        decimal: the decimal sign, a point or a comma.
        thousands: the sign between groups of three digits; empty for none.
        encoding: one of `ENCODINGS`.
        header: True if the first row holds the names; False if there is no such row, and the columns are called c1, c2,
            ...; or the first cell of the line that holds the names after it.
        skip_rows: the number of lines before everything else.
        comment: lines that begin with this text are left out; empty for none.
        units_rows: the number of rows between the names and the values.
        skip_footer: the number of rows at the end that are left out.
        missing: cells that mean a missing value, beside empty, NA, NaN and null.
        labels: the label column and its values; None without labels, or if they are 0 and 1.
    """

    delimiter: str = ","
    second_delimiter: str = ""
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    header: Union[bool, str] = True
    skip_rows: int = 0
    comment: str = ""
    units_rows: int = 0
    skip_footer: int = 0
    missing: tuple[str, ...] = ()
    labels: Optional[Labels] = None

    @property
    def is_default(self) -> bool:
        """Whether it is the default format, which no card mentions."""
        return self == DEFAULT

    @property
    def is_default_text(self) -> bool:
        """Whether rows are split and numbers written as in the default format, whatever the markers and labels."""
        return all(getattr(self, name) == getattr(DEFAULT, name) for name in _TEXT_KEYS)

    def to_data(self) -> dict[str, Any]:
        """It as plain JSON, every key in its place."""
        return {**asdict(self), "missing": list(self.missing), "labels": self.labels and self.labels.to_data()}


_TEXT_KEYS = (
    "delimiter", "second_delimiter", "decimal", "thousands", "encoding", "header", "skip_rows", "comment", "units_rows",
    "skip_footer",
)  # fmt: skip


@dataclass(frozen=True)
class Labels:
    """What the cells of a label column mean. Of `anomaly` and `ordinary`, one is empty: the other's cells are all else.

    Attributes:
        column: the name of the label column.
        anomaly: the cells that mean an anomaly; any other that is not missing means an ordinary row.
        ordinary: the cells that mean an ordinary row; any other that is not missing means an anomaly.
    """

    column: str
    anomaly: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """It as plain JSON."""
        return {"column": self.column, "anomaly": list(self.anomaly), "ordinary": list(self.ordinary)}

    def is_anomaly(self, cell: str) -> bool:
        """Whether a cell, without blanks around it, means an anomaly. Numbers are compared by value."""
        same = {_canonical(word) for word in self.anomaly or self.ordinary}
        return (_canonical(cell) in same) == bool(self.anomaly)


def _canonical(cell: str) -> Union[str, float]:
    return float(cell) if _NUMBER.fullmatch(cell) else cell


@dataclass(frozen=True)
class Encoding:
    """How the cells of one table column become one feature, as the feature of a card has it.

    At most one of `levels`, `truths`, `notation` other than decimal, and `time_part` is set.

    Attributes:
        column: the name of the table's column; that of the feature, except for a time.
        levels: the text of a category's levels: a cell becomes the index of its level, and len(levels) for all other
            text and for a missing cell.
        truths: the text for false and the text for true, in lower case: cells become 0 and 1.
        notation: one of `NOTATIONS`: percent leaves out one % at the end; hex is a whole number to the base 16.
        missing: cells of this column that mean a missing value, beside those of the table.
        time_format: one of `TIME_FORMATS`; empty for a column that is not a time.
        time_part: one of `PARTS`; empty for a column that is not a time.
        tells_missing: whether a missing cell of a category becomes NaN, so that a reader can count the other cells
            whose text is no level. No card has it.
    """

    column: str
    levels: tuple[str, ...] = ()
    truths: tuple[str, ...] = ()
    notation: str = "decimal"
    missing: tuple[str, ...] = ()
    time_format: str = ""
    time_part: str = ""
    tells_missing: bool = False

    @property
    def fill(self) -> float:
        """What a missing cell becomes: the last index of a category, else NaN."""
        return float(len(self.levels)) if self.levels and not self.tells_missing else math.nan

    @property
    def is_number(self) -> bool:
        """Whether the cells are decimal numbers."""
        return not (self.levels or self.truths or self.time_part) and self.notation == "decimal"

    @property
    def keeps_numbers(self) -> bool:
        """Whether a number of a program is its own value, unless it means a missing one."""
        return not (self.levels or self.truths or self.time_part)

    @property
    def is_plain(self) -> bool:
        """Whether it is that of a feature that contract 1 can have."""
        return self.is_number and not self.missing

    def to_data(self, name: str) -> dict[str, Any]:
        """The keys that the feature of this name has in the card besides those of contract 1."""
        data: dict[str, Any] = {}
        if self.levels:
            data["levels"] = list(self.levels)
        if self.truths:
            data["truths"] = list(self.truths)
        if self.notation != "decimal":
            data["notation"] = self.notation
        if self.missing:
            data["markers"] = list(self.missing)
        if self.time_part:
            data["time"] = {"column": self.column, "format": self.time_format, "part": self.time_part}
        elif self.column != name:
            raise ValueError(name)
        return data


DEFAULT = TableFormat()
"""The default format."""


def read_format(data: Any) -> TableFormat:
    """The format of a card's `table`; None is the default one. Raise Refused for one that cannot be followed."""
    if data is None:
        return DEFAULT
    if not isinstance(data, dict):
        raise Refused(f"its table format is {repr(data)[:40]}; expected an object")
    unknown = sorted(set(data) - set(DEFAULT.to_data()))
    if unknown:
        raise Refused(f"its table format has the unknown key '{unknown[0][:40]}'")
    labels = data.get("labels")
    try:
        if not isinstance(data.get("missing", []), list):
            raise TypeError("missing")
        known = (
            None if labels is None else Labels(labels["column"], *(tuple(labels[k]) for k in ("anomaly", "ordinary")))
        )
        found = TableFormat(**{**data, "missing": tuple(data.get("missing", ())), "labels": known})
        _check_format(found)
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"its table format cannot be followed: {error}") from None
    return found


def _check_format(found: TableFormat) -> None:
    texts = (found.second_delimiter, found.comment, *found.missing)
    counts = (found.skip_rows, found.units_rows, found.skip_footer)
    labels = found.labels
    wrong = {
        "delimiter": found.delimiter not in DELIMITERS,
        "decimal": found.decimal not in (".", ","),
        "thousands": found.thousands not in THOUSANDS or found.thousands == found.decimal,
        "encoding": found.encoding not in ENCODINGS,
        "header": not isinstance(found.header, (bool, str)) or found.header == "",
        "text": not all(isinstance(text, str) for text in texts),
        "count": not all(type(count) is int and 0 <= count <= 10**6 for count in counts),
        "labels": labels is not None and bool(labels.anomaly) == bool(labels.ordinary),
    }
    for what, is_wrong in wrong.items():
        if is_wrong:
            raise ValueError(what)


def read_encoding(feature: Mapping[str, Any]) -> Encoding:
    """How the cells of a feature of a card are read. Raise Refused for what cannot be followed."""
    name = feature["name"]
    try:
        lists = [feature.get(key, []) for key in ("levels", "truths", "markers")]
        is_time = feature.get("time") is not None
        time = feature["time"] if is_time else {}
        found = Encoding(
            column=time.get("column", name),
            levels=tuple(feature.get("levels", ())),
            truths=tuple(feature.get("truths", ())),
            notation=feature.get("notation", "decimal"),
            missing=tuple(feature.get("markers", ())),
            time_format=time.get("format", ""),
            time_part=time.get("part", ""),
        )
        texts = (found.column, *found.levels, *found.truths, *found.missing)
        kinds = [bool(found.levels), bool(found.truths), found.notation != "decimal", is_time]
        sound = (
            all(isinstance(texts, (list, tuple)) for texts in lists)
            and all(isinstance(text, str) for text in texts)
            and len(found.levels) == len(set(found.levels)) <= MOST_LEVELS
            and len(found.truths) == len(set(found.truths)) in (0, 2)
            and found.notation in NOTATIONS
            and (not is_time or (found.time_part in PARTS and found.time_format in TIME_FORMATS))
            and sum(kinds) <= 1
        )
    except (AttributeError, TypeError):
        sound = False
    if not sound:
        raise Refused(f"its feature '{str(name)[:40]}' cannot be read as it says")
    return found


def strip(cell: str) -> str:
    """A cell without the blanks and tabs around it."""
    return cell.strip(_BLANKS)


def parser(encoding: Encoding, table: TableFormat) -> Callable[[str], float]:
    """Make the function that turns a cell of a text file, without blanks around it, into the value of a feature.

    The function returns NaN for a missing cell, an infinity for an infinite one, and raises ValueError for a cell that
    the format does not allow.
    """
    missing = frozenset((*table.missing, *encoding.missing))
    convert, fill = _converter(encoding, table), encoding.fill

    def parse(cell: str) -> float:
        return fill if is_missing(cell, missing) else convert(cell)

    return parse


def is_missing(cell: str, markers: Container[str]) -> bool:
    """Whether a cell, without blanks around it, is a missing value: a marker, or one of the usual words."""
    return cell in markers or (cell.lower() in _MISSING and cell.isascii())


class Converter(NamedTuple):
    """How the values that a program has become one feature.

    Attributes:
        column: the name that the values have in the program's rows.
        convert: turns a value into the feature's; raises ValueError or TypeError for one that it does not take.
        expected: what it takes, for messages.
        markers: the numbers that mean a missing value, if all others stay as they are; None if numbers are converted.
    """

    column: str
    convert: Callable[[Any], float]
    expected: str
    markers: Optional[tuple[float, ...]]


def converters(features: Mapping[str, Encoding], table: TableFormat) -> dict[str, Converter]:
    """The converters of the features, by name, that are more than a column of plain numbers."""
    return {
        name: Converter(
            encoding.column,
            converter(encoding, table),
            expected(encoding),
            number_markers(encoding, table) if encoding.keeps_numbers else None,
        )
        for name, encoding in features.items()
        if not encoding.is_plain or table.missing
    }


def number_markers(encoding: Encoding, table: TableFormat) -> tuple[float, ...]:
    """The numbers that mean a missing value in a column of numbers: they are compared by value."""
    markers = {*table.missing, *encoding.missing}
    return tuple(sorted({float(marker) for marker in markers if _NUMBER.fullmatch(marker)}))


def converter(encoding: Encoding, table: TableFormat) -> Callable[[Any], float]:
    """Make the function that turns a value of a program into the value of a feature, as `parser` does for a cell.

    The function takes None, true and false, numbers, text and times of Python. A number is looked up among levels,
    truths and markers by its shortest decimal text. Text is not read as a decimal number. It raises ValueError or
    TypeError for what the feature does not have.
    """
    parse, fill = parser(encoding, table), encoding.fill
    missing = frozenset((*table.missing, *encoding.missing))
    keys = frozenset((*encoding.levels, *encoding.truths))
    missing_numbers = frozenset(number_markers(encoding, table))

    def convert(value: Any) -> float:
        if value is None:
            return fill
        if isinstance(value, str):
            text = value if table.is_default else strip(value)
            if encoding.is_number and text not in missing:
                raise ValueError(value)
            return parse(text)
        if isinstance(value, date):
            return _of_time(value)
        number = _as_float(value)
        if number != number or number in missing_numbers:
            return fill
        if isinstance(value, bool) and encoding.levels:
            return parse(str(value) if str(value) in keys else str(value).lower())
        if encoding.levels or encoding.truths:
            return parse(shortest(value))
        if not encoding.time_part:
            return number
        if isinstance(value, bool) or encoding.time_format not in UNITS:
            raise ValueError(value)
        return time_part(counted_seconds(number, encoding.time_format), encoding.time_part)

    def _of_time(value: date) -> float:
        if value != value:  # pandas' own missing time
            return fill
        if not encoding.time_part:
            raise TypeError(value)
        return time_part(_seconds_of_clock(value, in_utc=encoding.time_format in UNITS), encoding.time_part)

    return convert


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return -math.inf if value < 0 else math.inf


def shortest(number: Any) -> str:
    """The shortest decimal text of a number: 3 for 3.0."""
    if isinstance(number, Integral):
        return str(int(number))
    value = float(number)
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)


def _seconds_of_clock(value: date, *, in_utc: bool) -> float:
    """The seconds of a time of Python from 1970-01-01 00:00 on its own clock; of a counted time, on that of UTC."""
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if in_utc and value.tzinfo is not None:
        value = value.astimezone(timezone.utc)  # noqa: UP017 - Python 3.9 has no UTC
    days = value.toordinal() - 719163
    return float(days * _DAY + value.hour * 3600 + value.minute * 60 + value.second)


def expected(encoding: Encoding, table: TableFormat = DEFAULT) -> str:
    """What the cells of a feature hold, for messages."""
    if encoding.truths:
        return " or ".join(f"'{truth}'" for truth in encoding.truths)
    if encoding.levels:
        return "text"
    if encoding.time_part:
        return f"a time ({_TIMES[encoding.time_format]})"
    if encoding.notation == "hex":
        return "a hexadecimal number"
    comma = " with a decimal comma" if table.decimal == "," else ""
    return f"a number{comma}"


_TIMES = {
    "ymd": "year, month, day",
    "dmy": "day, month, year",
    "mdy": "month, day, year",
    "s": "seconds from 1970",
    "ms": "milliseconds from 1970",
    "us": "microseconds from 1970",
    "ns": "nanoseconds from 1970",
}


def _converter(encoding: Encoding, table: TableFormat) -> Callable[[str], float]:
    number = _number_parser(table)
    if encoding.levels:
        indices, other = {level: float(i) for i, level in enumerate(encoding.levels)}, float(len(encoding.levels))
        return lambda cell: indices.get(cell, other)
    if encoding.truths:
        values = dict(zip(encoding.truths, (0.0, 1.0)))
        return lambda cell: values[cell.lower()] if cell.lower() in values else _zero_or_one(number(cell))
    if encoding.time_part:
        return lambda cell: time_part(seconds_of(cell, encoding.time_format), encoding.time_part)
    if encoding.notation == "hex":
        return _hex
    if encoding.notation == "percent":
        return lambda cell: number(cell[:-1].rstrip(_BLANKS) if cell.endswith("%") else cell)
    return number


def _zero_or_one(value: float) -> float:
    if value not in (0.0, 1.0):
        raise ValueError(value)
    return value


def _hex(cell: str) -> float:
    found = _HEX.fullmatch(cell)
    if not found:
        raise ValueError(cell)
    return float(int(found[1], 16))


def _number_parser(table: TableFormat) -> Callable[[str], float]:
    """Make the function that reads a decimal or exponent number, or an infinity, with the format's own signs."""
    point, group = re.escape(table.decimal), re.escape(table.thousands)
    grouped = re.compile(rf"[+-]?[0-9]{{1,3}}(?:{group}[0-9]{{3}})+(?:{point}[0-9]*)?(?:[eE][+-]?[0-9]+)?")

    def number(cell: str) -> float:
        text = cell
        if table.thousands and grouped.fullmatch(text):
            text = text.replace(table.thousands, "")
        if table.decimal == ",":
            text = text.translate(_COMMA_FOR_POINT)
        if _NUMBER.fullmatch(text):
            return float(text)
        if _INFINITE.fullmatch(cell):
            return float(cell)
        raise ValueError(cell)

    return number


_COMMA_FOR_POINT = {ord(","): ".", ord("."): ","}
"""A point then makes a cell no number, as a comma does where the decimal sign is a point."""


def seconds_of(cell: str, time_format: str) -> float:
    """The time of a cell in seconds from 1970-01-01 00:00, on the clock that wrote it: its zone changes nothing.

    Raises:
        ValueError: the cell is not a time of this format.
    """
    if time_format in UNITS:
        if not _NUMBER.fullmatch(cell):
            raise ValueError(cell)
        return counted_seconds(float(cell), time_format)
    found = TIME.fullmatch(cell)
    if not found:
        raise ValueError(cell)
    digits = dict(zip(time_format, (found[1], found[3], found[4])))
    if len(digits["y"]) not in (2, 4) or len(digits["m"]) > 2 or len(digits["d"]) > 2:
        raise ValueError(cell)
    year, month, day = (int(digits[part]) for part in "ymd")
    if len(digits["y"]) == 2:
        year += 1900 if year >= 69 else 2000
    hour, minute, second = (int(found[i] or 0) for i in (5, 6, 7))
    if not 1 <= month <= 12 or not 1 <= day <= _days(year, month) or hour > 23 or minute > 59 or second > 60:
        raise ValueError(cell)
    return float(_days_from_1970(year, month, day) * _DAY + hour * 3600 + minute * 60 + second)


def counted_seconds(count: float, time_format: str) -> float:
    """A counted time in seconds; raise ValueError for one that is too far from 1970."""
    seconds = count / UNITS[time_format]
    if not abs(seconds) <= LATEST:
        raise ValueError(count)
    return seconds


def _days(year: int, month: int) -> int:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 28 + leap if month == 2 else 30 + (month in (1, 3, 5, 7, 8, 10, 12))


def _days_from_1970(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar, for years from 0 on."""
    before = year - 1
    days = 365 * year + before // 4 - before // 100 + before // 400
    days += sum(_days(year, earlier) for earlier in range(1, month)) + day - 1
    return days - 719527  # the same sum for 1970-01-01


def time_part(seconds: float, part: str) -> float:
    """One of `PARTS` of a time in seconds from 1970-01-01 00:00, a Thursday. Weekdays count from Monday."""
    days = math.floor(seconds / _DAY)
    kind, _, wave = part.partition(" ")
    share = (seconds - days * _DAY) / _DAY if kind == "hour" else (days + 3) % 7 / 7
    angle = 2 * math.pi * share
    return math.sin(angle) if wave == "sine" else math.cos(angle)


def names(header: Sequence[str]) -> list[str]:
    """The names of a header's cells as they are matched: without the blanks around them."""
    return [strip(name) for name in header]
