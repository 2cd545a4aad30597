"""The exported graph keeps the contract, and the same detector gives the same bytes everywhere."""

import copy
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from aetk.base.errors import BadInput
from aetk.contract import onnxfile, spec
from aetk.edge.runtime.session import open_session
from aetk.lab.export.graph import OPSETS, to_onnx
from aetk.lab.export.parity import compare
from aetk.lab.runs import read_run
from lab.small import small_detector

UNPORTABLE = {
    "IsNaN",
    "IsInf",
    "ReduceMax",
    "ReduceMin",
    "Max",
    "Min",
    "Relu",
    "BatchNormalization",
    "If",
    "Loop",
    "Scan",
}
ROWS = np.random.default_rng(0).normal(size=(50, 1)).astype(np.float32)


@pytest.fixture(scope="session")
def small_export():
    return to_onnx(small_detector())


@pytest.fixture(scope="session", params=["plain", "explaining"])
def proto(request, model, explaining_model):
    """A real export as an onnx.ModelProto, with and without contributions."""
    return onnx.load(model if request.param == "plain" else explaining_model)


def constants(graph):
    """Values of all float32 scalars of a graph: initializers and Constant nodes."""
    tensors = [*graph.initializer, *(n.attribute[0].t for n in graph.node if n.op_type == "Constant")]
    floats = [numpy_helper.to_array(t) for t in tensors if t.data_type == TensorProto.FLOAT]
    return {float(values.ravel()[0]) for values in floats if values.size == 1}


def test_versions_are_those_that_load_everywhere(proto):
    assert proto.ir_version == 8
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", 17)]


def test_the_file_is_one_flat_graph_of_standard_operators(proto):
    assert not proto.functions
    assert not proto.training_info
    assert not proto.graph.sparse_initializer
    for node in proto.graph.node:
        assert node.domain == ""
        assert not any(a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for a in node.attribute)
    for tensor in proto.graph.initializer:
        assert tensor.data_location == TensorProto.DEFAULT
        assert not tensor.external_data


def test_no_operator_is_used_on_which_runtimes_disagree(proto):
    assert not UNPORTABLE & {node.op_type for node in proto.graph.node}


def test_inputs_and_outputs_are_the_contracts(proto):
    def shown(values):
        return [
            (v.name, v.type.tensor_type.elem_type, [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim])
            for v in values
        ]

    assert shown(proto.graph.input) == [("features", TensorProto.FLOAT, ["batch", 30])]
    expected = [
        ("similarity", TensorProto.FLOAT, ["batch"]),
        ("is_anomaly", TensorProto.BOOL, ["batch"]),
        ("is_valid", TensorProto.BOOL, ["batch"]),
        ("contribution", TensorProto.FLOAT, ["batch", 30]),
    ]
    assert shown(proto.graph.output) == expected[: len(proto.graph.output)]


def test_an_explaining_export_differs_by_its_contribution(model, explaining_model):
    names = [[output.name for output in onnx.load(path).graph.output] for path in (model, explaining_model)]
    assert names == [list(spec.OUTPUTS), [*spec.OUTPUTS, "contribution"]]


def test_initializers_are_not_inputs(proto):
    assert [value.name for value in proto.graph.input] == [spec.INPUT]
    assert spec.INPUT not in {tensor.name for tensor in proto.graph.initializer}


def threshold_feeds_the_decision_alone(graph):
    users = [node.op_type for node in graph.node for name in node.input if name == spec.THRESHOLD]
    kinds = [t.data_type for t in graph.initializer if t.name == spec.THRESHOLD]
    return users == ["GreaterOrEqual"] and kinds == [TensorProto.FLOAT]


def test_the_threshold_feeds_the_decision_alone(proto):
    assert threshold_feeds_the_decision_alone(proto.graph)


@pytest.mark.slow
def test_a_threshold_that_equals_any_other_constant_of_the_graph_stays_on_its_own(small_export):
    """Exporters merge equal constants; were the threshold among them, setting it would change more than decisions."""
    values = {value for value in constants(onnx.load_from_string(small_export).graph) if -1 < value <= 1}
    assert {0.0, 0.5, 1.0} <= values  # 0.5 is the anchor κ·√n
    for value in [*values, 0.01]:  # 0.01 is the slope of LeakyReLU
        data = to_onnx(small_detector(threshold=value))
        assert threshold_feeds_the_decision_alone(onnx.load_from_string(data).graph), value
        assert onnxfile.read(data).threshold == np.float32(value)
        before, after = (open_session(d).run(ROWS) for d in (data, onnxfile.with_threshold(data, 0.75)))
        assert all(np.array_equal(before[name], after[name]) for name in before if name != spec.IS_ANOMALY), value
        assert np.array_equal(after[spec.IS_ANOMALY], ~(after[spec.SIMILARITY] >= np.float32(0.75))), value


def test_nothing_tells_of_the_machine_or_of_the_code_that_exported_it(proto, tmp_path):
    proto = copy.deepcopy(proto)
    del proto.metadata_props[:]  # the card, which names versions on purpose
    content = proto.SerializeToString()
    for words in (
        str(Path.home()),
        str(Path.cwd()),
        sys.prefix,
        "site-packages",
        ".py",
        "torch",
        "aetk.lab",
        "Detector",
    ):
        assert words.encode() not in content, words
    assert not re.search(rb"/(home|root|work|tmp|usr)/", content)


def test_two_exports_are_the_same_bytes(small_export):
    assert to_onnx(small_detector()) == small_export


@pytest.mark.slow
def test_so_are_those_of_another_process_in_another_folder(small_export, tmp_path):
    code = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1]); from lab.small import small_detector; "
        "from aetk.lab.export.graph import to_onnx; print(hashlib.sha256(to_onnx(small_detector())).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parents[2])], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout.strip() == hashlib.sha256(small_export).hexdigest(), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("opset", OPSETS[1:])
def test_newer_opsets_load_and_decide_the_same(opset, small_export):
    detector = small_detector()
    data = to_onnx(detector, opset)
    assert onnx.load_from_string(data).opset_import[0].version == opset
    assert compare(detector, data, ROWS).passed
    one, other = open_session(small_export).run(ROWS), open_session(data).run(ROWS)
    assert np.array_equal(one[spec.IS_ANOMALY], other[spec.IS_ANOMALY])


def test_a_real_run_exports_with_the_newest_opset(breast_cancer_run):
    run = read_run(breast_cancer_run.run)
    assert compare(run.detector, to_onnx(run.detector, OPSETS[-1]), run.calibration).passed


@pytest.mark.parametrize("opset", [0, 16, 24])
def test_an_opset_out_of_range_is_refused(opset):
    with pytest.raises(BadInput, match=f"--opset is {opset}; expected 17 to 23"):
        to_onnx(small_detector(), opset)


@pytest.mark.parametrize("compact", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.parametrize("memory", [pytest.param(0, marks=pytest.mark.slow), 9])
@pytest.mark.parametrize(("n", "imputes"), [(2, True), (100, False)])
def test_any_number_of_features_exports_with_and_without_imputation_and_a_memory(n, imputes, memory, compact):
    detector = small_detector(
        n, imputes=imputes, shapes=((4,), (3, 3))[: 1 + bool(memory)], memory=memory, compact=compact
    )
    data = to_onnx(detector)
    rows = np.random.default_rng(0).normal(size=(50, n)).astype(np.float32)
    assert compare(detector, data, rows).passed


@pytest.mark.parametrize(("kappa", "most"), [(0.5, 19), (0.0, 21)])
def test_the_guard_around_the_network_stays_small(kappa, most):
    """Each operator costs a single row some 0.25 µs, Where 0.9; a network of one hidden layer has three of its own."""
    operators = [
        node.op_type for node in onnx.load_from_string(to_onnx(small_detector(explain=False, kappa=kappa))).graph.node
    ]
    assert len(operators) - 3 <= most, operators
    assert operators.count("Where") == 1, operators
