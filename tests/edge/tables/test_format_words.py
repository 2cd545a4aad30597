"""`--table-format KEY=VALUE`: a card's format with other values."""

import pytest

from aetk.base.errors import BadInput
from aetk.contract.reading import DEFAULT, Labels, TableFormat
from aetk.edge.tables.format_words import overridden

CARD = TableFormat(delimiter=";", decimal=",", skip_rows=2, missing=("?",), labels=Labels("y", anomaly=("1",)))


@pytest.mark.parametrize(
    ("pair", "key", "value"),
    [
        ("delimiter=comma", "delimiter", ","),
        ("delimiter=|", "delimiter", "|"),
        ("delimiter=tab", "delimiter", "\t"),
        ("delimiter=blanks", "delimiter", " "),
        ("decimal=point", "decimal", "."),
        ("thousands=apostrophe", "thousands", "'"),
        ("thousands=none", "thousands", ""),
        ("encoding=latin1", "encoding", "latin-1"),
        ("header=false", "header", False),
        ("header=#fields", "header", "#fields"),
        ("skip-rows=0", "skip_rows", 0),
        ("skip_footer=3", "skip_footer", 3),
        ("comment=#", "comment", "#"),
        ("missing=-999", "missing", ("?", "-999")),
    ],
)
def test_one_value_takes_the_place_of_the_cards(pair, key, value):
    found = overridden(CARD, [pair])
    assert getattr(found, key) == value
    assert found.labels == CARD.labels


@pytest.mark.parametrize(
    ("pair", "hint"),
    [
        ("semicolons", "The keys are delimiter"),
        ("labels=y", "The keys are delimiter"),
        ("quote='", "The keys are delimiter"),
        ("delimiter=colon", "one of comma, semicolon, tab, pipe, blanks"),
        ("encoding=shift-jis", "one of utf-8, utf-16, cp1252, latin-1"),
        ("skip_rows=-1", "a whole number"),
        ("header=", "true, false, or the first cell"),
        ("thousands=comma", "the decimal sign is not that of thousands"),
    ],
)
def test_a_value_that_no_format_has_is_refused(pair, hint):
    with pytest.raises(BadInput) as caught:
        overridden(CARD, [pair])
    assert caught.value.exit_code == 2
    assert f"--table-format {pair}" in caught.value.message
    assert hint in caught.value.hint


def test_the_default_format_keeps_the_markers_and_labels_of_the_card():
    assert overridden(CARD, [], default_text=True) == TableFormat(missing=("?",), labels=CARD.labels)
    assert overridden(DEFAULT, []) is DEFAULT or overridden(DEFAULT, []) == DEFAULT
