import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aetk.contract.dialect import (
    escape_for_message,
    missing_spellings,
    neutralize_formula,
    parse_cell,
    parse_plain,
    printable,
)

NUMBER_LIKE = st.text(alphabet="0123456789eE+-._ xnaif", max_size=8)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("0", 0.0), ("-0", 0.0), ("+3", 3.0), (".5", 0.5), ("5.", 5.0), ("5.e1", 50.0), ("1e5", 1e5), ("1E-3", 1e-3)],
)
def test_decimal_and_exponent_numbers_are_read(cell, value):
    assert parse_cell(cell) == value


@pytest.mark.parametrize("cell", ["", "NA", "na", "nA", "NaN", "nan", "NAN", "null", "NULL", "Null"])
def test_a_missing_value_in_any_case_is_nan(cell):
    assert math.isnan(parse_cell(cell))


def test_the_spellings_of_a_missing_value_are_all_there():
    found = missing_spellings()
    assert len(found) == len(set(found)) == 1 + 2**2 + 2**3 + 2**4
    assert {word.lower() for word in found} == {"", "na", "nan", "null"}
    assert all(math.isnan(parse_cell(word)) for word in found)


@pytest.mark.parametrize("word", ["inf", "INF", "Inf", "infinity", "INFINITY", "Infinity"])
def test_an_infinity_in_any_case_and_with_any_sign_is_infinite(word):
    assert parse_cell(word) == parse_cell("+" + word) == math.inf
    assert parse_cell("-" + word) == -math.inf


def test_a_number_too_large_for_float64_is_infinite_and_one_too_small_is_zero():
    assert parse_cell("1e400") == math.inf
    assert parse_cell("-" + "9" * 400) == -math.inf
    assert parse_cell("1e-400") == 0


@pytest.mark.parametrize(
    "cell",
    [
        "1_000", "1 000", " 1", "1 ", "\t1", "1\n", "1,5", "0x10", "0b1", "1e", "1e+", "e5", ".", "+", "-", "+-1",
        "--1", "1.2.3", "1f", "1d5", "1L", "True", "N/A", "none", "+nan", "-NaN", "nan(1)", "1.#INF", "∞", "−1",
        "١٢٣", "１２", "²", "ınf", "naN\0", "infinit", "in f",
    ],
)  # fmt: skip
def test_anything_else_is_refused(cell):
    with pytest.raises(ValueError):
        parse_cell(cell)
    assert parse_plain([cell]) is None


@given(st.floats(allow_nan=False))
def test_every_float_as_python_writes_it_is_read_back_exactly(value):
    assert parse_cell(repr(value)) == value


@given(st.one_of(NUMBER_LIKE, st.text(max_size=6)))
def test_only_ascii_and_never_a_blank_or_underscore_is_a_cell(cell):
    try:
        value = parse_cell(cell)
    except ValueError:
        return
    assert cell.isascii()
    assert not re.search(r"[\s_]", cell)
    assert isinstance(value, float)


@given(st.lists(st.one_of(NUMBER_LIKE, st.floats(allow_nan=False, allow_infinity=False).map(repr)), max_size=5))
def test_the_quick_way_agrees_with_the_careful_one(cells):
    quick = parse_plain(cells)
    if quick is None:
        return
    assert quick == [parse_cell(cell) for cell in cells]


def test_the_quick_way_is_taken_for_plain_numbers():
    assert parse_plain(["1", "-2.5", "3e-2"]) == [1.0, -2.5, 0.03]


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1+1", "-1-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", "-", "+", "-inf", "-5\n"],
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text):
    assert neutralize_formula(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "x", "-5", "+.5", "-1e-3", "+3.", "a=b", " =1", "'=1", "1-2", "–1"])
def test_numbers_and_other_text_are_left_as_they_are(text):
    assert neutralize_formula(text) == text


def test_what_is_shown_is_no_longer_than_asked_and_hides_nothing():
    assert escape_for_message("x" * 40) == "x" * 40
    assert escape_for_message("x" * 41) == "x" * 37 + "..."
    assert escape_for_message("x" * 50) == "x" * 37 + "..."
    assert escape_for_message("x" * 500, 200) == "x" * 197 + "..."
    assert escape_for_message("\x1b[31m") == "\\u001b[31m"


def test_text_for_a_terminal_commands_nothing_and_keeps_its_lines():
    assert printable("\x1b[2J\x9b1m\x00") == "\\u001b[2J\\u009b1m\\u0000"
    assert printable("a\tb\nä 値") == "a\tb\nä 値"
