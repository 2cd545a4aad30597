"""Arguments are held to their annotations before a call does anything."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from aetk.base.errors import BadInput
from aetk.contract.arguments import checked


@checked
def call(
    data: str | Path | Any = None,
    *,
    names: Sequence[str] = (),
    count: int | None = None,
    share: float = 0.5,
    flag: bool = False,
    out: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    kind: Literal["csv", "jsonl"] | None = None,
    tell: Callable[[str], None] = print,
):
    """Answers what it was given."""
    return data, names, count, share, flag, out, settings, kind, tell


def given(**options):
    return call(**options)[list(call.__wrapped__.__kwdefaults__).index(next(iter(options))) + 1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"names": "a"}, ("a",)),
        ({"names": ["a", "b"]}, ("a", "b")),
        ({"names": np.array(["a"])}, ("a",)),
        ({"count": np.int64(3)}, 3),
        ({"count": None}, None),
        ({"share": 1}, 1.0),
        ({"share": np.float32(0.5)}, 0.5),
        ({"flag": np.True_}, True),
        ({"out": "a/b"}, Path("a/b")),
        ({"settings": {"a": 1}}, {"a": 1}),
        ({"kind": "csv"}, "csv"),
        ({"tell": len}, len),
    ],
)
def test_what_means_the_same_passes_for_the_kind_that_is_asked_for(options, expected):
    found = given(**options)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"names": 5}, "names is 5 (int); expected a list; each item is text"),
        ({"names": [1]}, "names is [1] (list); expected"),
        ({"names": {"a": 1}}, "names is {'a': 1} (dict); expected"),
        ({"count": 2.0}, "count is 2.0 (float); expected a whole number or None"),
        ({"count": "2"}, "count is '2' (str); expected"),
        ({"count": True}, "count is True (bool); expected"),
        ({"count": np.timedelta64(1, "s")}, "(timedelta64); expected a whole number"),
        ({"share": "0.5"}, "share is '0.5' (str); expected a number"),
        ({"share": 10**400}, "(int); expected a number"),
        ({"flag": "no"}, "flag is 'no' (str); expected True or False"),
        ({"out": "a\0b"}, "expected a path"),
        ({"out": b"a"}, "expected a path"),
        ({"data": "a\0b"}, "(str); expected text or a path"),
        ({"data": Path("\ud800")}, "expected text or a path"),
        ({"settings": {1: 2}}, "expected a dictionary with text as its keys"),
        ({"kind": "xml"}, "kind is 'xml' (str); expected 'csv' or 'jsonl' or None"),
        ({"kind": ["csv"]}, "expected 'csv' or 'jsonl' or None"),
        ({"tell": 5}, "tell is 5 (int); expected a function"),
        ({"nothing": 5}, "unexpected keyword argument 'nothing'"),
    ],
)
def test_an_argument_of_another_kind_is_named_with_what_was_expected(options, words):
    with pytest.raises(BadInput) as refused:
        call(**options)
    assert words in refused.value.message
    assert refused.value.hint


class Thing:
    @checked
    def __init__(
        self, day: date | None = None, numbers: Sequence[int] = (), place: Path | str = "", rate: float | int = 0
    ):
        self.given = day, numbers, place, rate


class Unshowable:
    def __repr__(self):
        raise RuntimeError


def test_a_value_that_is_of_one_of_the_kinds_already_is_not_converted_to_another():
    found = Thing(place="a/b", rate=3).given[2:]
    assert (found, [type(value) for value in found]) == (("a/b", 3), [str, int])
    assert type(Thing(rate=0.5).given[3]) is float


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"day": 5}, "day is 5 (int); expected date or None"),
        ({"numbers": "12"}, "numbers is '12' (str); expected a list; each item is a whole number"),
        ({"numbers": Unshowable()}, "numbers is an object (Unshowable); expected"),
    ],
)
def test_a_class_is_called_by_its_own_name(options, words):
    with pytest.raises(BadInput) as refused:
        Thing(**options)
    assert refused.value.message.startswith(words)
    assert refused.value.hint == "See help(aetk.Thing)."
    with pytest.raises(BadInput, match=r"aetk\.Thing: .*nothing") as refused:
        Thing(nothing=1)
    assert refused.value.hint == "It takes: day, numbers, place, rate."


def test_where_anything_will_do_all_but_impossible_names_is_taken():
    marker = object()
    assert call(marker)[0] is marker
    assert call(b"\0")[0] == b"\0"
    assert call("name")[0] == "name"


def test_what_the_system_refuses_becomes_a_message_and_a_reader_that_goes_away_does_not():
    @checked
    def read(path: Path):
        return path.read_text()

    @checked
    def write():
        raise BrokenPipeError

    with pytest.raises(BadInput, match="No such file or folder: gone") as refused:
        read("gone")
    assert refused.value.is_reported is False, "it is printed, since no other process meets it"
    with pytest.raises(BrokenPipeError):
        write()
