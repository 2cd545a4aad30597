import copy
import json
import math
from dataclasses import replace

import pytest

from aetk.base.errors import BadInput
from aetk.contract.card import parse
from aetk.contract.reading import TableFormat

FREE_FORM = {"validation", "recipe", "training_data", "versions"}


@pytest.fixture(scope="module")
def text(model):
    return model.with_name(f"{model.stem}.card.json").read_text(encoding="utf-8")


@pytest.fixture
def data(text):
    return json.loads(text)


def parts(data, path=()):
    """The path of every part of a card; of a list, the first item stands for all."""
    items = data.items() if isinstance(data, dict) else enumerate(data[:1]) if isinstance(data, list) else ()
    for key, value in items:
        if path or key not in ("contract", "card_sha256"):
            yield (*path, key)
            if (*path, key)[0] not in FREE_FORM:
                yield from parts(value, (*path, key))


def at(data, path):
    for key in path:
        data = data[key]
    return data


def without(data, path):
    spoilt = copy.deepcopy(data)
    del at(spoilt, path[:-1])[path[-1]]
    return spoilt


def replaced(data, path, value):
    spoilt = copy.deepcopy(data)
    at(spoilt, path[:-1])[path[-1]] = value
    return spoilt


def refuses(data):
    with pytest.raises(BadInput):
        parse(json.dumps(data))


def test_a_round_trip_keeps_every_byte(text):
    assert parse(text).to_json() == text
    assert text.endswith("}\n")


def test_a_name_in_any_script_survives(data):
    data["features"][0]["name"] = "überlange Größe 値 \U0001f600"
    card = parse(json.dumps(data))
    assert card.feature_names[0] == "überlange Größe 値 \U0001f600"
    assert "überlange Größe 値 \U0001f600" in card.to_json()
    assert parse(card.to_json()).to_json() == card.to_json()


def test_no_card_holds_nan_or_infinity(text):
    for word in ("NaN", "Infinity"):
        assert word not in text


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_card_with_nan_or_infinity_is_never_written(text, value):
    with pytest.raises(ValueError, match="JSON compliant"):
        replace(parse(text), validation={"auroc": value}).to_json()


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_nan_and_infinity_are_refused_wherever_they_stand(text, data, word):
    kappa = f'"kappa": {json.dumps(data["similarity"]["kappa"])}'
    assert kappa in text
    with pytest.raises(BadInput):
        parse(text.replace(kappa, f'"kappa": {word}'))
    validation = replaced(data, ("validation", "macro_f1"), "HERE")
    with pytest.raises(BadInput):
        parse(json.dumps(validation).replace('"HERE"', word))


def test_a_part_that_is_there_twice_is_refused(text):
    with pytest.raises(BadInput, match="two members of the same name"):
        parse(text.replace('"kappa":', '"kappa": 0.5, "kappa":', 1))


def test_each_part_is_needed(data):
    found = [path for path in parts(data) if isinstance(path[-1], str)]
    assert len(found) > 30
    accepted = []
    for path in found:
        if path[0] in FREE_FORM and len(path) > 1:
            continue
        try:
            parse(json.dumps(without(data, path)))
        except BadInput:
            continue
        accepted.append(".".join(map(str, path)))
    assert accepted == []


def test_a_part_of_the_wrong_kind_is_refused(data):
    accepted = []
    for path in parts(data):
        if path[0] in FREE_FORM and len(path) > 1:
            continue
        right = at(data, path)
        for wrong in ({"x": 1}, [{}], "text", 10**400, True):
            if type(wrong) is type(right) or wrong == right:
                continue
            try:
                parse(json.dumps(replaced(data, path, wrong)))
            except BadInput:
                continue
            accepted.append(f"{'.'.join(map(str, path))} = {str(wrong)[:10]}")
    assert accepted == []


def test_null_is_refused_but_where_it_means_none(data):
    accepted = set()
    for path in parts(data):
        try:
            parse(json.dumps(replaced(data, path, None)))
        except BadInput:
            continue
        accepted.add(".".join(map(str, path)))
    may_be_null = {"features.0.fill", "threshold.target", "threshold.alarms", "golden.is_anomaly.0"}
    assert {name for name in accepted if name.partition(".")[0] not in FREE_FORM or name in FREE_FORM} <= may_be_null


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "1", "null", '"card"', "{}", '{"contract": 2}', '{"contract": "1"}', "[" * 100_000, "1" * 5000],
    ids=lambda text: repr(text[:16]),
)
def test_what_is_no_card_is_refused(text):
    with pytest.raises(BadInput):
        parse(text)


def test_another_contract_version_is_named(data):
    data["contract"] = 3
    with pytest.raises(BadInput, match="contract version 3; this aetk knows the versions 1 and 2"):
        parse(json.dumps(data))


@pytest.mark.parametrize("value", [-1.0, 1.5, 1e300, "0.5"])
def test_a_threshold_out_of_range_is_refused(data, value):
    refuses(replaced(data, ("threshold", "value"), value))


def test_features_out_of_order_or_none_at_all_are_refused(data):
    swapped = copy.deepcopy(data)
    swapped["features"][:2] = reversed(swapped["features"][:2])
    refuses(swapped)
    refuses(replaced(data, ("features",), []))


def test_two_features_of_one_name_are_refused(data):
    refuses(replaced(data, ("features", 1, "name"), data["features"][0]["name"]))


def test_a_feature_without_all_quantiles_or_of_an_unknown_policy_is_refused(data):
    refuses(replaced(data, ("features", 0, "quantiles"), [1.0]))
    refuses(replaced(data, ("features", 0, "missing"), "guess"))


def test_a_name_that_is_no_unicode_text_is_refused(text, data):
    with pytest.raises(BadInput):
        parse(json.dumps(replaced(data, ("name",), "\ud800")))


@pytest.mark.parametrize("tolerance", [0.0, -1e-5, 2.0])
def test_a_tolerance_that_would_excuse_everything_or_nothing_is_refused(data, tolerance):
    refuses(replaced(data, ("similarity", "tolerance"), tolerance))


def test_golden_decisions_that_contradict_the_threshold_are_refused(data):
    """A threshold moved in the card alone: its golden rows still say what they were exported with."""
    refuses(replaced(data, ("threshold", "value"), data["threshold"]["value"] - 0.05))


def test_a_feature_more_than_the_golden_rows_have_is_refused(data):
    data["features"].append({**data["features"][0], "name": "extra", "position": len(data["features"])})
    refuses(data)


@pytest.mark.parametrize("part", ["inputs", "similarity", "similarity64"])
@pytest.mark.parametrize("wrong", ["", "!!!!", "AAAA", "AAA", 5, None])
def test_golden_numbers_that_are_no_base64_of_the_right_length_are_refused(data, part, wrong):
    refuses(replaced(data, ("golden", part), wrong))


@pytest.mark.parametrize("rows", [0, -1, 33, 33.0, "34", None])
def test_golden_rows_that_disagree_about_their_number_are_refused(data, rows):
    assert data["golden"]["rows"] not in (33, "34")
    refuses(replaced(data, ("golden", "rows"), rows))


def second(data, **changed):
    """A card of contract 2: its first feature is a category, and its tables have semicolons."""
    data["contract"] = 2
    data["features"][0].update({"levels": ["a", "b"], "missing": "level", "fill": None, **changed})
    data["table"] = TableFormat(delimiter=";").to_data()
    return data


def test_a_card_of_contract_2_comes_back_as_it_was(data):
    card = parse(json.dumps(second(data)))
    assert (card.contract, card.table.delimiter, card.features[0].encoding.levels) == (2, ";", ("a", "b"))
    assert parse(card.to_json()).to_json() == card.to_json()
    written = json.loads(card.to_json())
    assert (written["table"], written["features"]) == (data["table"], data["features"])


def test_a_card_of_contract_1_has_no_key_of_contract_2(data):
    written = json.loads(parse(json.dumps(data)).to_json())
    assert "table" not in written
    assert {len(feature) for feature in written["features"]} == {5}


@pytest.mark.parametrize("contract", [1, 3])
def test_parts_of_contract_2_in_a_card_of_another_are_refused(data, contract):
    refuses({**second(data), "contract": contract})


@pytest.mark.parametrize("changed", [{"levels": ["a", "a"]}, {"truths": ["x", "y"]}, {"missing": "none"}, {"time": {}}])
def test_a_feature_that_cannot_be_followed_is_refused(data, changed):
    refuses(second(data, **changed))
