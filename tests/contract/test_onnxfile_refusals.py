import onnx
import pytest
from onnx import TensorProto, helper

from aetk.contract import onnxfile, spec
from aetk.contract.errors import BadInput


def read(proto):
    return onnxfile.read(proto.SerializeToString())


def refuses(proto, says):
    with pytest.raises(BadInput, match=says):
        read(proto)


def test_the_smallest_graph_that_keeps_the_contract_is_accepted(tiny):
    onnx.checker.check_model(tiny, full_check=True)
    assert read(tiny).threshold == 0.5


def test_a_subgraph_is_refused(tiny):
    branch = helper.make_graph([helper.make_node("Identity", ["similarity"], ["x"])], "b", [], [])
    tiny.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch))
    refuses(tiny, "graph of its own")


def test_a_list_of_subgraphs_is_refused(tiny):
    attribute = helper.make_attribute("branches", [helper.make_graph([], "b", [], [])])
    tiny.graph.node[0].attribute.append(attribute)
    refuses(tiny, "graph of its own")


def test_functions_are_refused(tiny):
    node = helper.make_node("Identity", ["x"], ["y"])
    tiny.functions.append(helper.make_function("", "Mine", ["x"], ["y"], [node], [helper.make_opsetid("", 17)]))
    refuses(tiny, "defines functions")


def test_external_data_is_refused(tiny):
    tensor = tiny.graph.initializer[2]
    tensor.data_location = TensorProto.EXTERNAL
    refuses(tiny, "in other files")


def test_external_data_named_without_its_location_flag_is_refused(tiny):
    tiny.graph.initializer[2].external_data.add(key="location", value="../../etc/passwd")
    refuses(tiny, "in other files")


def test_sparse_tensors_are_refused(tiny):
    values = helper.make_tensor("s", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("i", TensorProto.INT64, [1], [0])
    tiny.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [4]))
    refuses(tiny, "sparse")


def test_a_custom_domain_is_refused_in_imports_and_in_nodes(tiny):
    tiny.graph.node[2].domain = "com.microsoft"
    refuses(tiny, "the node Not is of the domain 'com.microsoft'")
    tiny.graph.node[2].domain = ""
    tiny.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    refuses(tiny, "operators of the domain 'ai.onnx.ml'")


def test_two_graphs_in_one_file_are_refused(tiny):
    """Readers merge a repeated field, so a second graph would run unseen by who looks at one of them."""
    data = tiny.SerializeToString()
    hidden = onnx.ModelProto()
    hidden.graph.node.append(helper.make_node("Identity", ["x"], ["y"], domain="evil"))
    with pytest.raises(BadInput):
        onnxfile.read(hidden.SerializeToString() + data)


def test_a_threshold_that_two_nodes_read_is_refused(tiny):
    tiny.graph.node[3].input[1] = spec.THRESHOLD
    refuses(tiny, "'threshold' feeds GreaterOrEqual, LessOrEqual")


def test_a_threshold_that_one_node_reads_twice_is_refused(tiny):
    tiny.graph.node[1].input[0] = spec.THRESHOLD
    refuses(tiny, "feeds GreaterOrEqual, GreaterOrEqual")


def test_a_threshold_that_another_operator_reads_is_refused(tiny):
    tiny.graph.node[1].op_type = "Greater"
    refuses(tiny, "feeds Greater, not one GreaterOrEqual")


def test_a_threshold_that_nothing_reads_is_refused(tiny):
    tiny.graph.node[1].input[1] = "limit"
    refuses(tiny, "feeds nothing")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda graph: graph.initializer.remove(graph.initializer[1]),
        lambda graph: graph.initializer.append(graph.initializer[1]),
        lambda graph: graph.initializer[1].CopyFrom(helper.make_tensor("threshold", TensorProto.DOUBLE, [], [0.5])),
        lambda graph: graph.initializer[1].CopyFrom(helper.make_tensor("threshold", TensorProto.FLOAT, [1], [0.5])),
        lambda graph: graph.initializer[1].ClearField("float_data"),
    ],
    ids=["missing", "twice", "float64", "a vector", "empty"],
)
def test_a_threshold_that_is_no_float32_scalar_is_refused(tiny, spoil):
    spoil(tiny.graph)
    refuses(tiny, "no float32 scalar initializer named 'threshold'")


def test_other_inputs_are_refused(tiny):
    tiny.graph.input[0].name = "x"
    refuses(tiny, "its inputs are 'x', not 'features' alone")
    del tiny.graph.input[:]
    refuses(tiny, "its inputs are none")


@pytest.mark.parametrize(("dtype", "shape"), [(TensorProto.DOUBLE, ["b", 2]), (1, ["b"]), (1, ["b", "n"]), (1, None)])
def test_features_of_another_type_or_shape_are_refused(tiny, dtype, shape):
    tiny.graph.input[0].CopyFrom(helper.make_tensor_value_info(spec.INPUT, dtype, shape))
    refuses(tiny, "not float32")


def test_other_outputs_are_refused(tiny):
    first, second = onnx.ValueInfoProto(), onnx.ValueInfoProto()
    first.CopyFrom(tiny.graph.output[1])
    second.CopyFrom(tiny.graph.output[2])
    tiny.graph.output[1].CopyFrom(second)
    tiny.graph.output[2].CopyFrom(first)
    refuses(tiny, "its outputs are 'similarity', 'is_valid', 'is_anomaly'")
    del tiny.graph.output[2]
    refuses(tiny, "its outputs are")


def test_outputs_of_another_type_are_refused(tiny):
    tiny.graph.output[1].type.tensor_type.elem_type = TensorProto.FLOAT
    refuses(tiny, "its outputs are of the types float32, float32, bool")


@pytest.mark.parametrize("data", [b"", b"not an onnx file", b"PK\x03\x04", b'{"a": 1}', b"\x08\x08"])
def test_what_is_no_model_is_refused(data):
    with pytest.raises(BadInput):
        onnxfile.read(data)
