"""ONNX Runtime, imported when it is first needed, so that `import aetk.edge` stays quick."""

from types import ModuleType

from aetk.contract.errors import MissingExtra


def onnxruntime() -> ModuleType:
    """The onnxruntime module; MissingExtra where neither of its builds is installed."""
    try:
        import onnxruntime as module
    except ImportError:
        raise MissingExtra("Running a model", "cpu") from None
    return module
