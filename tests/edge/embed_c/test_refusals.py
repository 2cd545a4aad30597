"""A graph that the generator does not know is refused in words, and nothing is written."""

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from aetk.base.errors import BadInput, CheckFailed
from aetk.edge.embed import embed_c
from aetk.edge.embed_c import source
from aetk.edge.model import load

HINT = "for other graphs, see emx-onnx-cgen or onnx2c"


def rewired(operator, **attributes):
    """An edit that puts an operator behind the scaled row."""

    def change(graph):
        clip = next(node for node in graph.node if node.op_type == "Clip")
        made, clip.output[0] = clip.output[0], "before"
        extra = {"Pow": ["three"], "Gemm": ["square"], "Slice": ["first", "last", "columns", "two"]}.get(operator, [])
        node = helper.make_node(operator, ["before", *extra], [made], **attributes)
        n = graph.input[0].type.tensor_type.shape.dim[1].dim_value
        for name, values in {
            "three": np.float32(3), "square": np.ones((n, n), np.float32), "first": np.array([n - 1]),
            "last": np.array([-n - 1]), "columns": np.array([1]), "two": np.array([-1]),
        }.items():  # fmt: skip
            if name in extra:
                graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        graph.node.insert(list(graph.node).index(clip) + 1, node)

    return change


CASES = {
    "a power": (rewired("Pow"), "a node Pow has another exponent than 2"),
    "a factor": (rewired("Gemm", alpha=2.0), "a node Gemm is no product of a row and a constant matrix"),
    "a turned row": (rewired("Slice"), "a node Slice takes something else than neighbouring numbers of a row"),
    "a softmax over rows of other use": (rewired("Cast", to=11), "a node Cast makes something else than float32"),
}


@pytest.mark.parametrize(("change", "words"), CASES.values(), ids=CASES)
def test_an_unknown_use_of_an_operator_is_refused(model_copy, resign, tmp_path, change, words):
    resign(model_copy, change)
    with pytest.raises(BadInput) as caught:
        embed_c(model_copy, tmp_path / "app")
    assert words in caught.value.message
    assert HINT in caught.value.hint
    assert not (tmp_path / "app").exists()


def test_an_operator_that_the_gate_knows_and_the_generator_does_not_is_refused(model, monkeypatch):
    from aetk.edge.embed_c import operators

    known = {name: made for name, made in operators._OPERATORS.items() if name != "Softmax"}
    monkeypatch.setattr(operators, "_OPERATORS", known)
    loaded = load(model)
    with pytest.raises(BadInput, match="it has an operator Softmax"):
        source.write(loaded.graph, loaded.card, "float32", contribution=True)


def test_a_weight_that_is_no_number_is_refused(model_copy, resign, tmp_path):
    def spoil(graph):
        tensor = next(t for t in graph.initializer if t.name == "networks.0.0.weight")
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(np.nan), tensor.name))

    resign(model_copy, spoil)
    with pytest.raises(BadInput, match=r"'networks\.0\.0\.weight' holds a value that is not finite"):
        embed_c(model_copy, tmp_path / "app")


def test_a_graph_that_reads_a_row_before_its_values_are_known_is_refused(model_copy, resign, tmp_path):
    def skip_guard(graph):
        where = next(node for node in graph.node if node.op_type == "Where")
        for node in graph.node:
            for place, name in enumerate(node.input):
                if name == where.output[0]:
                    node.input[place] = "features"

    resign(model_copy, skip_guard)
    with pytest.raises(BadInput, match="reads 'features' before its values are known to be finite"):
        embed_c(model_copy, tmp_path / "app")


def test_weights_of_another_kind_are_refused(model, tmp_path):
    with pytest.raises(BadInput, match=r"--weights is 'int4'; expected float32, int16, int8\."):
        embed_c(model, tmp_path / "app", weights="int4")


def test_a_changed_model_is_not_written(model_copy, tmp_path):
    proto = onnx.load(model_copy)
    proto.graph.initializer[0].raw_data = bytes(len(proto.graph.initializer[0].raw_data))
    model_copy.write_bytes(proto.SerializeToString())
    with pytest.raises(CheckFailed):
        embed_c(model_copy, tmp_path / "app")
    assert not (tmp_path / "app").exists()
