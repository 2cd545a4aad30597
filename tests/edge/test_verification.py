import numpy as np
import pytest

from aetk.contract import onnxfile, spec
from aetk.contract.errors import BadInput, Unavailable
from aetk.contract.golden import compare
from aetk.edge.model import card_path, load
from aetk.edge.rethreshold import set_threshold
from aetk.edge.session import open_session
from aetk.edge.verification import verify

from .forgery import add_to_first, edit, swap_columns


@pytest.mark.parametrize("which", ["model", "explaining_model"])
def test_an_exported_model_proves_itself(which, request):
    report = verify(request.getfixturevalue(which))
    assert report.passed
    assert report.card_copy == "current"
    (check,) = report.checks
    assert check.provider == "cpu"
    assert check.runtime.startswith("onnxruntime ")
    assert set(check.placement) == {"CPUExecutionProvider"}
    assert check.golden.rows == len(load(report.model).card.golden)
    assert check.golden.near_ties == 0
    assert report.model_sha256 == onnxfile.digest(report.model.read_bytes())


@pytest.mark.parametrize(
    "forge",
    [
        edit("networks.0.0.weight", add_to_first(0.05)),
        edit("outlet_bias_0", add_to_first(0.01)),
        edit("scale.bias", add_to_first(0.1)),
        edit("scale.weight", lambda values: values * np.float32(1.001)),
        swap_columns,
    ],
    ids=["a weight", "a bias", "a center", "the scale", "swapped columns"],
)
def test_golden_rows_betray_a_change_that_was_signed_anew(model_copy, resign, forge):
    resign(model_copy, forge)
    report = verify(model_copy)
    assert not report.passed
    assert report.checks[0].golden.largest_difference > spec.TOLERANCE


def test_a_decision_by_another_rule_is_refused_whoever_signed_it(model_copy, resign):
    def turn(graph):
        (node,) = (node for node in graph.node if node.op_type == "GreaterOrEqual")
        node.input[0], node.input[1] = node.input[1], node.input[0]

    resign(model_copy, turn)
    with pytest.raises(BadInput, match=r"is not Not\(GreaterOrEqual"):
        verify(model_copy)


def test_golden_rows_betray_a_validity_that_never_fails(model_copy, resign):
    def blind(graph):
        (node,) = (node for node in graph.node if "is_valid" in node.output)
        edit(node.input[1], lambda _: -3e38)(graph)

    resign(model_copy, blind)
    report = verify(model_copy)
    assert not report.passed
    assert report.checks[0].golden.flipped_validity > 0


@pytest.mark.parametrize("tolerances", [20, -20, 1000, -1000])
def test_golden_rows_betray_a_moved_threshold_without_the_digest(model, tolerances):
    loaded = load(model)
    moved = onnxfile.with_threshold(loaded.data, loaded.graph.threshold + tolerances * spec.TOLERANCE)
    golden = loaded.card.golden
    report = compare(golden, open_session(moved).run(golden.inputs), loaded.card.threshold.value)
    assert report.flipped_decisions > 0
    assert report.largest_difference <= spec.TOLERANCE


def test_a_threshold_moved_in_graph_and_card_alike_contradicts_the_golden_decisions(model_copy, resign):
    moved = float(np.float32(load(model_copy).graph.threshold - 20 * spec.TOLERANCE))

    def move(card):
        card["threshold"]["value"] = moved

    resign(model_copy, edit(spec.THRESHOLD, lambda _: moved), move)
    with pytest.raises(BadInput):
        verify(model_copy)


def test_a_stale_card_copy_is_reported_and_repaired_by_the_next_writing_command(model_copy):
    copy = card_path(model_copy)
    current = copy.read_bytes()
    copy.write_bytes(current.replace(b"breast", b"breasts", 1))
    assert verify(model_copy).card_copy == "stale"
    assert verify(model_copy).passed
    set_threshold(model_copy, 0.9)
    assert verify(model_copy).card_copy == "current"
    copy.unlink()
    assert verify(model_copy).card_copy == "missing"
    set_threshold(model_copy, 0.8)
    assert verify(model_copy).card_copy == "current"


def test_a_provider_that_is_not_there_is_refused_and_not_replaced(model):
    with pytest.raises(Unavailable, match="has no CUDAExecutionProvider"):
        verify(model, providers=["cpu", "cuda"])
    with pytest.raises(BadInput, match="No provider is called 'gpu'"):
        verify(model, providers=["gpu"])
