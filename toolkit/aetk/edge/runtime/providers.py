"""The execution providers that aetk knows, by short name. This table drives help, validation, doctor and bench."""

import json
import re
from dataclasses import dataclass, field, replace

from aetk.base.errors import BadInput
from aetk.contract.dialect import escape_for_message
from aetk.edge.runtime import plugins

_NUMBER = (r"\d{1,3}", "a number, counted from 0", "0")
_NAME = (r"[a-z_]+(?:\.\d{1,3})?|\d{1,3}", "cpu, gpu, npu, one of several as gpu.1, or a number counted from 0", "gpu")


@dataclass(frozen=True)
class Provider:
    """An execution provider, and the device that it is to use.

    Attributes:
        short: its name on the command line.
        name: its name in ONNX Runtime.
        build: the PyPI package whose build of ONNX Runtime contains it; empty where only a plugin brings it.
        options: provider options by which float32 stays float32: no TF32, no float16, no bfloat16.
        device: whose memory inputs and outputs can stay in, in ONNX Runtime's words.
        plugin: the PyPI package that adds it to the ONNX Runtime that is installed; empty where there is none.
        environment: variables by which float32 stays float32 where no option can do it; a value of the user's own is
            kept.
        cache: options that keep what takes long to build, in addition to or in place of `options`; `{folder}` stands
            for a folder of this model's own.
        picks: the option by which its build takes a device; empty where it takes none.
        takes: what a device after the name looks like: a pattern, the same in words, an example; None where it takes
            none.
        chosen: the device after the name, in lower case; empty where the choice is left to `usual` or to the runtime.
        usual: the device of a plugin that lists several, where none is chosen; empty for the first of its list.
    """

    short: str
    name: str
    build: str
    options: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"
    plugin: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    cache: dict[str, str] = field(default_factory=dict)
    picks: str = ""
    takes: tuple[str, str, str] | None = _NAME
    chosen: str = ""
    usual: str = ""

    @property
    def label(self) -> str:
        """What a person types for it: `cuda`, `cuda:1`."""
        return f"{self.short}:{self.chosen}" if self.chosen else self.short

    def on(self, device: str) -> "Provider":
        """The provider on one device; BadInput where that cannot be the name of one."""
        if self.takes is None:
            raise BadInput(f"{self.short} takes no device; found '{escape_for_message(device)}'.", f"Say: {self.short}")
        pattern, words, example = self.takes
        if not re.fullmatch(pattern, device.lower(), re.ASCII):
            raise BadInput(
                f"'{escape_for_message(device)}' is no device of {self.short}; expected {words}.",
                f"For instance: {self.short}:{example}",
            )
        return replace(self, chosen=device.lower())


def _openvino(**properties: str) -> dict[str, str]:
    """Properties of OpenVINO's own for whichever device: its build and its plugin take them in this way alone."""
    return {"load_config": json.dumps(dict.fromkeys(("CPU", "GPU", "NPU"), properties))}


_NO_TF32 = {"NVIDIA_TF32_OVERRIDE": "0"}
_TENSORRT_CACHE = {
    "trt_engine_cache_enable": "1",
    "trt_engine_cache_path": "{folder}",
    "trt_timing_cache_enable": "1",
    "trt_timing_cache_path": "{folder}",
}

PROVIDERS = {
    provider.short: provider
    for provider in (
        Provider("cpu", "CPUExecutionProvider", "onnxruntime", takes=None),
        Provider(
            "cuda",
            "CUDAExecutionProvider",
            "onnxruntime-gpu",
            {"use_tf32": "0"},
            "cuda",
            picks="device_id",
            takes=_NUMBER,
        ),
        Provider(
            "tensorrt",
            "TensorrtExecutionProvider",
            "onnxruntime-gpu",
            {"trt_fp16_enable": "0"},
            "cuda",
            environment=_NO_TF32,
            cache=_TENSORRT_CACHE,
            picks="device_id",
            takes=_NUMBER,
        ),
        Provider(
            "tensorrt-rtx",
            "NvTensorRTRTXExecutionProvider",
            "",
            device="cuda",
            plugin="onnxruntime-ep-nv-tensorrt-rtx",
            environment=_NO_TF32,
            cache={"nv_runtime_cache_path": "{folder}"},
            takes=_NUMBER,
        ),
        Provider(
            "openvino",
            "OpenVINOExecutionProvider",
            "onnxruntime-openvino",
            _openvino(INFERENCE_PRECISION_HINT="f32"),  # its plugin takes bfloat16 on a CPU that has it, a GPU float16
            plugin="onnxruntime-ep-openvino",
            cache=_openvino(INFERENCE_PRECISION_HINT="f32", CACHE_DIR="{folder}"),
            picks="device_type",
            usual="cpu",
        ),
        Provider("directml", "DmlExecutionProvider", "onnxruntime-directml", picks="device_id", takes=_NUMBER),
        Provider(
            "coreml",
            "CoreMLExecutionProvider",
            "onnxruntime",
            {"ModelFormat": "MLProgram"},  # a NeuralNetwork computes in float16 on a GPU
            cache={"ModelCacheDirectory": "{folder}"},
            takes=None,
        ),
        Provider(
            "migraphx",
            "MIGraphXExecutionProvider",
            "onnxruntime-migraphx",
            {"migraphx_fp16_enable": "0"},
            cache={"migraphx_model_cache_dir": "{folder}"},
            picks="device_id",
            takes=_NUMBER,
        ),
        Provider(
            "qnn",
            "QNNExecutionProvider",
            "",
            {"enable_htp_fp16_precision": "0"},
            plugin="onnxruntime-qnn",
        ),
        Provider("xnnpack", "XnnpackExecutionProvider", "onnxruntime", takes=None),
        Provider("webgpu", "WebGpuExecutionProvider", "onnxruntime-webgpu", plugin="onnxruntime-ep-webgpu"),
    )
}


def find_provider(name: str) -> Provider:
    """The provider of a name, in any case: a short one or ONNX Runtime's, and a device after a colon.

    Beside those of the table, a provider is known that an installed plugin brings.

    Raises:
        BadInput: an unknown provider, or what follows the colon cannot be a device of it.
    """
    wanted, colon, device = name.partition(":")
    known = (*PROVIDERS.values(), *(() if _is_listed(wanted) else brought_by_plugins()))
    for provider in known:
        if wanted.lower() in (provider.short, provider.name.lower()):
            return provider.on(device) if colon else provider
    raise BadInput(
        f"No provider is called '{escape_for_message(wanted)}'.",
        f"Known: {', '.join(dict.fromkeys(provider.short for provider in known))}; a device follows a colon: cuda:1.",
    )


def _is_listed(name: str) -> bool:
    return any(name.lower() in (provider.short, provider.name.lower()) for provider in PROVIDERS.values())


def brought_by_plugins() -> tuple[Provider, ...]:
    """The providers of installed plugins that the table does not list: their options are the plugin's own defaults."""
    listed = {provider.name for provider in PROVIDERS.values()}
    names = {name: plugin.package for plugin in plugins.installed() for name in plugin.names if name not in listed}
    return tuple(
        Provider(name.removesuffix("ExecutionProvider").lower(), name, "", plugin=package)
        for name, package in names.items()
    )
