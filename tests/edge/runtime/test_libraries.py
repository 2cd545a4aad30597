"""Why a provider's library does not load, and what to install: with libraries that miss another one."""

import sys
from pathlib import Path
from types import SimpleNamespace

import onnxruntime
import pytest

from aetk.base.errors import Unavailable
from aetk.edge.runtime import libraries, source
from aetk.edge.runtime.libraries import loader_words, preload, provider_library, remedy
from aetk.edge.runtime.providers import PROVIDERS
from aetk.edge.runtime.session import open_session

linux = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in is an ELF file")
SHARED = "libonnxruntime_providers_shared.so"


@pytest.fixture
def broken(tmp_path):
    """An onnxruntime whose CUDA provider misses a library, as onnxruntime-gpu's does without its extras."""
    folder = tmp_path / "onnxruntime/capi"
    folder.mkdir(parents=True)
    shared = (Path(onnxruntime.__file__).parent / "capi" / SHARED).read_bytes()
    assert shared.count(b"libc.so.6\0") == 1
    (folder / SHARED).write_bytes(shared)
    (folder / "libonnxruntime_providers_cuda.so").write_bytes(shared.replace(b"libc.so.6\0", b"libQ.so.6\0"))
    return SimpleNamespace(__file__=str(folder.parent / "__init__.py"), __version__="1.32.0")


@linux
def test_the_loaders_words_name_the_library_that_is_missing(broken):
    library = provider_library(broken, "cuda")
    assert loader_words(library) == "libQ.so.6: cannot open shared object file: No such file or directory"
    assert loader_words(library.with_name(SHARED)) == ""
    assert provider_library(broken, "tensorrt") is None


@linux
def test_a_provider_that_does_not_load_says_which_library_it_misses(broken):
    found = source.Source(PROVIDERS["cuda"], None, (), None, {}).broken_library(broken)
    assert found.message.startswith("CUDAExecutionProvider does not load: libQ.so.6: cannot open")
    assert found.exit_code == 3
    assert source.Source(PROVIDERS["cpu"], None, (), None, {}).broken_library(broken) is None


@linux
def test_a_plugin_inside_the_build_that_did_not_register_says_why(broken):
    """As onnxruntime-gpu will have CUDA: registered when it is imported, with no more than a warning if that fails."""
    broken.get_available_providers = lambda: ["CPUExecutionProvider"]
    broken.get_ep_devices = list
    with pytest.raises(Unavailable, match=r"does not load: libQ\.so\.6"):
        source.find(broken, PROVIDERS["cuda"])


@linux
def test_a_session_says_it_too(broken, model, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError(
            "[ONNXRuntimeError] : 1 : FAIL : fallback to CPU EP has been explicitly disabled by the user."
        )

    monkeypatch.setattr(onnxruntime, "__file__", broken.__file__)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", fails)
    with pytest.raises(Unavailable, match=r"CUDAExecutionProvider does not load: libQ\.so\.6"):
        open_session(model.read_bytes(), PROVIDERS["cuda"])


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("libcublasLt.so.13: cannot open shared object file: No such file or directory", "onnxruntime-gpu[cuda,cudnn]"),
        ("libcudnn.so.9: cannot open shared object file: No such file or directory", "onnxruntime-gpu[cuda,cudnn]"),
        ("libcuda.so.1: cannot open shared object file: No such file or directory", "NVIDIA's driver"),
        ("libnvinfer.so.10: cannot open shared object file: No such file or directory", "TensorRT"),
        ("libvulkan.so.1: cannot open shared object file", "Vulkan loader"),
        ("libother.so: cannot open shared object file", ""),
    ],
)
def test_what_to_install_follows_from_what_is_missing(words, hint):
    found = remedy(words)
    assert hint in found
    assert bool(found) == bool(hint)


def test_cudas_libraries_are_loaded_ahead_once_and_in_silence(monkeypatch, capsys):
    calls = []

    def preload_dlls():
        calls.append(1)
        sys.stdout.write("Failed to load libcufft.so.12")
        raise RuntimeError

    monkeypatch.setattr(libraries, "_preloaded", set())
    runtime = SimpleNamespace(preload_dlls=preload_dlls)
    preload(runtime)
    preload(runtime)
    preload(SimpleNamespace())  # an older runtime
    assert calls == [1]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("short", "expected"), [("cuda", [1]), ("tensorrt", [1]), ("openvino", [])])
def test_they_are_loaded_for_the_providers_that_need_them(monkeypatch, short, expected):
    calls = []
    monkeypatch.setattr(libraries, "_preloaded", set())
    provider = PROVIDERS[short]
    runtime = SimpleNamespace(
        preload_dlls=lambda: calls.append(1),
        get_available_providers=lambda: [provider.name],
        get_ep_devices=list,
        __file__="/nowhere/__init__.py",
    )
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    source.find(runtime, provider)
    assert calls == expected
