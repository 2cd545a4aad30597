"""ONNX Runtime, imported when it is first needed, so that `import aetk.edge` stays quick."""

from importlib import import_module
from types import ModuleType

from aetk.base.errors import MissingExtra, out_of_memory


def onnxruntime() -> ModuleType:
    """The onnxruntime module, its telemetry switched off by `import aetk`; MissingExtra where no build is installed."""
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise out_of_memory(error) or MissingExtra("Running a model", "cpu") from None
