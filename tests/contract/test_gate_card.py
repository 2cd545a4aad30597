"""What the gate asks of a card, and of a card and its model together."""

import base64
import json

import numpy as np
import pytest

from aetk.contract import card as cards
from aetk.contract import gate, onnxfile, spec
from aetk.contract.gate import Refused


@pytest.fixture
def carded(model):
    """A function that gives a model another card, made of its own by a change."""
    data = model.read_bytes()

    def give(change, seal=cards.seal):
        card = json.loads(onnxfile.read(data).metadata[spec.CARD_KEY])
        change(card)
        return gate.read(onnxfile.with_card(data, seal(card)))

    return give


def test_the_card_of_a_model_is_let_through(carded, card):
    found = gate.card(carded(lambda card: None))
    assert found["name"] == card.name
    assert found["card_sha256"] != found["model_sha256"]


def with_rows(card, rows, features=30):
    """Make a card's golden rows the first few, of the first few features."""
    golden = card["golden"]
    cells = np.frombuffer(base64.b64decode(golden["inputs"]), "<f4").reshape(golden["rows"], -1)[:rows, :features]
    golden.update(
        rows=rows,
        inputs=base64.b64encode(cells.tobytes()).decode(),
        similarity=base64.b64encode(base64.b64decode(golden["similarity"])[: 4 * rows]).decode(),
        is_anomaly=golden["is_anomaly"][:rows],
        is_valid=golden["is_valid"][:rows],
    )
    card["features"] = card["features"][:features]


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.update(contract=2, table=None),
        lambda card: (card.update(contract=2), card["features"][3].update(levels=["a"])),
        lambda card: card["similarity"].update(tolerance=gate.LARGEST_TOLERANCE),
        lambda card: with_rows(card, 1),
        lambda card: card["golden"]["is_anomaly"].__setitem__(slice(3), [0, 1, None]),
        lambda card: card["training_data"].update(name="0" * 200),
    ],
    ids=["a table", "a category", "the largest tolerance", "one golden row", "a near tie", "many zeros"],
)
def test_a_card_that_has_what_every_app_relies_on_is_let_through(carded, change):
    gate.card(carded(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda card: card.update(table=None),
        lambda card: card["features"][3].update(levels=["a"]),
        lambda card: card.update(contract=2),
        lambda card: card["similarity"].update(tolerance=0),
        lambda card: with_rows(card, 0),
        lambda card: with_rows(card, 5, 0),
    ],
    ids=["a table", "a category", "nothing of contract 2", "no tolerance", "no golden row", "no feature"],
)
def test_a_card_that_lacks_what_its_contract_asks_for_is_refused(carded, change):
    with pytest.raises(Refused, match="is damaged"):
        gate.card(carded(change))


def test_a_card_of_fewer_features_than_its_model_was_changed(carded):
    with pytest.raises(Refused, match="takes 30 features, its card lists 1") as refused:
        gate.card(carded(lambda card: with_rows(card, 5, 1)))
    assert refused.value.exit_code == 1


def plain(card):
    return json.dumps(card)


def doubled(card):
    """A card in which one name occurs twice, sealed all the same."""
    text = cards.seal(card).replace('"name":', '"name": "x", "name":', 1)
    digest = json.loads(text)["card_sha256"]
    return text.replace(digest, gate.card_digest(text, digest), 1)


@pytest.mark.parametrize(
    ("change", "seal", "says", "code"),
    [
        (lambda card: card.update(name="another"), plain, "card's SHA-256 is not the one that it carries", 1),
        (lambda card: card.update(card_sha256="0" * 64), plain, "card's SHA-256 is not the one", 1),
        (lambda card: card.update(model_sha256="0" * 64), cards.seal, "model's SHA-256 is not the one in its card", 1),
        (lambda card: card["threshold"].update(value=0.25), cards.seal, r"its card says 0\.25", 1),
        (lambda card: card.update(contract=3), cards.seal, "contract version 3, expected 1 or 2", 2),
        (lambda card: None, doubled, "is damaged", 2),
        (lambda card: card.pop("card_sha256"), plain, "is damaged", 2),
        (lambda card: card.update(card_sha256=""), plain, "is damaged", 2),
        (lambda card: card.update(threshold=None), cards.seal, "is damaged", 2),
        (lambda card: card["threshold"].update(value=float("nan")), plain, "is damaged", 2),
        (lambda card: card["similarity"].update(tolerance=1), cards.seal, "is damaged", 2),
        (lambda card: card["golden"].update(inputs="AAAA"), cards.seal, "is damaged", 2),
        (lambda card: card["golden"].update(is_valid=[2] * card["golden"]["rows"]), cards.seal, "is damaged", 2),
        (lambda card: card["features"].append(card["features"][0]), cards.seal, "is damaged", 2),
    ],
)
def test_a_card_that_is_not_the_models_is_refused(carded, change, seal, says, code):
    with pytest.raises(Refused, match=says) as refused:
        gate.card(carded(change, seal))
    assert refused.value.exit_code == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{",
        '{"contract": 1, "contract": 1}',
        "[" * 100_000,
        '{"contract": NaN}',
        '"contract"',
        "1e999",
    ],
)
def test_what_is_no_card_is_refused(model, text):
    data = onnxfile.with_card(model.read_bytes(), text)
    with pytest.raises(Refused, match="its card is damaged"):
        gate.card(gate.read(data))


def test_a_model_without_a_card_is_refused(model):
    with pytest.raises(Refused, match="carries no aetk card"):
        gate.card(gate.read(onnxfile.with_card(model.read_bytes(), None)))
