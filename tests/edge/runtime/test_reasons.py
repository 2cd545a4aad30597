"""What is left of ONNX Runtime's messages: recorded ones, of the versions that the docs name."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from aetk.edge.runtime import ort
from aetk.edge.runtime.reasons import logged, reason

TENSORRT = (
    "/onnxruntime_src/onnxruntime/python/onnxruntime_pybind_state.cc:729 void onnxruntime::python::"
    "RegisterTensorRTPluginsAsCustomOps(PySessionOptions&, const onnxruntime::ProviderOptions&) Please install "
    "TensorRT libraries as mentioned in the GPU requirements page, make sure they're in the PATH or LD_LIBRARY_PATH, "
    "and that your GPU is supported.\n"
)
WEBGPU = (
    "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : /onnxruntime_src/onnxruntime/core/session/plugin_ep/"
    "ep_plugin_provider_interfaces.cc:393 virtual std::unique_ptr<onnxruntime::IExecutionProvider> onnxruntime::"
    "PluginExecutionProviderFactory::CreateProvider(const OrtSessionOptions&, const OrtLogger&) [ONNXRuntimeError] : 2 "
    ": INVALID_ARGUMENT : WebGPU EP was selected on a virtual GPU device.\n"
)
CUDA = (
    "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:129 std::conditional_t<THRW, void, onnxruntime::"
    "common::Status> onnxruntime::CudaCall(ERRTYPE, const char*, const char*, SUCCTYPE, const char*, const char*, int) "
    "[with ERRTYPE = cudaError; bool THRW = true; SUCCTYPE = cudaError] CUDA failure 101: invalid device ordinal ; "
    "GPU=0 ; hostname=secret ; file=/x/y.cc ; line=280 ; expr=cudaSetDevice(info_.device_id); "
)
OPENVINO = (
    "[ONNXRuntimeError] : 11 : EP_FAIL : Exception from src/inference/src/cpp/core.cpp:117:\n"
    "Exception from src/inference/src/dev/plugin.cpp:54:\nVCL compiler loading failed, aborting.\n"
)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Failed to load model", "Failed to load model"),
        (TENSORRT, "Please install TensorRT libraries as mentioned"),
        (WEBGPU, "WebGPU EP was selected on a virtual GPU device."),
        (CUDA, "CUDA failure 101: invalid device ordinal"),
        (OPENVINO, "VCL compiler loading failed, aborting."),
        (r"D:\a\_work\1\s\onnxruntime\core\x.cc:12 onnxruntime::CudaCall CUDA failure 35: too old", "CUDA failure 35"),
        ("a.cc:1 void f::operator()(int) const Said (in a::b).", "Said (in a::b)."),
        ("a.cc:1 a::b() noexcept Said.", "Said."),
        ("Said (a::b) of x.cc:12 alone", "Said (a::b) of x.cc:12 alone"),
        ("a.cc:1 f::g(int", ""),
        ("", ""),
    ],
)
def test_a_prefix_goes_and_the_words_stay(message, words):
    found = reason(RuntimeError(message))
    assert found.startswith(words or "RuntimeError")


def test_a_host_is_not_named():
    assert reason(RuntimeError(CUDA)) == "CUDA failure 101: invalid device ordinal"


def test_a_long_message_is_cut():
    assert len(reason(RuntimeError("x" * 1000))) == 300


LOG = (
    "\x1b[1;31m2026-11-30 16:20:06.9 [E:onnxruntime:Default, provider_bridge_ort.cc:2310 Create] /onnxruntime/core/"
    "providers/openvino/openvino_provider_factory.cc:141 std::string onnxruntime::openvino_ep::ParseDeviceType("
    "std::shared_ptr<OVCore>, const onnxruntime::ProviderOptions&) [ERROR] [OpenVINO] Device GPU is not available\n"
    "\x1b[m\n\x1b[0;93m2026-11-30 [W:onnxruntime:Default, x.cc:1 f] Failed to create it.\x1b[m\nof others\n"
)


@pytest.fixture(autouse=True)
def _in_a_process_that_is_not_quiet(monkeypatch):
    monkeypatch.setattr(ort, "_is_quiet", False)  # a command that ran in this process before made it so


def test_what_is_only_logged_is_collected_and_the_rest_passed_on(capfd):
    with logged(None) as lines:
        os.write(2, LOG.encode())
        assert lines == []
    assert lines == ["Device GPU is not available"]
    assert capfd.readouterr().err == "of others\n"
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_the_log_is_put_back_after_an_error(capfd):
    def fail():
        os.write(2, LOG.encode())
        raise ValueError

    with pytest.raises(ValueError), logged(None) as lines:
        fail()
    assert lines == ["Device GPU is not available"]
    os.write(2, b"after\n")
    assert capfd.readouterr().err.endswith("after\n")


def test_two_threads_take_turns():
    found = []

    def collect(word):
        with logged(None) as lines:
            os.write(2, f"[E:onnxruntime:Default, a.cc:1 f] {word}\n".encode())
        found.append((word, lines))

    threads = [threading.Thread(target=collect, args=(word,)) for word in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted((word, [word]) for word in ("one", "two", "three"))


def test_a_quiet_runtime_is_loud_while_its_log_is_read(monkeypatch):
    levels = []
    module = SimpleNamespace(set_default_logger_severity=levels.append)
    with ort.loud(module):
        pass
    assert levels == []
    monkeypatch.setattr(ort, "_is_quiet", True)
    with ort.loud(module):
        assert levels == [3]
    assert levels == [3, 4]


def test_a_quiet_command_prints_nothing_of_the_runtimes_log(model):
    code = (
        "import sys; from aetk.edge.runtime import ort; ort.keep_quiet(); from aetk.edge.runtime.session import *;"
        "from aetk.edge.runtime.providers import Provider; from aetk.base.errors import Unavailable\n"
        "try: open_session(open(sys.argv[1], 'rb').read(), Provider('azure', 'AzureExecutionProvider', ''))\n"
        "except Unavailable as error: print(error.message)"
    )
    done = subprocess.run([sys.executable, "-c", code, model], capture_output=True, text=True)
    assert "AzureExecutionProvider" in done.stdout
    assert done.stderr == ""
