"""Reads JSON Lines: each line is an object, whose members are the columns of a row."""

import contextlib
import io
import itertools
import json
import math
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aetk.base.errors import BadInput
from aetk.base.typed_json import is_unicode
from aetk.contract.dialect import ROW_BYTES, escape_for_message
from aetk.contract.reading import DEFAULT, Converter, Encoding, TableFormat, converter, expected
from aetk.edge.tables.chunk import Chunk, FloatType, NotANumber, as_dtype, column_indices, row_location, show_name
from aetk.edge.tables.containers import to_convert
from aetk.edge.tables.source import Source, decoded

CHUNK_ROWS = 4096

_LINES = 'Each line is one JSON object, such as {"V1": 0.3, "V2": null}; for CSV, say --format csv.'
_NUMBERS = "Numbers look like 12, -3.5 or 1e-3, without quotes; null is a missing value."
_DIGITS = 300
"""Of numbers that are as exact as they are written; longer ones are infinite, or nearly."""
_CONSTANTS = ("NaN", "Infinity", "-Infinity")


class Literally(str):
    """A JSON value other than text, as it was written: a number keeps its digits."""


@dataclass(frozen=True)
class _Columns:
    """Which members of an object are read, and as which types; `converters` has an entry for each of `numeric`."""

    path: Path
    numeric: tuple[str, ...]
    text: tuple[str, ...]
    dtype: FloatType
    converters: tuple[Converter, ...] | None


def read_chunks(
    source: Source,
    numeric: Sequence[str],
    text: Sequence[str],
    dtype: FloatType,
    encodings: Sequence[Encoding] | None = None,
    table: TableFormat = DEFAULT,
) -> Generator[Chunk, None, None]:
    """See `edge.tables.read.read_chunks`; a text column's other values become `Literally`. Closes the source."""
    converters = None
    if encodings is not None:
        numeric = [encoding.column for encoding in encodings]
        converters = tuple(
            Converter(encoding.column, converter(encoding, table), expected(encoding), None) for encoding in encodings
        )
    columns = _Columns(source.name, tuple(numeric), tuple(text), dtype, converters)
    decoder = _decoder(keeps_digits=bool(text) or converters is not None)
    line, is_empty = 1, True
    with contextlib.closing(source):
        while block := source.block():
            lines = enumerate(io.BytesIO(block), line)
            while batch := list(itertools.islice(lines, CHUNK_ROWS)):
                for chunk in _chunks_of(columns, decoder, batch, source.share):
                    is_empty = False
                    yield chunk
                line += len(batch)
    if is_empty:
        raise BadInput(f"{source.name} is empty; expected JSON Lines.", _LINES)


def _chunks_of(
    columns: _Columns, decoder: json.JSONDecoder, batch: list[tuple[int, bytes]], share: float | None
) -> Iterator[Chunk]:
    """Yield lines as a chunk, without blank ones; if one is invalid, yield those before it, then raise its error."""
    rows, fault = list[tuple[int, list[Any], list[str]]](), None
    try:
        for number, line in batch:
            if not line.isspace():
                where = row_location(columns.path, number)
                row = _row(columns.path, number, line, decoder)
                rows.append((number, _values(where, row, columns), _texts(where, row, columns.text)))
    except BadInput as error:
        fault = error
    if rows:
        places, numbers, texts = zip(*rows, strict=True)
        values = as_dtype(np.array(numbers, np.float64).reshape(len(rows), len(columns.numeric)), columns.dtype)
        yield Chunk(values, tuple(zip(*texts, strict=True)), np.array(places, np.int64), share)
    if fault is not None:
        raise fault


class _Twice(Exception):
    """Two members of an object have this name."""


def _decoder(*, keeps_digits: bool) -> json.JSONDecoder:
    """A parser that refuses a name twice in an object; numbers too large for a float64 are infinite, as in CSV."""
    number: Any = Literally if keeps_digits else float
    return json.JSONDecoder(object_pairs_hook=_members, parse_int=number, parse_float=number, parse_constant=number)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise _Twice(next(name for name, count in counts.items() if count > 1))
    return members


def _row(path: Path, number: int, line: bytes, decoder: json.JSONDecoder) -> dict[str, Any]:
    """Parse a line as an object."""
    where = row_location(path, number)
    if len(line) > ROW_BYTES:
        raise BadInput(f"{where}: the row is longer than {ROW_BYTES >> 20} MiB.", _LINES)
    if number == 1 and line.lstrip().startswith(b"["):
        raise to_convert(path, "one JSON array")
    try:
        row = decoder.decode(decoded(path, line, number, "JSON Lines").rstrip("\r\n"))
    except RecursionError:
        raise BadInput(f"{where}: an object is nested too deeply.", _LINES) from None
    except json.JSONDecodeError as error:
        raise BadInput(f"{where}: not one JSON object from character {error.colno} on.", _LINES) from None
    except _Twice as error:
        name = show_name(str(error))
        raise BadInput(f"{where}: two members are called '{name}'.", "Rename or remove one of them.") from None
    if not isinstance(row, dict):
        raise BadInput(f"{where}: found {_shown(row)}, expected a JSON object.", _LINES)
    return row


def _chosen(where: str, row: dict[str, Any], names: Sequence[str]) -> list[Any]:
    try:
        return [row[name] for name in names]
    except KeyError:
        column_indices(where, tuple(row), names)
        raise


def _values(where: str, row: dict[str, Any], columns: _Columns) -> list[Any]:
    if columns.converters is None:
        return _numbers(where, row, columns.numeric)
    values = _chosen(where, row, columns.numeric)
    return [_converted(where, value, to) for value, to in zip(values, columns.converters, strict=True)]


def _converted(where: str, value: Any, to: Converter) -> float:
    try:
        return to.convert(_as_number(value) if isinstance(value, Literally) else value)
    except (ValueError, TypeError):
        hint = "null is a missing value; the model's card says what its features hold."
        raise NotANumber(where, to.column, _json(value), hint, to.expected) from None


def _as_number(value: str) -> float:
    return int(value) if value.lstrip("-").isdigit() and len(value) < _DIGITS else float(value)


def _numbers(where: str, row: dict[str, Any], names: Sequence[str]) -> list[Any]:
    """The named values, as types that NumPy converts to float64."""
    values = _chosen(where, row, names)
    if {float}.issuperset(map(type, values)):
        return values
    return [_number(where, name, value) for name, value in zip(names, values, strict=True)]


def _number(where: str, name: str, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, (float, bool, Literally)):
        return float(value)
    raise NotANumber(where, name, _json(value), _NUMBERS)


def _texts(where: str, row: dict[str, Any], names: Sequence[str]) -> list[str]:
    return [_text(where, name, value) for name, value in zip(names, _chosen(where, row, names), strict=True)]


def _text(where: str, name: str, value: Any) -> str:
    """The value of a text column as it was written; null is an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return Literally(_json(value))
    if isinstance(value, Literally) and value not in _CONSTANTS:
        return value
    if type(value) is str and is_unicode(value):
        return value
    found = f"{where}, column '{show_name(name)}': found {_shown(value)}"
    raise BadInput(f"{found}, expected text or a number.", "Copy another column.")


def _json(value: Any) -> str:
    """A value as JSON text, without the content of lists and objects."""
    if isinstance(value, (list, dict)):
        return "[...]" if isinstance(value, list) else "{...}"
    return value if isinstance(value, Literally) else json.dumps(value)


def _shown(value: Any) -> str:
    return escape_for_message(_json(value))
