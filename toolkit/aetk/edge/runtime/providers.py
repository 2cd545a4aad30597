"""The execution providers that aetk knows, by short name. This table drives help, validation, doctor and bench."""

from dataclasses import dataclass, field

from aetk.base.errors import BadInput
from aetk.contract.dialect import escape_for_message


@dataclass(frozen=True)
class Provider:
    """An execution provider.

    Attributes:
        short: its name on the command line.
        name: its name in ONNX Runtime.
        build: the PyPI package whose build contains it.
        options: provider options; float32 stays float32 (no TF32).
        device: whose memory inputs and outputs can stay in, in ONNX Runtime's words.
    """

    short: str
    name: str
    build: str
    options: dict[str, str] = field(default_factory=dict)
    device: str = "cpu"


PROVIDERS = {
    provider.short: provider
    for provider in (
        Provider("cpu", "CPUExecutionProvider", "onnxruntime"),
        Provider("cuda", "CUDAExecutionProvider", "onnxruntime-gpu", {"use_tf32": "0"}, "cuda"),
        Provider("tensorrt", "TensorrtExecutionProvider", "onnxruntime-gpu", device="cuda"),
        Provider("openvino", "OpenVINOExecutionProvider", "onnxruntime-openvino"),
        Provider("directml", "DmlExecutionProvider", "onnxruntime-directml"),
        Provider("coreml", "CoreMLExecutionProvider", "onnxruntime"),
        Provider("migraphx", "MIGraphXExecutionProvider", "onnxruntime-migraphx"),
        Provider("qnn", "QNNExecutionProvider", "onnxruntime-qnn"),
        Provider("xnnpack", "XnnpackExecutionProvider", "onnxruntime"),
        Provider("webgpu", "WebGpuExecutionProvider", "onnxruntime-webgpu"),
    )
}


def find_provider(name: str) -> Provider:
    """The provider of a short name, or of ONNX Runtime's, in any case; BadInput for an unknown one."""
    for provider in PROVIDERS.values():
        if name.lower() in (provider.short, provider.name.lower()):
            return provider
    raise BadInput(f"No provider is called '{escape_for_message(name)}'.", f"Known: {', '.join(PROVIDERS)}.")
