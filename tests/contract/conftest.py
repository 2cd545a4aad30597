from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from aetk.contract import spec
from aetk.edge.model import load

REFERENCE = Path(__file__).resolve().parents[2] / "exports" / "reference" / "breast-cancer.onnx"


@pytest.fixture(scope="session")
def model():
    """The committed reference model: what the contract says can be tested without a training. Read it only."""
    return REFERENCE


@pytest.fixture(scope="session")
def card(model):
    return load(model).card


@pytest.fixture
def tiny():
    """The smallest graph that keeps the contract, as an onnx.ModelProto that a test may spoil."""
    return _tiny()


def _tiny():
    floats, boolean = TensorProto.FLOAT, TensorProto.BOOL
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", [spec.INPUT, "axes"], [spec.SIMILARITY], keepdims=0),
            helper.make_node("GreaterOrEqual", [spec.SIMILARITY, spec.THRESHOLD], ["ge"]),
            helper.make_node("Not", ["ge"], [spec.IS_ANOMALY]),
            helper.make_node("LessOrEqual", [spec.SIMILARITY, "limit"], [spec.IS_VALID]),
        ],
        "tiny",
        [helper.make_tensor_value_info(spec.INPUT, floats, ["batch", 2])],
        [
            helper.make_tensor_value_info(spec.SIMILARITY, floats, ["batch"]),
            helper.make_tensor_value_info(spec.IS_ANOMALY, boolean, ["batch"]),
            helper.make_tensor_value_info(spec.IS_VALID, boolean, ["batch"]),
        ],
        [
            numpy_helper.from_array(np.array([1]), "axes"),
            numpy_helper.from_array(np.array(0.5, np.float32), spec.THRESHOLD),
            numpy_helper.from_array(np.array(2.0, np.float32), "limit"),
        ],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])


@pytest.fixture(scope="session")
def tiny_bytes():
    return _tiny().SerializeToString()
