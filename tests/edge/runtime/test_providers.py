"""The table of providers: names, devices after a name, and the options by which float32 stays float32."""

import json

import pytest

from aetk.base.errors import BadInput
from aetk.edge.runtime.providers import PROVIDERS, find_provider

from .standin import install

PLUGIN = "def get_library_path(): return 'x.so'\ndef get_ep_name(): return 'MLXExecutionProvider'\n"


def test_a_provider_is_found_by_either_name_in_any_case():
    assert find_provider("CUDA") is PROVIDERS["cuda"]
    assert find_provider("cudaExecutionProvider") is PROVIDERS["cuda"]


def test_an_unknown_provider_is_refused_with_the_known_ones():
    with pytest.raises(BadInput, match="No provider is called 'gpu'") as caught:
        find_provider("gpu")
    assert "cuda" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "label", "chosen"),
    [
        ("cuda:1", "cuda:1", "1"),
        ("CUDAExecutionProvider:0", "cuda:0", "0"),
        ("openvino:GPU.1", "openvino:gpu.1", "gpu.1"),
        ("webgpu:0", "webgpu:0", "0"),
        ("cuda", "cuda", ""),
    ],
)
def test_a_device_follows_the_name_after_a_colon(name, label, chosen):
    found = find_provider(name)
    assert (found.label, found.chosen) == (label, chosen)
    assert find_provider(found.label) == found


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cuda:gpu", "'gpu' is not a device of cuda; expected a number"),
        ("cuda:", "'' is not a device of cuda"),
        ("cuda:-1", "'-1' is not a device of cuda"),
        ("cuda:1:2", "'1:2' is not a device of cuda"),
        ("cuda:1000", "'1000' is not a device of cuda"),
        ("cuda:١", "is not a device of cuda"),
        ("openvino:gpu.", "'gpu.' is not a device of openvino"),
        ("cpu:0", "cpu takes no device; found '0'"),
        ("fpga:0", "No provider is called 'fpga'"),
    ],
)
def test_what_cannot_be_a_device_is_wrong_usage(name, words):
    with pytest.raises(BadInput, match=words.replace(".", r"\.")):
        find_provider(name)


def test_every_example_of_a_device_is_one():
    for provider in PROVIDERS.values():
        if provider.takes is not None:
            assert find_provider(f"{provider.short}:{provider.takes[2]}").chosen == provider.takes[2]


def test_what_computes_in_less_than_float32_by_itself_is_told_not_to():
    assert PROVIDERS["cuda"].options == {"use_tf32": "0"}
    assert PROVIDERS["tensorrt"].environment == PROVIDERS["tensorrt-rtx"].environment == {"NVIDIA_TF32_OVERRIDE": "0"}
    assert PROVIDERS["qnn"].options["enable_htp_fp16_precision"] == "0"
    devices = json.loads(PROVIDERS["openvino"].options["load_config"])
    assert devices.keys() == {"CPU", "GPU", "NPU"}
    assert all(properties == {"INFERENCE_PRECISION_HINT": "f32"} for properties in devices.values())


def test_qnn_computes_on_the_backend_of_the_chosen_device():
    backends = {
        name: find_provider(name).options["backend_type"] for name in ("qnn", "qnn:npu", "qnn:gpu.1", "qnn:cpu")
    }
    assert backends == {"qnn": "htp", "qnn:npu": "htp", "qnn:gpu.1": "gpu", "qnn:cpu": "cpu"}
    assert find_provider("qnn:gpu").options["enable_htp_fp16_precision"] == "0"


def test_a_cache_leaves_the_precision_as_it_was():
    kept = json.loads(PROVIDERS["openvino"].cache["load_config"])
    assert kept["GPU"] == {"INFERENCE_PRECISION_HINT": "f32", "CACHE_DIR": "{folder}"}


def test_a_provider_of_an_installed_plugin_is_known_beside_those_of_the_table(monkeypatch, tmp_path):
    install(monkeypatch, tmp_path, "onnxruntime-ep-mlx", PLUGIN)
    found = find_provider("MLX:0")
    assert (found.name, found.plugin, found.label) == ("MLXExecutionProvider", "onnxruntime-ep-mlx", "mlx:0")
    with pytest.raises(BadInput) as caught:
        find_provider("fpga")
    assert ", mlx;" in caught.value.hint
