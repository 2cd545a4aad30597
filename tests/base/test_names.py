"""Names of files: their order, and their text."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetk.base.names import as_text, natural_order


@pytest.mark.parametrize(
    "names",
    [
        ["m-9", "m-10", "m-11", "m-100"],
        ["m-9.onnx", "m-10.onnx"],
        ["m", "m-1", "m-1-2", "m-1-10", "m-2"],
        ["1", "2", "10", "a", "a1"],
        ["v1.9.10", "v1.10.9"],
        ["run-" + "9" * 5000, "run-1" + "0" * 5000],
        ["²", "³", "٣"],  # digits of other scripts are text
    ],
    ids=lambda names: names[0][:8],
)
def test_numbers_in_names_are_compared_as_numbers(names):
    mixed = names[:]
    random.Random(1).shuffle(mixed)
    assert sorted(mixed, key=natural_order) == names


def test_names_that_differ_in_leading_zeros_alone_have_an_order_of_their_own():
    assert sorted(["m-1", "m-01", "m-001"], key=natural_order) == sorted(["m-001", "m-1", "m-01"], key=natural_order)


@given(st.lists(st.text(st.characters(codec=None), max_size=8), min_size=2, max_size=2, unique=True))
def test_any_two_names_have_an_order(names):
    first, second = map(natural_order, names)
    assert (first < second) != (second < first)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("größe.csv", "größe.csv"),
        (b"a\xff.csv".decode(errors="surrogateescape"), "a\\xff.csv"),
        ("größe.csv".encode().decode("ascii", "surrogateescape"), "größe.csv"),
        ("größe" + b"\xe9".decode(errors="surrogateescape"), "größe\\xe9"),
    ],
)
def test_a_name_of_undecodable_bytes_becomes_text(name, text):
    assert as_text(name) == text
    assert as_text(name).encode()
