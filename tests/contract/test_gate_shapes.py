"""The shapes that the gate follows through a graph: each row is judged by itself, and takes bounded memory."""

import numpy as np
import onnx
import pytest
from onnx import helper

from aetk.contract import spec

from .gating import constant, read, refuses


@pytest.mark.parametrize(
    ("nodes", "constants", "says"),
    [
        ([("Concat", ["features"] * 200, "wide", {"axis": 1})], [], "more than 64 times the 2 numbers"),
        ([("Concat", ["features", "features"], "y", {"axis": 0})], [], "Concat cannot take"),
        (
            [("Unsqueeze", ["similarity", "one"], "x", {}), ("Mul", ["similarity", "x"], "y", {})],
            [("one", [1])],
            r"Mul cannot take what it is given: \[batch\], \[batch, 1\]",
        ),
        ([("Concat", ["features", "features"], "y", {"axis": 3})], [], "Concat cannot take"),
        ([("Concat", ["features", "features"], "y", {"axis": 2**63 - 1})], [], "Concat cannot take"),
        ([("Unsqueeze", ["features", "three"], "y", {})], [("three", [3])], "Unsqueeze cannot take"),
        ([("ReduceSum", ["features", "three"], "y", {})], [("three", [3])], "ReduceSum cannot take"),
        (
            [("Slice", ["features", "one", "one", "three"], "y", {})],
            [("one", [1]), ("three", [3])],
            "Slice cannot take",
        ),
        ([("MatMul", ["features", "features"], "y", {})], [], "MatMul cannot take"),
        ([("Gemm", ["features", "square"], "y", {"transA": 1})], [("square", np.eye(2))], "Gemm cannot take"),
        ([("Gemm", ["features", "square", "three"], "y", {})], [("square", np.eye(2)), ("three", [1, 2, 3])], "Gemm"),
        ([("MatMul", ["features", "three"], "y", {})], [("three", np.eye(3))], "MatMul cannot take"),
        ([("Softmax", ["features"], "y", {"axis": 0})], [], "Softmax cannot take"),
        ([("Concat", ["features", "features"], "y", {})], [], "Concat cannot take"),
        ([("Clip", ["features", "three"], "y", {})], [("three", [1.0, 2.0, 3.0])], "Clip cannot take"),
        ([("ReduceSum", ["features", "zero"], "y", {})], [("zero", [0])], "ReduceSum cannot take"),
        ([("ReduceSum", ["features"], "y", {})], [], "ReduceSum cannot take"),
        ([("Abs", [], "y", {})], [], "Abs cannot take"),
        ([("Add", [], "y", {})], [], "Add cannot take"),
        (
            [("Unsqueeze", ["features", "zero"], "y", {}), ("Unsqueeze", ["y", "zero"], "z", {})],
            [("zero", [0])],
            "Unsqueeze cannot take",
        ),
        (
            [("Slice", ["features", "zero", "one", "zero"], "y", {})],
            [("zero", [0]), ("one", [1])],
            "Slice cannot take",
        ),
    ],
)
def test_rows_that_would_be_mixed_or_take_memory_without_bound_are_refused(tiny, nodes, constants, says):
    for name, values in constants:
        whole = isinstance(values, list) and isinstance(values[0], int) and len(values) == 1
        tiny.graph.initializer.append(constant(name, values, np.int64 if whole else np.float32))
    tiny.graph.node.extend(helper.make_node(op, inputs, [output], **more) for op, inputs, output, more in nodes)
    refuses(tiny, says)


def wide(tiny, nodes, constants):
    """A graph of six features, with these nodes more."""
    tiny.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 6
    for name, values in constants.items():
        tiny.graph.initializer.append(constant(name, values, np.asarray(values).dtype))
    for op_type, inputs, output, attributes in nodes:
        tiny.graph.node.append(helper.make_node(op_type, inputs, [output], **attributes))
    return tiny


def copy_of(model):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


X, MATRIX = spec.INPUT, np.zeros((6, 3), np.float32)
SHAPED = {
    "slice": ([("Slice", [X, "s", "e", "a"], "y", {})], {"s": [1], "e": [5], "a": [1]}),
    "slice by steps": ([("Slice", [X, "s", "e", "a", "t"], "y", {})], {"s": [1], "e": [6], "a": [1], "t": [2]}),
    "slice from the back": ([("Slice", [X, "s", "e", "a"], "y", {})], {"s": [-4], "e": [-1], "a": [-1]}),
    "slice past the end": ([("Slice", [X, "s", "e", "a"], "y", {})], {"s": [4], "e": [2**63 - 1], "a": [1]}),
    "concat": (
        [("Slice", [X, "s", "e", "a"], "x", {}), ("Concat", [X, "x", X], "y", {"axis": -1})],
        {"s": [0], "e": [2], "a": [1]},
    ),
    "reduce, kept": ([("ReduceSum", [X, "a"], "y", {})], {"a": [1]}),
    "reduce, of an attribute": ([("ReduceL2", [X], "y", {"axes": [-1]})], {}),
    "reduce the middle": (
        [("Unsqueeze", [X, "a"], "x", {}), ("ReduceSum", ["x", "a"], "y", {"keepdims": 0})],
        {"a": [1]},
    ),
    "reduce the last": (
        [("Unsqueeze", [X, "a"], "x", {}), ("ReduceSum", ["x", "b"], "y", {"keepdims": 0})],
        {"a": [1], "b": [2]},
    ),
    "softmax": ([("Softmax", [X], "y", {})], {}),
    "softmax within": (
        [
            ("Unsqueeze", [X, "a"], "x", {}),
            ("Softmax", ["x"], "z", {}),
            ("ReduceSum", ["z", "a"], "y", {"keepdims": 0}),
        ],
        {"a": [0]},
    ),
    "broadcast one": ([("Add", [X, "one"], "y", {})], {"one": np.ones((1, 1), np.float32)}),
    "broadcast ones": (
        [("ReduceSum", [X, "a"], "x", {}), ("Add", ["x", "one"], "y", {})],
        {"a": [1], "one": np.ones(1, np.float32)},
    ),
    "broadcast to the columns": (
        [("ReduceSum", [X, "a"], "x", {}), ("Mul", ["x", "six"], "y", {})],
        {"a": [1], "six": np.ones(6, np.float32)},
    ),
    "matrix": ([("MatMul", [X, "w"], "y", {})], {"w": MATRIX}),
    "matrix with a bias": ([("Gemm", [X, "w", "b"], "y", {})], {"w": MATRIX, "b": np.zeros(3, np.float32)}),
    "turned matrix": ([("Gemm", [X, "w"], "y", {"transB": 1})], {"w": MATRIX.T.copy()}),
}


@pytest.mark.parametrize("case", SHAPED)
def test_a_value_is_as_wide_as_onnx_infers_and_no_matrix_of_another_height_is_let_through(tiny, case):
    graph = wide(tiny, *SHAPED[case])
    values = onnx.shape_inference.infer_shapes(graph, data_prop=True).graph.value_info
    (shape,) = (value.type.tensor_type.shape.dim for value in values if value.name == "y")
    assert (shape[0].dim_param, len(shape)) == ("batch", 2)
    for height in (shape[1].dim_value - 1, shape[1].dim_value, shape[1].dim_value + 1):
        taken = wide(copy_of(graph), [("MatMul", ["y", "h"], "last", {})], {"h": np.zeros((height, 1), np.float32)})
        if height == shape[1].dim_value:
            read(taken)
        else:
            refuses(taken, "MatMul cannot take")


def test_a_softmax_over_the_rows_is_refused_where_no_axis_is_named(tiny):
    nodes = [("Unsqueeze", [spec.SIMILARITY, "a"], "x", {}), ("Softmax", ["x"], "y", {})]
    refuses(wide(tiny, nodes, {"a": [0]}), r"Softmax cannot take what it is given: \[1, batch\]")


def test_a_row_may_grow_to_64_times_the_width_of_its_layers_over_all_nodes(tiny):
    """Two columns; the decision takes four numbers, and each further node two."""
    for number in range(62):
        tiny.graph.node.append(helper.make_node("Abs", [spec.INPUT], [f"x{number}"]))
    assert read(tiny).operators["Abs"] == 62
    tiny.graph.node.append(helper.make_node("Abs", [spec.SIMILARITY], ["more"]))
    refuses(tiny, "a row grows to more than 64 times the 2 numbers")


def test_a_value_that_doubles_at_every_node_is_refused(tiny):
    name = spec.INPUT
    for number in range(40):
        tiny.graph.node.append(helper.make_node("Concat", [name, name], [f"twice{number}"], axis=1))
        name = f"twice{number}"
    refuses(tiny, "more than 64 times the 2 numbers")


def test_outputs_that_are_not_one_for_each_row_are_refused(tiny):
    tiny.graph.node[0].attribute[0].i = 1
    refuses(tiny, "its outputs are not one for each row")
