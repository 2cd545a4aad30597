"""What the gate refuses, one reason each; what it lets through is tested where models are made."""

import ast
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from aetk.contract import gate, spec
from aetk.contract.gate import Refused
from aetk.contract.protobuf import encode_bytes, encode_int

from .gating import constant, read, refuses
from .nesting import nest

_TREE = ast.parse(Path(gate.__file__).read_text())


def test_the_gate_of_the_python_app_is_a_link():
    theirs = Path(__file__).resolve().parents[2] / "exports/hosts/python/gate.py"
    assert theirs.is_symlink()
    assert theirs.resolve() == Path(gate.__file__)


def test_the_gate_needs_the_standard_library_alone():
    names = {alias.name for node in ast.walk(_TREE) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(_TREE) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_smallest_graph_that_keeps_the_contract_is_accepted(tiny):
    onnx.checker.check_model(tiny, full_check=True)
    assert read(tiny).threshold == 0.5


def test_a_subgraph_is_refused_with_its_operator(tiny):
    branch = helper.make_graph([helper.make_node("Identity", ["similarity"], ["x"])], "b", [], [])
    tiny.graph.node.append(helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch))
    refuses(tiny, "uses the operator 'If'")


def test_subgraphs_in_an_operator_that_is_known_are_refused(tiny):
    tiny.graph.node[0].attribute.append(helper.make_attribute("branch", helper.make_graph([], "b", [], [])))
    refuses(tiny, "graph of its own")
    del tiny.graph.node[0].attribute[-1]
    tiny.graph.node[0].attribute.append(helper.make_attribute("branches", [helper.make_graph([], "b", [], [])]))
    refuses(tiny, "graph of its own")


def test_functions_are_refused(tiny):
    node = helper.make_node("Identity", ["x"], ["y"])
    tiny.functions.append(helper.make_function("", "Mine", ["x"], ["y"], [node], [helper.make_opsetid("", 17)]))
    refuses(tiny, "defines functions")


def test_functions_that_call_each_other_three_thousand_deep_are_refused(tiny):
    nest(tiny)
    refuses(tiny, "defines functions")


def test_training_of_its_own_is_refused(tiny):
    tiny.training_info.add()
    refuses(tiny, "training of its own")


def test_external_data_is_refused(tiny):
    tiny.graph.initializer[2].data_location = TensorProto.EXTERNAL
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


def test_not_exactly_one_opset_is_refused(tiny):
    tiny.opset_import.append(helper.make_opsetid("", 17))
    refuses(tiny, "names 2 opsets, expected one")
    del tiny.opset_import[:]
    refuses(tiny, "names 0 opsets, expected one")


@pytest.mark.parametrize(("ir", "opset"), [(7, 17), (12, 17), (8, 16), (8, 24), (0, 17), (8, 0), (8, -1)])
def test_versions_out_of_range_are_refused(tiny, ir, opset):
    tiny.ir_version = ir
    tiny.opset_import[0].version = opset
    refuses(tiny, f"IR version is {ir} and its opset {opset}, expected 8 to 11 and 17 to 23")


def test_the_versions_let_through_are_those_that_can_be_exported():
    assert tuple(gate.OPSETS) == tuple(spec.OLDEST_RUNTIMES)
    assert spec.IR_VERSION in gate.IR_VERSIONS


def test_two_graphs_in_one_file_are_refused(tiny):
    """Readers merge a repeated field, so a second graph would run unseen by who looks at one of them."""
    hidden = onnx.ModelProto()
    hidden.graph.node.append(helper.make_node("Identity", ["x"], ["y"], domain="evil"))
    with pytest.raises(Refused, match="more than 1 of the field graph"):
        gate.read(hidden.SerializeToString() + tiny.SerializeToString())


@pytest.mark.parametrize(
    ("field", "says"),
    [
        (encode_int(27, 1), "its model has an unknown field 27"),
        (encode_int(99, 1), "Not a model of the aetk contract, version 1: its model has an unknown field 99"),
        (encode_int(100, 1), "Not a readable ONNX file: its model has an unknown field 100"),
        (encode_bytes(1, b"8"), "the field ir_version of its model is of the wrong kind"),
        (encode_int(7, 5), "the field graph of its model is of the wrong kind"),
        (encode_bytes(2, b"x"), "more than 1 of the field producer_name"),
        (encode_bytes(14, encode_bytes(1, b"a")) * 2, "its metadata has 'a' twice"),
        (encode_bytes(14, encode_bytes(1, b"\xff")), "a name is not UTF-8 text"),
        (encode_bytes(14, b"") * 65, "more than 64 of the field metadata_props"),
        (encode_bytes(14, encode_bytes(2, bytes(gate.LARGEST_CARD + 1))), "is longer than 32 MiB"),
        (b"\x0b", "unknown wire type 3"),
    ],
)
def test_fields_that_readers_would_skip_merge_or_drown_in_are_refused(tiny, field, says):
    tiny.producer_name = "anyone"
    with pytest.raises(Refused, match=says):
        gate.read(tiny.SerializeToString() + field)


PLACES = {
    "model": lambda model: model,
    "opset": lambda model: model.opset_import[0],
    "metadata": lambda model: model.metadata_props[0],
    "graph": lambda model: model.graph,
    "node": lambda model: model.graph.node[0],
    "attribute": lambda model: model.graph.node[0].attribute[0],
    "tensor": lambda model: model.graph.initializer[0],
    "value": lambda model: model.graph.input[0],
    "type": lambda model: model.graph.input[0].type,
    "tensor type": lambda model: model.graph.input[0].type.tensor_type,
    "shape": lambda model: model.graph.input[0].type.tensor_type.shape,
    "dimension": lambda model: model.graph.input[0].type.tensor_type.shape.dim[0],
}


@pytest.mark.parametrize("what", PLACES)
def test_an_unknown_field_is_refused_wherever_it_stands_and_its_place_is_named(tiny, what):
    helper.set_model_props(tiny, {"key": "value"})
    PLACES[what](tiny).MergeFromString(encode_int(60, 1))
    refuses(tiny, f"its {what} has an unknown field 60")


@pytest.mark.parametrize("part", ["node", "initializer", "input", "output"])
def test_a_graph_that_lacks_a_part_is_refused(tiny, part):
    tiny.graph.ClearField(part)
    refuses(tiny, "Not a model of the aetk contract")


def test_the_standard_domain_may_be_named(tiny):
    tiny.opset_import[0].domain = tiny.graph.node[0].domain = "ai.onnx"
    assert read(tiny).operators["ReduceSum"] == 1


def test_a_file_and_its_card_may_be_as_large_as_the_limits_and_no_larger(tiny, tmp_path, monkeypatch):
    helper.set_model_props(tiny, {"key": "x" * 100})
    data, path = tiny.SerializeToString(), tmp_path / "m.onnx"
    path.write_bytes(data)
    monkeypatch.setattr(gate, "LARGEST_FILE", len(data))
    monkeypatch.setattr(gate, "LARGEST_CARD", 100)
    assert gate.read(gate.read_file(path)).metadata == {"key": "x" * 100}
    monkeypatch.setattr(gate, "LARGEST_CARD", 99)
    with pytest.raises(Refused, match="its metadata 'key' is longer than"):
        gate.read(data)
    monkeypatch.setattr(gate, "LARGEST_FILE", len(data) - 1)
    with pytest.raises(Refused, match="it is larger than"):
        gate.read(data)
    with pytest.raises(Refused, match="is larger than"):
        gate.read_file(path)


def test_an_operator_beside_the_list_is_refused(tiny):
    tiny.graph.node.append(helper.make_node("Loop", ["similarity"], ["x"]))
    refuses(tiny, "uses the operator 'Loop'")


def test_an_attribute_beside_the_list_is_refused(tiny):
    tiny.graph.node[0].attribute.append(helper.make_attribute("mode", 1))
    refuses(tiny, "a node ReduceSum has the attribute 'mode'")
    del tiny.graph.node[0].attribute[-1]
    tiny.graph.node[0].attribute.append(helper.make_attribute("keepdims", 0))
    refuses(tiny, "has the attribute 'keepdims' twice")


@pytest.mark.parametrize("value", ["text", [0.5, 1.0], helper.make_tensor("t", 1, [1], [1.0])])
def test_an_attribute_of_another_kind_is_refused(tiny, value):
    tiny.graph.node[0].attribute[0].CopyFrom(helper.make_attribute("keepdims", value))
    refuses(tiny, "an unknown field|neither a number")


def attribute_of(tiny, op_type, **attribute):
    """What the gate read of an attribute of a node that is added."""
    node = tiny.graph.node.add(op_type=op_type, input=[spec.INPUT], output=["more"])
    node.attribute.add(**attribute)
    return read(tiny).nodes[-1].attributes


def test_a_floats_four_bytes_are_kept(tiny):
    found = attribute_of(tiny, "LeakyRelu", name="alpha", type=1, f=0.25)
    assert found == {"alpha": np.float32(0.25).tobytes()}


@pytest.mark.parametrize(
    ("op_type", "name", "kind", "value"), [("LeakyRelu", "alpha", 1, bytes(4)), ("Cast", "to", 2, 0)]
)
def test_a_value_that_an_attribute_leaves_out_is_zero(tiny, op_type, name, kind, value):
    assert attribute_of(tiny, op_type, name=name, type=kind) == {name: value}


def test_a_list_that_an_attribute_leaves_out_is_empty(tiny):
    with pytest.raises(Refused, match="ReduceSum cannot take"):
        attribute_of(tiny, "ReduceSum", name="axes", type=7)


@pytest.mark.parametrize("attribute", [{"type": 3}, {"type": 0}, {}, {"type": 1, "i": 1}, {"type": 2, "f": 1.0}])
def test_an_attribute_whose_type_is_not_that_of_its_value_is_refused(tiny, attribute):
    with pytest.raises(Refused, match="the attribute 'to' is neither a number nor a list of whole numbers"):
        attribute_of(tiny, "Cast", name="to", **attribute)


@pytest.mark.parametrize("value", [2, 3, -1, 2**63 - 1])
def test_a_switch_that_is_neither_on_nor_off_is_refused(tiny, value):
    """ONNX Runtime takes keepdims=3 for 0, others for 1: the shapes would not be those that were checked."""
    tiny.graph.node[0].attribute[0].i = value
    refuses(tiny, "the attribute 'keepdims' of a node ReduceSum is neither 0 nor 1")


def test_a_list_longer_than_any_shape_is_refused(tiny):
    tiny.graph.node[0].attribute[0].CopyFrom(helper.make_attribute("axes", list(range(1000))))
    refuses(tiny, "more than 8")


def tensor_of(*dims, content=bytes(4)):
    """A tensor whose dimensions stand in these fields, as readers take them packed or one by one."""
    return b"".join(dims) + encode_int(2, 1) + encode_bytes(8, b"more") + encode_bytes(9, content)


def with_tensor(tiny, tensor):
    """The file with a tensor more; readers merge the graphs, so it is added within the one there is."""
    graph = tiny.graph.SerializeToString() + encode_bytes(5, tensor)
    tiny.ClearField("graph")
    return tiny.SerializeToString() + encode_bytes(7, graph)


def shape_of(tiny, tensor):
    return gate.read(with_tensor(tiny, tensor)).initializers[-1].shape


ONE, NINE = encode_int(1, 1), b"\x0a\x09" + b"\x01" * 9


def test_dimensions_are_read_packed_or_one_by_one(tiny):
    content = bytes(4 * 300 * 2)
    packed = encode_bytes(1, b"\xac\x02\x02")
    unpacked = encode_int(1, 300) + encode_int(1, 2)
    for dims in (packed, unpacked):
        copy = onnx.ModelProto()
        copy.CopyFrom(tiny)
        data = with_tensor(copy, tensor_of(dims, content=content))
        assert gate.read(data).initializers[-1].shape == (300, 2)
        assert list(onnx.load_from_string(data).graph.initializer[-1].dims) == [300, 2]


@pytest.mark.parametrize("dims", [ONE * 8, encode_bytes(1, b"\x01" * 8), ONE * 3 + encode_bytes(1, b"\x01" * 5)])
def test_eight_dimensions_are_let_through(tiny, dims):
    assert shape_of(tiny, tensor_of(dims)) == (1,) * 8


@pytest.mark.parametrize(
    "dims", [ONE * 9, NINE, ONE + encode_bytes(1, b"\x01" * 8), encode_bytes(1, b"\x01" * 8) + ONE]
)
def test_nine_dimensions_are_refused_however_they_are_written(tiny, dims):
    with pytest.raises(Refused, match="more than 8"):
        gate.read(with_tensor(tiny, tensor_of(dims)))


def test_a_tensor_may_be_empty(tiny):
    assert shape_of(tiny, tensor_of(encode_int(1, 0), content=b"")) == (0,)


@pytest.mark.parametrize("packed", [b"\x80", b"\x01\xff", b"\xff" * 11])
def test_packed_numbers_that_end_in_the_middle_are_refused(tiny, packed):
    with pytest.raises(Refused, match="Not a readable ONNX file"):
        gate.read(with_tensor(tiny, tensor_of(encode_bytes(1, packed))))


def test_a_packed_dimension_may_not_be_negative(tiny):
    with pytest.raises(Refused, match=r"float32 \[-1\], and holds 0 bytes"):
        gate.read(with_tensor(tiny, tensor_of(encode_bytes(1, b"\xff" * 9 + b"\x01"), content=b"")))


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (helper.make_tensor("limit", TensorProto.FLOAT, [1], [0.5]), "as a list of numbers, expected raw bytes"),
        (constant("limit", 0.5, np.float64), "is float64, expected float32 or int64"),
        (TensorProto(name="limit", data_type=16, raw_data=bytes(4)), "is type 16, expected float32 or int64"),
        (TensorProto(name="limit", data_type=1), r"float32 \[\], and holds 0 bytes"),
        (helper.make_tensor("limit", TensorProto.STRING, [1], [b"x"]), "unknown field 6"),
        (TensorProto(name="limit", data_type=1, dims=[3], raw_data=bytes(8)), r"float32 \[3\], and holds 8 bytes"),
        (TensorProto(name="limit", data_type=1, dims=[-1], raw_data=b""), r"float32 \[-1\], and holds 0 bytes"),
        (TensorProto(name="limit", data_type=1, dims=[2**40, 2**40], raw_data=bytes(4)), "and holds 4 bytes"),
        (TensorProto(name="limit", data_type=1, dims=[2**62, 4], raw_data=b""), "and holds 0 bytes"),
        (TensorProto(name="limit", data_type=1, dims=[1] * 9, raw_data=bytes(4)), "more than 8"),
        (
            TensorProto(name="limit", data_type=7, dims=[99], raw_data=bytes(8 * 99)),
            "not a short list of whole numbers",
        ),
    ],
)
def test_a_tensor_whose_size_is_not_that_of_its_bytes_or_of_another_kind_is_refused(tiny, tensor, says):
    tiny.graph.initializer[2].CopyFrom(tensor)
    refuses(tiny, says)


def test_names_given_twice_are_refused(tiny):
    tiny.graph.initializer.append(tiny.graph.initializer[2])
    refuses(tiny, "two of its tensors have the same name")
    tiny.graph.initializer[3].name = spec.INPUT
    refuses(tiny, "two of its tensors have the same name")
    del tiny.graph.initializer[3]
    tiny.graph.node.append(helper.make_node("Abs", ["similarity"], ["similarity"]))
    refuses(tiny, "a node Abs uses a value that is not there, or makes one that is there already")


def test_an_input_that_is_left_out_is_refused(tiny):
    """Where it may not be left out, ONNX Runtime notices only when it runs."""
    tiny.graph.node.append(helper.make_node("Concat", ["features", ""], ["x"], axis=1))
    refuses(tiny, "a node Concat uses a value that is not there, or makes one that is there already")


def test_a_node_that_takes_what_comes_later_or_never_is_refused(tiny):
    tiny.graph.node.insert(0, helper.make_node("Abs", ["similarity"], ["x"]))
    refuses(tiny, "a node Abs uses a value that is not there, or makes one that is there already")


@pytest.mark.parametrize("n", [1, gate.MOST_FEATURES])
def test_one_feature_and_the_most_are_let_through(tiny, n):
    tiny.graph.input[0].type.tensor_type.shape.dim[1].dim_value = n
    assert read(tiny).n_features == n


def test_a_threshold_of_one_is_let_through(tiny):
    tiny.graph.initializer[1].CopyFrom(constant(spec.THRESHOLD, 1.0))
    assert read(tiny).threshold == 1


def test_of_many_readers_of_the_threshold_four_are_named(tiny):
    for number in range(3):
        tiny.graph.node.append(helper.make_node("Abs", [spec.THRESHOLD], [f"x{number}"]))
    refuses(tiny, "feeds GreaterOrEqual, Abs, Abs, Abs, not one")
    tiny.graph.node.append(helper.make_node("Sqrt", [spec.THRESHOLD], ["y"]))
    refuses(tiny, r"feeds GreaterOrEqual, Abs, Abs, Abs, \.\.\., not one")


@pytest.mark.parametrize("n", [0, -1, gate.MOST_FEATURES + 1, 2**62])
def test_more_features_than_any_table_has_are_refused(tiny, n):
    tiny.graph.input[0].type.tensor_type.shape.dim[1].dim_value = n
    refuses(tiny, f"takes {n} features, expected 1 to 16,384")


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
    "change",
    [
        lambda nodes: nodes[1].input.__setitem__(slice(None), [spec.THRESHOLD, spec.SIMILARITY]),
        lambda nodes: nodes[1].input.__setitem__(0, spec.INPUT),
        lambda nodes: nodes[2].CopyFrom(helper.make_node("Abs", ["ge"], [spec.IS_ANOMALY])),
        lambda nodes: nodes[2].input.__setitem__(0, spec.IS_VALID),
        lambda nodes: nodes[2].ClearField("input"),
        lambda nodes: nodes.remove(nodes[2]),
    ],
    ids=["turned round", "of another value", "not negated", "of another comparison", "of nothing", "without a maker"],
)
def test_a_decision_by_another_rule_is_refused(tiny, change):
    change(tiny.graph.node)
    refuses(tiny, r"'is_anomaly' is not Not\(GreaterOrEqual\(similarity, threshold\)\)")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda graph: graph.initializer.remove(graph.initializer[1]),
        lambda graph: graph.initializer.append(graph.initializer[1]),
        lambda graph: graph.initializer[1].CopyFrom(constant(spec.THRESHOLD, 1, np.int64)),
        lambda graph: graph.initializer[1].CopyFrom(constant(spec.THRESHOLD, [0.5])),
    ],
    ids=["missing", "twice", "int64", "a vector"],
)
def test_a_threshold_that_is_no_float32_scalar_is_refused(tiny, spoil):
    spoil(tiny.graph)
    refuses(tiny, "no float32 scalar initializer named 'threshold'")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1, 1.0001, -5])
def test_a_threshold_that_would_flag_all_or_nothing_is_refused(tiny, value):
    tiny.graph.initializer[1].CopyFrom(constant(spec.THRESHOLD, value))
    refuses(tiny, "expected more than -1 and at most 1")


def test_other_inputs_are_refused(tiny):
    tiny.graph.input[0].name = "x"
    refuses(tiny, "its inputs are 'x', not 'features' alone")
    del tiny.graph.input[:]
    refuses(tiny, "its inputs are none")


@pytest.mark.parametrize(
    ("dtype", "shape"), [(TensorProto.DOUBLE, ["b", 2]), (1, ["b"]), (1, ["b", "n"]), (1, [5, 2]), (1, None)]
)
def test_features_of_another_type_or_shape_are_refused(tiny, dtype, shape):
    tiny.graph.input[0].CopyFrom(helper.make_tensor_value_info(spec.INPUT, dtype, shape))
    refuses(tiny, "not float32")


def test_an_input_that_is_no_tensor_is_refused(tiny):
    tiny.graph.input[0].CopyFrom(helper.make_tensor_sequence_value_info(spec.INPUT, 1, None))
    refuses(tiny, "its type has an unknown field 4")
    tiny.graph.input[0].ClearField("type")
    refuses(tiny, "'features' is not a tensor")


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
    tiny.graph.output[1].type.tensor_type.elem_type = TensorProto.BFLOAT16
    refuses(tiny, "its outputs are of the types float32, type 16, bool")


@pytest.mark.parametrize("data", [b"", b"not an onnx file", b"PK\x03\x04", b'{"a": 1}', b"\x08\x08"])
def test_what_is_no_model_is_refused(data):
    with pytest.raises(Refused):
        gate.read(data)


def test_a_file_of_another_size_or_kind_is_refused(tmp_path, monkeypatch):
    with pytest.raises(Refused, match="No such model"):
        gate.read_file(tmp_path / "gone.onnx")
    with pytest.raises(Refused, match="is a folder"):
        gate.read_file(tmp_path)
    with pytest.raises(Refused, match="/dev/zero is not a regular file"):
        gate.read_file("/dev/zero")
    large = tmp_path / "large.onnx"
    with large.open("wb") as file:
        file.truncate(gate.LARGEST_FILE + 1)
    with pytest.raises(Refused, match="is larger than 256 MiB"):
        gate.read_file(large)
