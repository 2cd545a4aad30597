"""Reads JSON strictly, and turns it into dataclasses whose fields have exactly the declared types."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from aetk.base.errors import BadInput


@dataclass(frozen=True)
class Document:
    """A JSON document's name in messages, and what to do if it is bad.

    With `is_unicode`, text that is not valid Unicode is refused; file names may be such text.
    """

    name: str
    remedy: str
    is_unicode: bool = True


OPTIONAL = {"optional": True}
"""The metadata of a dataclass field that a document may lack."""

_SCALARS = {int: "a whole number", str: "text", bool: "true or false", float: "a finite number"}


def parse(text: str | bytes) -> Any:
    """Parse a JSON text in which every number is finite and no object has two members of the same name.

    Raises:
        ValueError: the text is not such JSON; a `json.JSONDecodeError` if its syntax is wrong.
    """
    try:
        return json.loads(text, parse_constant=_finite, parse_float=_finite, object_pairs_hook=_members)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has two members of the same name")
    return members


def read(kind: Any, value: Any, where: str, of: Document) -> Any:
    """Convert a JSON value to the type `kind`.

    `kind` is a scalar, `Literal`, `X | None`, `tuple[X, ...]`, `Mapping[str, X]`, or a dataclass of such types.
    Members that the dataclass does not have are ignored. A field with the metadata `OPTIONAL` may be missing; its
    default then takes its place.

    Raises:
        BadInput: a value is missing or has another type; the message names its place.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if kind in _SCALARS:
        return _scalar(kind, value, where, of)
    if origin is Literal:
        if value not in arguments or type(value) is not str:
            raise _wrong(where, value, "one of " + ", ".join(arguments), of)
        return value
    if origin is UnionType:
        (inner,) = (a for a in arguments if a is not type(None))
        return None if value is None else read(inner, value, where, of)
    if origin is tuple:
        if not isinstance(value, list):
            raise _wrong(where, value, "a list", of)
        return tuple(read(arguments[0], item, f"{where}[{i}]", of) for i, item in enumerate(value))
    if not isinstance(value, dict):
        raise _wrong(where, value, "an object", of)
    if origin is Mapping:
        return {key: read(arguments[1], item, f"{where}.{key}", of) for key, item in value.items()}
    assert is_dataclass(kind) and isinstance(kind, type)  # noqa: PT018 - one condition for the type checker
    hints = get_type_hints(kind)
    parts = {}
    for field in fields(kind):
        if field.name not in value and field.metadata == OPTIONAL:
            continue
        if field.name not in value:
            raise BadInput(f"The {of.name} lacks {_within(of, where)}{field.name}.", of.remedy)
        parts[field.name] = read(hints[field.name], value[field.name], f"{where}.{field.name}", of)
    return kind(**parts)


def _scalar(kind: type, value: Any, where: str, of: Document) -> Any:
    if kind is float and type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    elif type(value) is kind and (kind is not str or not of.is_unicode or is_unicode(str(value))):
        return value
    raise _wrong(where, value, _SCALARS[kind], of)


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a text, which is so unless it has half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _within(of: Document, where: str) -> str:
    """The path of a field in a document, without the field's own name."""
    return "" if where == of.name else f"{where.removeprefix(of.name + '.')}."


def _wrong(where: str, value: Any, expected: str, of: Document) -> BadInput:
    where = f"The {of.name}" if where == of.name else f"The {of.name}'s {where.removeprefix(of.name + '.')}"
    return BadInput(f"{where} is {repr(value)[:40]}; expected {expected}.", of.remedy)
