"""What stands in the place of a model, or has become of one, is told in words of its own; the gate stays the judge."""

import gzip
import json
import pickle
import zipfile

import onnx
import onnxruntime
import onnxslim
import pandas as pd
import pytest
from onnx import TensorProto, helper, version_converter
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from aetk.base.errors import BadInput
from aetk.contract import gate
from aetk.contract.foreign import explain, other_kind
from aetk.contract.protobuf import encode_bytes, encode_int
from aetk.edge.model import card_path, load


def quantise(source, target):
    quantize_dynamic(source, target)


def slim(source, target):
    onnx.save(onnxslim.slim(onnx.load(source)), target)


def halve(source, target):
    onnx.save(convert_float_to_float16(onnx.load(source)), target)


def halve_within(source, target):
    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True, disable_shape_infer=True), target)


def convert(source, target):
    onnx.save(version_converter.convert_version(onnx.load(source), 21), target)


def infer_shapes(source, target):
    onnx.save(onnx.shape_inference.infer_shapes(onnx.load(source)), target)


def move_tensors(source, target):
    onnx.save(onnx.load(source), target, save_as_external_data=True, size_threshold=0)


def optimise(source, target):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(target), 3
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


REWRITTEN = {
    quantise: "its producer is onnx.quantize 0.1.0; it is quantised (DynamicQuantizeLinear, MatMulInteger)",
    slim: "inner values, which tools add that slim, convert or infer shapes",
    halve: "its tensors are float16",
    halve_within: "its tensors are float16",
    convert: "inner values, which tools add that slim, convert or infer shapes",
    infer_shapes: "inner values, which tools add that slim, convert or infer shapes",
    move_tensors: "it keeps tensors in other files",
    optimise: "ONNX Runtime has optimised it for one machine",
}


@pytest.mark.parametrize("rewrite", REWRITTEN, ids=lambda rewrite: rewrite.__name__)
@pytest.mark.filterwarnings("ignore")
def test_a_model_that_a_tool_has_rewritten_is_refused_with_what_the_tool_left_in_it(model, tmp_path, rewrite):
    rewrite(model, tmp_path / "m.onnx")
    with pytest.raises(BadInput) as caught:
        load(tmp_path / "m.onnx")
    message = caught.value.message
    assert message.startswith(f"{tmp_path / 'm.onnx'}: Another tool has rewritten this model since aetk exported it: ")
    assert REWRITTEN[rewrite] in message
    assert message.endswith("Expected the file as it was exported, for which its card vouches.")
    assert "unknown field" not in message
    assert "aetk export --onnx (--opset N" in caught.value.hint


def test_a_model_that_was_saved_again_and_is_the_same_is_let_in(model, tmp_path):
    onnx.save(onnx.load(model), tmp_path / "m.onnx")
    assert load(tmp_path / "m.onnx").graph.sha256 == load(model).graph.sha256


def test_what_is_wrong_with_a_model_for_other_reasons_stays_in_the_gates_words(model):
    proto = onnx.load(model)
    proto.graph.node.add(op_type="Run", domain="evil")
    refused = refusal(proto.SerializeToString())
    assert explain(proto.SerializeToString(), refused) is refused
    assert "of the domain 'evil'" in refused.message


def refusal(data):
    with pytest.raises(gate.Refused) as caught:
        gate.read(data)
    return caught.value


def test_a_model_of_another_make_is_told_by_its_producer():
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "g", [x], [y])
    opset = [helper.make_opsetid("", 17)]
    proto = helper.make_model(graph, producer_name="pytorch", producer_version="2.9", ir_version=8, opset_imports=opset)
    found = explain(proto.SerializeToString(), refusal(proto.SerializeToString()))
    assert found.message.endswith("its inputs are 'x', not 'features' alone. It was made by pytorch 2.9, not by aetk.")
    proto.producer_name = proto.producer_version = ""
    assert "does not say what made it" in explain(proto.SerializeToString(), refusal(proto.SerializeToString())).message


def test_a_card_in_the_place_of_its_model_is_told(model, tmp_path):
    with pytest.raises(BadInput) as caught:
        load(card_path(model))
    assert caught.value.message == f"{card_path(model)}: Not a model but the card of one; expected an .onnx file."
    assert caught.value.hint == "Name the model that it belongs to, NAME.onnx for NAME.card.json."


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")


def optimise_for_ort(path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(path), 3
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Abs", ["x"], ["y"])], "g", [x], [y])
    data = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


FRAME = pd.DataFrame({"V1": [1.5, 2.5], "V2": [0.0, 1.0]})
KINDS = {
    "a table (CSV)": ("t.csv", lambda path: FRAME.to_csv(path)),
    "a table (Parquet)": ("t.parquet", lambda path: FRAME.to_parquet(path)),
    "JSON": ("run.json", lambda path: path.write_text(json.dumps({"a": 1}, indent=1))),
    "an archive": ("m.pt", zipped),
    "a compressed file": ("m.onnx.gz", lambda path: path.write_bytes(gzip.compress(b"m"))),
    "a Python pickle": ("m.pkl", lambda path: path.write_bytes(pickle.dumps([1]))),
    "a picture": ("m.png", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(9))),
    "a pointer of Git LFS": ("m.onnx", lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n")),
    "a web page": ("m.onnx", lambda path: path.write_text("<!DOCTYPE html><html></html>")),
    "a file in ONNX Runtime's own format (.ort)": ("m.ort", optimise_for_ort),
    "an empty file": ("m.onnx", lambda path: path.touch()),
}


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_of_file_is_told_with_what_to_do(tmp_path, kind):
    name, write = KINDS[kind]
    write(tmp_path / name)
    with pytest.raises(BadInput) as caught:
        load(tmp_path / name)
    assert caught.value.message == f"{tmp_path / name}: Not a model but {kind}; expected an .onnx file."
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xef\xbb\xbf{}", "JSON"),
        (b' \n\t{"a": 1}', "JSON"),
        (b"\xef\xbb\xbfa;b\r\n1;2\r\n", "a table (CSV)"),
        (b"first name,b\n1,2\n", "a table (CSV)"),
        (b'{"card_sha256": 0}', "the card of one"),
    ],
)
def test_text_is_told_whatever_mark_or_line_ends_it_has(content, kind):
    assert other_kind(content)[0] == kind


def made_by(producer, op_type="Abs", types=(1,)):
    """A file of these facts, which no gate lets in."""
    graph = encode_bytes(1, encode_bytes(4, op_type.encode()))
    graph += b"".join(encode_bytes(5, encode_int(2, kind)) for kind in types)
    return encode_bytes(2, producer.encode()) + encode_bytes(7, graph) + encode_bytes(8, b"")


@pytest.mark.parametrize("code", [1, 2])
@pytest.mark.parametrize("content", [b"", made_by("other"), made_by("aetk", types=[10])])
def test_a_better_message_changes_no_exit_code(content, code):
    found = explain(content, gate.Refused("no.", "a hint", code))
    assert found.message != "no."
    assert found.exit_code == code
    assert found.hint


def test_by_its_card_a_model_is_ours_whatever_its_producer_and_by_no_other_entry():
    def explained(key):
        entry = encode_bytes(14, encode_bytes(1, key.encode()) + encode_bytes(2, b"{}"))
        return explain(made_by("other") + entry, gate.Refused("no.")).message

    assert explained(gate.CARD).startswith("Another tool has rewritten this model")
    assert explained("a key") == "no. It was made by other, not by aetk."


def test_a_file_of_two_graphs_or_without_an_opset_stays_in_the_gates_words():
    refused = gate.Refused("no.")
    assert explain(made_by("other") + encode_bytes(7, b""), refused) is refused
    assert explain(encode_bytes(2, b"other") + encode_bytes(7, b""), refused) is refused


def test_a_model_of_another_make_keeps_the_gates_hint():
    assert explain(made_by("other"), gate.Refused("no.", "a hint")).hint == "a hint"


@pytest.mark.parametrize(
    ("op_type", "types", "says"),
    [
        ("Abs", [1, 10, 16], "its tensors are float16 and bfloat16."),
        ("Abs", [2, 3], "its tensors are uint8 and int8."),
        ("MatMulInteger", [1, 2, 3], "it is quantised (MatMulInteger)."),
        ("MatMulInteger", [2, 10], "it is quantised (MatMulInteger); its tensors are float16."),
    ],
)
def test_types_of_whole_numbers_go_without_saying_in_a_quantised_model(op_type, types, says):
    message = explain(made_by("aetk", op_type, types), gate.Refused("no.")).message
    assert message.startswith(f"Another tool has rewritten this model since aetk exported it: {says}")


@pytest.mark.parametrize("content", [b"no model at all", b"\x00,\n", b"a,\x01b\n", b"\xff" * 9, b"  "])
def test_a_file_of_no_known_kind_stays_in_the_gates_words(content):
    assert other_kind(content) is None
    refused = refusal(content)
    assert explain(content, refused) is refused


def test_a_model_is_of_no_other_kind(model, explaining_model):
    assert other_kind(model.read_bytes()) is other_kind(explaining_model.read_bytes()) is None


@pytest.mark.parametrize("number", [1, 5, 13, 99])
def test_a_graph_of_countless_parts_is_looked_at_in_part(number):
    graph = encode_bytes(number, b"") * 1_000_000
    data = encode_int(1, 8) + encode_bytes(7, graph) + encode_bytes(8, b"")
    assert explain(data, gate.Refused("no")).message.startswith("no")


@pytest.mark.parametrize("part", [b"", b"\x0a", b"\xff" * 20, encode_int(2, 2**63), encode_bytes(2, b"\xff\xfe")])
@pytest.mark.parametrize("number", [2, 8, 14])
def test_parts_that_are_no_messages_are_no_trouble(part, number):
    data = encode_int(1, 8) + encode_bytes(7, b"") + encode_bytes(8, b"") + encode_bytes(number, part)
    assert isinstance(explain(data, gate.Refused("no")), gate.Refused)


def test_a_producers_name_commands_no_terminal():
    data = encode_bytes(2, b"\x1b[2Jx" + b"y" * 200) + encode_bytes(7, b"") + encode_bytes(8, b"")
    message = explain(data, gate.Refused("no.")).message
    assert "It was made by \\u001b[2Jx" in message
    assert len(message) < 100
