"""Why a session is refused, where ONNX Runtime says only that it may not fall back."""

import os
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from aetk.base.errors import Unavailable
from aetk.contract import spec
from aetk.edge.runtime import session as sessions
from aetk.edge.runtime import source
from aetk.edge.runtime.io_binding import Binding
from aetk.edge.runtime.providers import PROVIDERS, Provider, find_provider
from aetk.edge.runtime.session import open_session

FALLBACK = "[ONNXRuntimeError] : 1 : FAIL : fallback to CPU EP has been explicitly disabled by the user."
LOG = (
    b"2026 [E:onnxruntime:Default, bridge.cc:1 Create] x.cc:141 std::string a::Parse(const b&) [ERROR] No GPU.7 here.\n"
)
CPU = "CPUExecutionProvider"


@pytest.fixture
def data(model):
    return model.read_bytes()


@pytest.fixture
def openvino(monkeypatch):
    """A build that has OpenVINO, says in its log alone that a device is not there, and leaves the nodes to the CPU."""
    real = onnxruntime.InferenceSession

    def opened(model, options, providers, enable_fallback):
        os.write(2, LOG)
        try:
            options.get_session_config_entry(sessions.NO_FALLBACK)
        except RuntimeError:  # it was not asked for
            return real(model, options, providers=[CPU])
        raise RuntimeError(FALLBACK)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["OpenVINOExecutionProvider", CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)


def test_what_is_only_in_the_log_becomes_the_reason(data, openvino, tmp_path):
    with pytest.raises(Unavailable) as caught:
        open_session(data, find_provider("openvino:gpu.7"))
    assert caught.value.message == ("OpenVINOExecutionProvider, device gpu.7, cannot run this model: No GPU.7 here.")
    assert list((tmp_path / "cache/aetk/engines").iterdir()) == []


def test_without_a_log_the_nodes_are_counted(data, openvino, monkeypatch):
    monkeypatch.setattr(os, "write", lambda *_: 0)
    with pytest.raises(Unavailable, match=r"it ran none of the model's nodes; \d+ ran on CPUExecutionProvider\."):
        open_session(data, PROVIDERS["openvino"])


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ({"CUDAExecutionProvider": 3, CPU: 9}, "it ran 3 of the model's 12 nodes; 9 ran on CPUExecutionProvider"),
        ({CPU: 9, "Azure": 1}, "it ran none of the model's nodes; 1 ran on Azure, 9 ran on CPUExecutionProvider"),
        ({}, "it ran none of the model's nodes"),
    ],
)
def test_where_the_nodes_ran_is_said_in_words(nodes, words):
    assert sessions._share(nodes, source.Source(PROVIDERS["cuda"], None, (), None, {})) == words


def test_an_engine_that_cannot_be_used_is_built_without_the_cache(data, monkeypatch, tmp_path):
    """The CPU stands for TensorRT here; it refuses the options of a cache, as another driver's engine is refused."""
    real, given = onnxruntime.InferenceSession, []

    def opened(model, options, providers, enable_fallback):
        given.append(providers)
        if "engines" in providers[0][1]:
            raise RuntimeError("could not deserialize engine")
        return real(model, options, providers=providers)

    monkeypatch.setattr(source, "engine_folder", lambda *_: tmp_path)
    monkeypatch.setattr(onnxruntime, "InferenceSession", opened)
    caching = Provider("cpu", CPU, "onnxruntime", cache={"engines": "{folder}/of-it"})
    assert open_session(data, caching).placement.keys() == {CPU}
    assert given == [[(CPU, {"engines": f"{tmp_path.as_posix()}/of-it"})], [(CPU, {})]]


def test_values_are_bound_on_the_device_that_the_session_names(data, monkeypatch):
    asked = []

    class Values:
        @staticmethod
        def ortvalue_from_numpy(array, device, number):
            asked.append((device, number))
            return onnxruntime.capi.onnxruntime_inference_collection.OrtValue.ortvalue_from_numpy(array)

        @staticmethod
        def ortvalue_from_shape_and_type(shape, dtype, device, number):
            asked.append((device, number))
            empty = np.zeros(shape, dtype)
            return onnxruntime.capi.onnxruntime_inference_collection.OrtValue.ortvalue_from_numpy(empty)

    session = open_session(data)
    second = replace(session, provider=find_provider("cuda:1"))
    vars(second).update(memory="cuda", device_id=1)
    monkeypatch.setattr(onnxruntime, "OrtValue", Values)
    Binding(second, {spec.INPUT: np.zeros((1, 30), np.float32)})
    assert set(asked) == {("cuda", 1)}
    assert len(asked) == 1 + len(spec.OUTPUTS)
