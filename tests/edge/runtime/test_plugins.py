"""Plugin packages: how they are found, registered and asked for a device."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from aetk.base.errors import Unavailable
from aetk.edge import doctor
from aetk.edge.bench import snippet as snippets
from aetk.edge.bench.setting import Setting
from aetk.edge.bench.snippet import snippet
from aetk.edge.runtime import plugins, source
from aetk.edge.runtime.providers import PROVIDERS, find_provider

from .standin import Runtime, ep_device, install

GUIDE = """
def get_library_path(): return "/plugins/libwebgpu.so"
def get_ep_name(): return "WebGpuExecutionProvider"
def get_ep_names(): return [get_ep_name()]
"""
OPENVINO = "OpenVINOExecutionProvider"


class SessionOptions:
    def __init__(self):
        self.added = None

    def add_provider_for_devices(self, devices, options):
        self.added = devices, options


@pytest.fixture
def webgpu(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path, "onnxruntime-ep-webgpu", GUIDE, "0.4.0")


@pytest.fixture
def openvino(monkeypatch, tmp_path):
    text = GUIDE.replace("WebGpu", "OpenVINO").replace("libwebgpu", "libopenvino")
    install(monkeypatch, tmp_path, "onnxruntime-ep-openvino", text)
    return Runtime([ep_device(OPENVINO, kind, ov_device=own) for kind, own in KINDS])


KINDS = (("GPU", "GPU.0"), ("CPU", "CPU"), ("GPU", "GPU.1"), ("NPU", "NPU"))


def test_a_package_after_onnxruntimes_guide_is_found(webgpu):
    (plugin,) = plugins.installed()
    assert (plugin.package, plugin.version, plugin.module) == (
        "onnxruntime-ep-webgpu",
        "0.4.0",
        "onnxruntime_ep_webgpu",
    )
    assert (plugin.names, plugin.library) == (("WebGpuExecutionProvider",), "/plugins/libwebgpu.so")
    assert plugins.plugin_of("WebGpuExecutionProvider") == plugin
    assert plugins.plugin_of("QNNExecutionProvider") is None


def test_a_package_with_names_of_its_own_is_found(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path, "onnxruntime-ggml", "EP_NAME = 'ggml'\ndef library_path(): return '/g.so'\n")
    (plugin,) = plugins.installed()
    assert (plugin.names, plugin.library, plugin.says_where) == (("ggml",), "/g.so", "library_path")


def test_add_ons_are_not_imported(monkeypatch, tmp_path):
    """onnxruntime-extensions says where a library is, too: one of operators."""
    install(monkeypatch, tmp_path, "onnxruntime-extensions", "def get_library_path(): ...\nraise SystemExit\n")
    install(monkeypatch, tmp_path, "another-ep", GUIDE + "raise SystemExit\n")
    assert plugins.installed() == ()


def test_a_broken_package_is_kept_with_what_is_wrong(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path, "onnxruntime-ep-broken", GUIDE + "import surely_not_there\n")
    (plugin,) = plugins.installed()
    assert plugin.names == ()
    assert plugin.problem.startswith("ModuleNotFoundError: ")


def test_a_plugin_is_registered_once_under_its_providers_name(webgpu):
    runtime = Runtime([ep_device("WebGpuExecutionProvider", "GPU")])
    for _ in range(2):
        found = source.find(runtime, PROVIDERS["webgpu"])
    assert runtime.registered == [("WebGpuExecutionProvider", "/plugins/libwebgpu.so")]
    assert (found.place, found.plugin.package) == (0, "onnxruntime-ep-webgpu")


def test_what_an_app_has_registered_is_used_as_it_is(webgpu):
    runtime = Runtime([ep_device("WebGpuExecutionProvider", "GPU")])
    runtime.register_execution_provider_library("WebGpuExecutionProvider", "theirs.so")
    assert source.find(runtime, PROVIDERS["webgpu"]).place == 0
    assert runtime.registered == [("WebGpuExecutionProvider", "theirs.so")]


def test_the_build_comes_before_a_plugin(webgpu):
    runtime = Runtime(build=["WebGpuExecutionProvider", "CPUExecutionProvider"])
    found = source.find(runtime, PROVIDERS["webgpu"])
    assert (found.place, runtime.registered) == (None, [])
    assert found.add_to(SessionOptions()) == [("WebGpuExecutionProvider", {})]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("openvino", 1),  # the processor, as in OpenVINO's own build
        ("openvino:0", 0), ("openvino:2", 2), ("openvino:gpu", 0), ("openvino:gpu.1", 2), ("openvino:GPU.0", 0),
        ("openvino:npu", 3), ("openvino:cpu", 1),
    ],
)  # fmt: skip
def test_a_device_is_chosen_by_its_number_its_type_or_the_plugins_name_for_it(openvino, name, place):
    found = source.find(openvino, find_provider(name))
    options = SessionOptions()
    assert found.add_to(options) is None
    assert options.added == ([found.devices[place]], PROVIDERS["openvino"].options)


def test_a_device_that_is_not_here_is_refused_with_those_that_are(openvino):
    with pytest.raises(Unavailable, match=r"has no device gpu\.2 here") as caught:
        source.find(openvino, find_provider("openvino:gpu.2"))
    assert caught.value.message.endswith("it has openvino:0, openvino:cpu, openvino:2, openvino:npu.")
    assert caught.value.exit_code == 3


def test_a_plugin_that_finds_no_hardware_says_so(webgpu):
    with pytest.raises(Unavailable, match="The plugin of WebGpuExecutionProvider lists no device") as caught:
        source.find(Runtime(), PROVIDERS["webgpu"])
    assert "the build 'onnxruntime-webgpu' may have it" in caught.value.hint


def test_a_plugin_that_needs_a_newer_runtime_says_so_in_the_runtimes_words(webgpu, tmp_path):
    words = (
        '[ONNXRuntimeError] : 1 : FAIL : ORT runtime version "1.22.0" is below the minimum required version "1.24.4"'
    )
    with pytest.raises(Unavailable) as caught:
        source.find(Runtime(refuses=RuntimeError(words)), PROVIDERS["webgpu"])
    assert "does not load: /plugins/libwebgpu.so: cannot open shared object file" in caught.value.message
    library = tmp_path / "libloads.so"
    library.symlink_to(_any_library())
    plugin = replace(plugins.installed()[0], library=str(library))
    with pytest.raises(Unavailable) as caught:
        source._register(Runtime(refuses=RuntimeError(words)), PROVIDERS["webgpu"], plugin)
    assert caught.value.message == (
        "The plugin onnxruntime-ep-webgpu 0.4.0 cannot be registered: "
        'ORT runtime version "1.22.0" is below the minimum required version "1.24.4".'
    )


def _any_library():
    import _ctypes

    return _ctypes.__file__


def test_a_runtime_without_plugins_is_too_old(webgpu):
    class Old:
        __version__, __file__ = "1.20.1", "/nowhere/__init__.py"

        def get_available_providers(self):
            return ["CPUExecutionProvider"]

    with pytest.raises(Unavailable, match=r"needs onnxruntime 1\.23 or newer; found 1\.20\.1"):
        source.find(Old(), PROVIDERS["webgpu"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cuda:1", {"use_tf32": "0", "device_id": "1"}),
        ("cuda", {"use_tf32": "0"}),
        ("openvino:gpu.1", {**PROVIDERS["openvino"].options, "device_type": "GPU.1"}),
    ],
)
def test_a_build_is_given_the_device_as_an_option(name, options):
    provider = find_provider(name)
    runtime = Runtime(build=[provider.name])
    assert source.find(runtime, provider).add_to(SessionOptions()) == [(provider.name, options)]


@pytest.mark.parametrize("name", ["webgpu:0", "openvino:1"])
def test_a_build_that_cannot_take_such_a_device_says_so(name):
    provider = find_provider(name)
    with pytest.raises(Unavailable, match="as a part of onnxruntime takes no device"):
        source.find(Runtime(build=[provider.name]), provider)


def test_a_variable_that_keeps_float32_is_set_only_where_the_provider_is_there(monkeypatch):
    import os

    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    with pytest.raises(Unavailable):
        source.find(Runtime(), PROVIDERS["tensorrt"])
    assert "NVIDIA_TF32_OVERRIDE" not in os.environ
    source.find(Runtime(build=["TensorrtExecutionProvider"]), PROVIDERS["tensorrt"])
    assert os.environ.pop("NVIDIA_TF32_OVERRIDE") == "0"
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "1")
    source.find(Runtime(build=["TensorrtExecutionProvider"]), PROVIDERS["tensorrt"])
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "1"


def test_what_takes_long_to_build_is_cached_for_a_device_and_not_for_the_processor(openvino, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    on_cpu = source.find(openvino, PROVIDERS["openvino"])
    assert on_cpu.cached(openvino, b"model") is on_cpu
    on_gpu = source.find(openvino, find_provider("openvino:gpu")).cached(openvino, b"model")
    folder = json.loads(on_gpu.options["load_config"])["GPU"]["CACHE_DIR"]
    assert folder.startswith(str(tmp_path))
    assert on_gpu.provider.options == PROVIDERS["openvino"].options


def test_a_snippet_registers_the_plugin_and_picks_the_device(openvino, monkeypatch):
    monkeypatch.setattr(snippets, "onnxruntime", lambda: openvino)
    code = snippet("m.onnx", [Setting("openvino:gpu", 1), Setting("openvino:gpu", 64), Setting("tensorrt", 64)])
    compile(code, "snippet", "exec")
    register = f'ort.register_execution_provider_library("{OPENVINO}", onnxruntime_ep_openvino.get_library_path())'
    assert code.count(register) == 1
    assert "options.add_provider_for_devices([devices[0]], " in code
    assert code.index("NVIDIA_TF32_OVERRIDE") < code.index("import onnxruntime as ort") < code.index("preload_dlls()")


def test_doctor_tries_every_device_that_a_plugin_lists(openvino, monkeypatch):
    def opens(_, provider):
        if provider.chosen == "npu":
            raise Unavailable("no float32 there")
        return SimpleNamespace(run=lambda _: source.find(openvino, provider))

    monkeypatch.setattr(doctor, "onnxruntime", lambda: openvino)
    monkeypatch.setattr(doctor, "open_session", opens)
    source.find(openvino, PROVIDERS["openvino"])
    states, devices = doctor._try_all(b"")
    found = {state.provider: state for state in states if state.provider.startswith("openvino")}
    assert [device.provider for device in devices] == ["openvino:0", "openvino:cpu", "openvino:2", "openvino:npu"]
    assert list(found) == ["openvino", *(device.provider for device in devices)]
    assert (found["openvino:2"].works, found["openvino:2"].plugin) == (True, "onnxruntime-ep-openvino 1.2.3")
    assert (found["openvino:npu"].works, found["openvino:npu"].reason) == (False, "no float32 there")
    assert (devices[0].kind, devices[0].vendor) == ("GPU", "0x8086")
    assert devices[0].metadata == {"pci_bus_id": "0:2.0", "library_path": "plugin.so", "ov_device": "GPU.0"}


def test_doctor_reports_a_broken_plugin(monkeypatch):
    broken = plugins.Plugin("onnxruntime-ep-broken", "1.2.3", "broken", (), "", "", "RuntimeError: too old")
    monkeypatch.setattr(plugins, "installed", lambda: (broken,))
    plugins.installed.cache_clear = lambda: None
    assert doctor.examine().problems == ("The plugin onnxruntime-ep-broken 1.2.3 is broken: RuntimeError: too old.",)
