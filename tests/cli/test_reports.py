"""`aetk inspect`, `verify` and `doctor`."""

import re

from aetk.edge.model import card_path, load
from aetk.edge.runtime.session import open_session


def test_inspect_shows_the_contract_the_card_and_the_operators(aetk, model):
    result = aetk("inspect", model)
    assert result.code == 0
    for words in ("IR 8", "opset 17", "input: features float32 [batch, 30]", "output: is_anomaly bool [batch]", "Gemm"):
        assert words in result.out
    assert load(model).card.model_sha256 in result.out


def test_inspect_as_json_holds_the_whole_card(aetk, model):
    document = aetk("inspect", model, "--json").document
    assert len(document["card"]["features"]) == 30
    assert document["card_copy"] == "current"
    assert document["operators"]["GreaterOrEqual"] == 1


def test_inspect_says_what_became_of_the_cards_copy(aetk, model_copy):
    card_path(model_copy).write_text("{}")
    assert "the card's copy is stale" in aetk("inspect", model_copy).out
    card_path(model_copy).unlink()
    assert "the card's copy is missing" in aetk("inspect", model_copy).out


def test_verify_passes_on_an_export(aetk, model):
    document = aetk("verify", model, "--json").document
    assert document["passed"] is True
    assert set(document["checks"][0]["placement"]) == {"CPUExecutionProvider"}
    paths = {path["path"]: path["golden"]["passed"] for path in document["checks"][0]["paths"]}
    assert paths == {"one row": True, "a tile": True, "tiles and a last row": True}
    shown = aetk("verify", model).out
    assert re.search(r"  by every path: one row, a tile \([\d,]+ rows\), tiles and a last row \([\d,]+ rows\)\n", shown)


def test_verify_with_the_run_repeats_the_full_comparison(aetk, model, breast_cancer_run):
    document = aetk("verify", model, "--run", breast_cancer_run.run, "--json").document
    assert document["golden"]["passed"] is True
    assert document["parity"]["passed"] is True
    assert document["parity"]["groups"]["calibration"] > 100


def test_verify_with_the_run_holds_after_the_threshold_was_set_anew(aetk, model_copy, breast_cancer_run):
    aetk("threshold", model_copy, "--set", 0.9)
    assert aetk("verify", model_copy, "--run", breast_cancer_run.run).code == 0


def test_verify_fails_on_a_model_that_was_changed_and_signed_anew(aetk, model_copy, resign):
    def weaken(graph):
        bias = next(i for i in graph.initializer if i.name.endswith("bias"))
        bias.raw_data = bytes(len(bias.raw_data))

    resign(model_copy, weaken)
    result = aetk("verify", model_copy)
    assert result.code == 1
    assert "FAILED" in result.out
    assert result.err == ""


def test_verify_against_a_run_of_other_features_is_refused(aetk, refused, model, table):
    assert aetk("train", table, "--epochs", 1, "--device", "cpu", "--out", "run").code == 0
    message = refused("verify", model, "--run", "run")
    assert "different features" in message


def test_verify_against_a_run_that_is_not_there_is_refused(refused, model):
    assert "No such run folder: absent" in refused("verify", model, "--run", "absent")


def test_verify_on_a_provider_that_is_not_there_ends_with_3(refused, model):
    assert "MIGraphXExecutionProvider" in refused("verify", model, "--provider", "migraphx", code=3)


def test_doctor_has_tried_every_provider(aetk):
    result = aetk("doctor", "--json")
    states = {state["provider"]: state for state in result.document["providers"]}
    assert states["cpu"] == {"provider": "cpu", "works": True, "reason": "", "plugin": ""}
    assert all(state["works"] or state["reason"] for state in states.values())
    assert result.code == (3 if result.document["problems"] else 0)


def test_doctor_lines_its_reasons_up_on_the_left(aetk):
    lines = [line for line in aetk("doctor").out.splitlines() if "not in the installed" in line]
    assert len(lines) > 1
    assert len({line.index("not in the installed") for line in lines}) == 1


def test_the_threshold_that_is_shown_is_the_one_the_graph_decides_by(aetk, model_copy):
    aetk("threshold", model_copy, "--set", 0.25)
    assert "threshold 0.25" in aetk("inspect", model_copy).out
    loaded = load(model_copy)
    outputs = open_session(loaded.data).run(loaded.card.golden.inputs)
    assert (outputs["is_anomaly"] == ~(outputs["similarity"] >= 0.25)).all()
