from collections import Counter

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from aetk.base.errors import AetkError, BadInput, CheckFailed
from aetk.contract import gate, onnxfile, spec
from aetk.edge.model import load


@pytest.fixture(scope="module")
def data(model):
    return model.read_bytes()


@pytest.fixture(scope="module")
def proto(data):
    return onnx.load_from_string(data)


def test_operators_are_those_that_the_onnx_package_finds(data, proto):
    found = onnxfile.read(data)
    assert found.operators == dict(Counter(node.op_type for node in proto.graph.node))
    assert list(found.operators.values()) == sorted(found.operators.values(), reverse=True)
    assert [(n.op_type, n.inputs, (n.output,)) for n in found.nodes] == [
        (node.op_type, tuple(node.input), tuple(node.output)) for node in proto.graph.node
    ]


def test_initializers_are_those_that_the_onnx_package_finds(data, proto):
    found = {i.name: i for i in onnxfile.read(data).initializers}
    expected = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype.name)
        is_scalar = array.shape == () and array.dtype == np.float32
        assert found[name].value == (array.item() if is_scalar else None)
    assert onnxfile.read(data).parameters == sum(array.size for array in expected.values())


def test_versions_metadata_inputs_and_outputs_are_those_that_the_onnx_package_finds(data, proto):
    found = onnxfile.read(data)
    assert found.ir_version == proto.ir_version == spec.IR_VERSION
    assert found.opset == proto.opset_import[0].version == spec.OPSET
    assert found.metadata == {entry.key: entry.value for entry in proto.metadata_props}
    (features,) = found.inputs
    dims = proto.graph.input[0].type.tensor_type.shape.dim
    assert (features.name, features.dtype) == ("features", "float32")
    assert features.shape == (dims[0].dim_param, dims[1].dim_value) == ("batch", 30)
    assert [(v.name, v.dtype, len(v.shape)) for v in found.outputs] == [
        ("similarity", "float32", 1), ("is_anomaly", "bool", 1), ("is_valid", "bool", 1),
    ]  # fmt: skip


@given(card=st.text(max_size=200))
def test_a_new_card_leaves_every_other_byte(data, proto, card):
    changed = onnxfile.with_card(data, card)
    assert onnxfile.read(changed).metadata[spec.CARD_KEY] == card
    assert onnxfile.with_card(changed, None) == onnxfile.with_card(data, None)
    theirs = onnx.load_from_string(changed)
    assert [entry.key for entry in theirs.metadata_props] == [spec.CARD_KEY]
    del theirs.metadata_props[:]
    without = onnx.ModelProto()
    without.CopyFrom(proto)
    del without.metadata_props[:]
    assert theirs == without


def test_taking_the_card_out_keeps_other_metadata(tiny):
    onnx.helper.set_model_props(tiny, {"before": "1", spec.CARD_KEY: "{}", "after": "2"})
    kept = onnx.load_from_string(onnxfile.with_card(tiny.SerializeToString(), None))
    assert {entry.key: entry.value for entry in kept.metadata_props} == {"before": "1", "after": "2"}


def test_the_same_card_put_back_gives_the_same_bytes(data):
    assert onnxfile.with_card(data, onnxfile.read(data).metadata[spec.CARD_KEY]) == data


def test_a_new_threshold_changes_that_initializer_only(data, proto):
    theirs = onnx.load_from_string(onnxfile.with_threshold(data, 0.123))
    expected = onnx.ModelProto()
    expected.CopyFrom(proto)
    (holder,) = (tensor for tensor in expected.graph.initializer if tensor.name == spec.THRESHOLD)
    holder.raw_data = np.float32(0.123).tobytes()
    assert theirs == expected
    assert onnxfile.read(onnxfile.with_threshold(data, 0.123)).threshold == np.float32(0.123)


def test_a_threshold_set_there_and_back_gives_the_same_bytes(data):
    exported = onnxfile.read(data).threshold
    assert onnxfile.with_threshold(onnxfile.with_threshold(data, 0.456), exported) == data


def test_the_digest_ignores_the_card_and_sees_everything_else(data):
    digest = onnxfile.digest(data)
    assert digest == onnxfile.digest(onnxfile.with_card(data, "another"))
    assert digest == onnxfile.digest(onnxfile.with_card(data, None))
    assert digest != onnxfile.digest(onnxfile.with_threshold(data, 0.123))


def test_no_truncation_of_a_model_loads_or_crashes(data, tmp_path):
    path = tmp_path / "cut.onnx"
    random = np.random.default_rng(0)
    for length in {0, 1, 2, len(data) - 1, *random.integers(0, len(data), 150).tolist()}:
        path.write_bytes(data[:length])
        with pytest.raises(AetkError):
            load(path)


def test_no_flipped_byte_outside_the_card_loads_and_none_anywhere_crashes(data, tmp_path):
    path = tmp_path / "flipped.onnx"
    random = np.random.default_rng(1)
    card_starts = len(onnxfile.with_card(data, None))
    graph_starts = random.integers(0, 60, 60).tolist()  # where the outermost lengths and versions are
    for place in [*graph_starts, *random.integers(0, len(data), 250).tolist()]:
        flipped = bytearray(data)
        flipped[place] ^= int(random.integers(1, 256))
        path.write_bytes(flipped)
        try:
            load(path)
        except AetkError:
            continue
        assert place >= card_starts


def test_a_refusal_begins_with_the_place_that_is_given():
    with pytest.raises(BadInput) as plain:
        onnxfile.read(b"junk")
    with pytest.raises(BadInput) as placed:
        onnxfile.read(b"junk", "a.onnx: ")
    assert plain.value.message.startswith("Not ")
    assert placed.value.message == f"a.onnx: {plain.value.message}"


def test_a_file_that_was_changed_fails_a_check_and_another_file_is_bad_input():
    for code, kind in ((1, CheckFailed), (2, BadInput)):
        with pytest.raises(kind) as raised, onnxfile.refusals("m: "):
            raise gate.Refused("why", "what to do", code)
        assert (raised.value.message, raised.value.hint) == ("m: why", "what to do")
        assert raised.value.exit_code == code


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused(junk):
    with pytest.raises(AetkError):
        onnxfile.read(junk)


@given(st.data())
def test_a_small_model_with_bytes_overwritten_is_read_or_refused(tiny_bytes, data):
    spoilt = bytearray(tiny_bytes)
    for _ in range(data.draw(st.integers(1, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = onnxfile.read(bytes(spoilt))
    except AetkError:
        return
    assert type(found.threshold) is float
    assert [v.name for v in found.outputs][:3] == list(spec.OUTPUTS)
    assert [v.name for v in found.inputs] == [spec.INPUT]
