"""Checks the arguments of public functions against their annotations, so that a wrong one gets a clear message."""

import functools
import inspect
import numbers
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from aetk.base.errors import AetkError, BadInput, from_os_error
from aetk.contract.dialect import escape_for_message

P = ParamSpec("P")
R = TypeVar("R")

_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    Path: "a path",
    NoneType: "None",
}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function check the types of its arguments before it runs.

    NumPy numbers are accepted as Python numbers, any path object as a `Path`, and one text as a sequence of texts. An
    argument that is annotated as `Any`, or not at all, may be anything; `str | Path | Any` may be anything except text
    that cannot be a file name.

    Raises:
        BadInput: an argument has the wrong type, or is not known, or there are too many.
        AetkError: in place of an OSError that the function raises.
    """
    signature = inspect.signature(function)

    @functools.cache
    def annotations() -> dict[str, Any]:
        return get_type_hints(function)  # not before the first call, since it resolves names of the module

    @functools.wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            bound = signature.bind(*arguments, **options)
        except TypeError as error:
            names = [name for name in signature.parameters if name != "self"]
            raise BadInput(f"{_name(function)}: {error}.", f"It takes: {', '.join(names)}.") from None
        for name, value in bound.arguments.items():
            kind = annotations().get(name, Any)
            found = _as(kind, value)
            if found is _Wrong:
                raise BadInput(f"{name} is {_shown(value)}; expected {_words(kind)}.", f"See help({_name(function)}).")
            bound.arguments[name] = found
        try:
            return function(*bound.args, **bound.kwargs)
        except BrokenPipeError:
            raise  # the reader has closed its end, which is not a failure
        except OSError as error:
            raise _own(from_os_error(error)) from error

    return call


def _own(error: AetkError) -> AetkError:
    """Mark an error as one that no other process reports."""
    error.is_reported = False
    return error


class _Wrong:
    """Stands for a value of the wrong type."""


def _as(kind: Any, value: Any) -> Any:
    """Convert a value to an annotated type; `_Wrong` if that is impossible."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return value
    if origin in (Union, UnionType):
        if isinstance(value, (str, os.PathLike)):  # text is a name, even if other data is allowed too
            arguments = tuple(one for one in arguments if one is not Any)
        # a type that the value has already comes before a type that it would be converted to
        ordered = sorted(arguments, key=lambda one: not (isinstance(one, type) and type(value) is one))
        return next((found for one in ordered if (found := _as(one, value)) is not _Wrong), _Wrong)
    if origin is Sequence:
        return _as_tuple(arguments[0], value)
    if origin is Mapping:
        return value if isinstance(value, Mapping) and all(isinstance(key, str) for key in value) else _Wrong
    if origin is Literal:
        return value if isinstance(value, str) and value in arguments else _Wrong
    if origin is not None:
        return value if isinstance(value, origin) else _Wrong
    if kind is Path:
        return _as_path(value)
    if kind in (int, float):
        return _as_number(kind, value)
    if kind is str:
        return value if isinstance(value, str) and _is_name(value) else _Wrong
    if kind is bool:
        return bool(value) if type(value).__name__ in ("bool", "bool_") else _Wrong
    return value if isinstance(value, kind) else _Wrong


def _as_tuple(kind: Any, value: Any) -> Any:
    if isinstance(value, str) and _as(kind, value) is not _Wrong:
        return (value,)
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping)):
        return _Wrong
    try:
        items = [_as(kind, item) for item in value]
    except Exception:  # noqa: BLE001 - an object that fails when it is looked at is not a list
        return _Wrong
    return _Wrong if any(item is _Wrong for item in items) else tuple(items)


def _as_number(kind: type[int] | type[float], value: Any) -> Any:
    expected = numbers.Integral if kind is int else numbers.Real
    if not isinstance(value, expected) or isinstance(value, bool) or type(value).__name__ == "timedelta64":
        return _Wrong
    try:
        return int(value) if isinstance(value, numbers.Integral) and kind is int else float(value)
    except OverflowError:
        return _Wrong


def _as_path(value: Any) -> Any:
    if not isinstance(value, (str, os.PathLike)):
        return _Wrong
    text = os.fspath(value)
    return Path(text) if isinstance(text, str) and _is_name(text) else _Wrong


def _is_name(text: str) -> bool:
    """Whether a text can be a file name."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def _words(kind: Any) -> str:
    """An annotated type in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in arguments))
    if origin is Sequence:
        return f"a list; each item is {_words(arguments[0])}"
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin is Mapping:
        return "a dictionary with text as its keys"
    if getattr(origin, "__name__", "") == "Callable":
        return "a function"
    return _WORDS.get(kind) or str(getattr(kind, "__name__", kind))


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - an object that cannot even be shown
        text = "an object"
    return f"{escape_for_message(text)} ({type(value).__name__})"


def _name(function: Callable[..., Any]) -> str:
    return f"aetk.{function.__qualname__.removesuffix('.__init__')}"
