import copy
import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest

from aetk.base.errors import BadInput
from aetk.contract.card import Feature, between_quantiles, feature_of, parse, seal
from aetk.contract.golden import Golden
from aetk.contract.reading import Encoding, TableFormat

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


def test_the_largest_tolerance_is_let_through(data):
    data["similarity"]["tolerance"] = 1e-3
    tied = parse(json.dumps(replaced(data, ("golden", "is_anomaly"), decisions(data, 1e-3))))
    assert tied.similarity.tolerance == 1e-3


def decisions(data, tolerance):
    golden = Golden.from_dict(data["golden"], len(data["features"]))
    return golden.to_dict(data["threshold"]["value"], tolerance)["is_anomaly"]


@pytest.mark.parametrize("tolerance", [0.0, -1e-5, 2.0])
def test_a_tolerance_that_would_excuse_everything_or_nothing_is_refused(data, tolerance):
    refuses(replaced(data, ("similarity", "tolerance"), tolerance))


def earlier(data, value=0.25):
    return {"when": "2025-01-02T03:04:05Z", "threshold": {**data["threshold"], "value": value},
            "validation": {"auroc": 0.5}, "golden_rows": 3}  # fmt: skip


def test_a_card_keeps_the_thresholds_that_were_replaced(data):
    assert "history" not in json.loads(parse(json.dumps(data)).to_json())
    assert parse(json.dumps(data)).history == ()
    card = parse(json.dumps({**data, "history": [earlier(data), earlier(data, 0.5)]}))
    assert [replaced.threshold.value for replaced in card.history] == [0.25, 0.5]
    assert (card.history[0].when, card.history[0].golden_rows) == ("2025-01-02T03:04:05Z", 3)
    assert json.loads(card.to_json())["history"] == [earlier(data), earlier(data, 0.5)]
    assert parse(card.to_json()).to_json() == card.to_json()


def test_an_earlier_threshold_out_of_range_is_refused(data):
    refuses({**data, "history": [earlier(data, -1.0)]})


def test_a_part_that_is_missing_or_of_the_wrong_kind_is_named(data):
    with pytest.raises(BadInput, match=r"card.*kappa"):
        parse(json.dumps(replaced(data, ("similarity", "kappa"), "text")))


def test_a_card_carries_its_own_digest_even_where_it_has_zeros_of_that_length_elsewhere(data):
    text = seal({**data, "model_sha256": "0" * 64, "name": "0" * 128})
    sealed = json.loads(text)
    assert (sealed["model_sha256"], sealed["name"]) == ("0" * 64, "0" * 128)
    assert list(sealed)[:2] == ["contract", "card_sha256"]
    blank = text.replace(sealed["card_sha256"], "0" * 64)
    assert hashlib.sha256(blank.encode()).hexdigest() == sealed["card_sha256"]


def test_a_feature_is_made_of_a_name_and_how_its_cells_are_read(data):
    quantiles = data["features"][0]["quantiles"]
    made = feature_of("x", Encoding("x", levels=("a", "b")), quantiles, "level", None)
    assert made == Feature("x", tuple(quantiles), "level", None, levels=("a", "b"))
    assert made.encoding == Encoding("x", levels=("a", "b"))
    plain = feature_of("y", Encoding("y"), quantiles, "median", 0.5)
    assert plain == Feature("y", tuple(quantiles), "median", 0.5)
    with pytest.raises(BadInput, match="feature"):
        feature_of("y", Encoding("y"), ["text"], "median", 0.5)


def test_between_quantiles_values_are_interpolated_for_each_feature():
    features = [
        Feature("a", (0, 1, 2, 3, 4, 5, 6), "reject", None),
        Feature("b", (0, -10, -20, -30, -40, -50, -60), "reject", None),
    ]
    levels = np.array([[0.01, 0.5], [0.15, 0.97], [0.99, 0.01]])
    assert between_quantiles(features, levels) == pytest.approx(np.array([[0, -30], [1.5, -55], [6, 0]]))


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
