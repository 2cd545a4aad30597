"""The one strict reader of JSON texts."""

import json

import pytest

from aetk.base import typed_json


def test_a_text_is_read_as_any_reader_of_json_reads_it():
    text = '{"a": [1, -2.5, 1e3, true, null, "é\\u0000"], "b": {"a": {}}}'
    assert typed_json.parse(text) == typed_json.parse(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": NaN}', "NaN is not a finite number"),
        ("[-Infinity]", "-Infinity is not a finite number"),
        ("[1e400]", "1e400 is not a finite number"),
        ('[{"a": 1, "b": 2, "a": 1}]', "an object has two members of the same name"),
        ("[" * 200_000, "it is nested too deeply"),
        ('{"a":' * 200_000, "it is nested too deeply"),
        ("1" * 5000, "4300 digits"),
    ],
)
def test_what_other_readers_of_json_take_differently_is_refused_with_the_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        typed_json.parse(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "{} {}", "\x00"])
def test_a_wrong_syntax_is_told_with_its_place(text):
    with pytest.raises(json.JSONDecodeError):
        typed_json.parse(text)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ValueError, match="decode"):
        typed_json.parse(b'{"a": "\xff"}')
