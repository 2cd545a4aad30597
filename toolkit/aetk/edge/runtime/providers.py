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
    """An execution provider, and the device that it uses.

    Attributes:
        short: its name on the command line.
        name: its name in ONNX Runtime.
        build: the PyPI package whose build of ONNX Runtime contains it; empty if only a plugin contains it.
        options: provider options that keep all computation in float32: no TF32, no float16, no bfloat16.
        device: the device in whose memory inputs and outputs can stay, as ONNX Runtime names it.
        plugin: the PyPI package that adds it to the installed ONNX Runtime; empty if there is none.
        environment: variables that keep all computation in float32 if no option can do it; a value that the user has
            set is kept.
        cache: options that store what is slow to build, added to `options` or replacing them; `{folder}` stands for the
            folder of the model.
        of_kind: options for a kind of device that is chosen by name, in place of the same ones in `options`.
        picks: the option of its build that selects a device; empty if there is none.
        takes: the form of a device after the name: a pattern, the same in words, an example; None if it takes no
            device.
        chosen: the device after the name, in lower case; empty if `usual` or the runtime decides.
        usual: the default device of a plugin that lists several; empty for the first of its list.
    """

    short: str
    name: str
    build: str
    options: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"
    plugin: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    cache: dict[str, str] = field(default_factory=dict)
    of_kind: dict[str, dict[str, str]] = field(default_factory=dict)
    picks: str = ""
    takes: tuple[str, str, str] | None = _NAME
    chosen: str = ""
    usual: str = ""

    @property
    def label(self) -> str:
        """Its name on the command line: `cuda`, `cuda:1`."""
        return f"{self.short}:{self.chosen}" if self.chosen else self.short

    def on(self, device: str) -> "Provider":
        """The provider on one device; raise BadInput if that cannot be the name of a device."""
        if self.takes is None:
            raise BadInput(f"{self.short} takes no device; found '{escape_for_message(device)}'.", f"Say: {self.short}")
        pattern, words, example = self.takes
        if not re.fullmatch(pattern, device.lower(), re.ASCII):
            raise BadInput(
                f"'{escape_for_message(device)}' is not a device of {self.short}; expected {words}.",
                f"For example: {self.short}:{example}",
            )
        options = {**self.options, **self.of_kind.get(device.lower().partition(".")[0], {})}
        return replace(self, options=options, chosen=device.lower())


def _openvino(**properties: str) -> dict[str, str]:
    """OpenVINO's own properties for every device, in the only form that both its build and its plugin accept."""
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
            _openvino(INFERENCE_PRECISION_HINT="f32"),  # plugin default: bfloat16 on some CPUs, float16 on a GPU
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
            {"backend_type": "htp", "enable_htp_fp16_precision": "0"},
            plugin="onnxruntime-qnn",
            of_kind={"cpu": {"backend_type": "cpu"}, "gpu": {"backend_type": "gpu"}},
            usual="npu",
        ),
        Provider("xnnpack", "XnnpackExecutionProvider", "onnxruntime", takes=None),
        Provider("webgpu", "WebGpuExecutionProvider", "onnxruntime-webgpu", plugin="onnxruntime-ep-webgpu"),
    )
}


def find_provider(name: str) -> Provider:
    """Find a provider by name, in upper or lower case: a short one or ONNX Runtime's, with or without `:DEVICE`.

    The providers of the table and those of installed plugins are known.

    Raises:
        BadInput: an unknown provider, or the text after the colon cannot be a device of it.
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
