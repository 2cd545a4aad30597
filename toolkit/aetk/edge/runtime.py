"""ONNX Runtime, imported when it is first needed, so that `import aetk.edge` stays quick; and the processors for it."""

import os
from importlib import import_module
from types import ModuleType

from aetk.contract.errors import MissingExtra


def onnxruntime() -> ModuleType:
    """The onnxruntime module; MissingExtra where neither of its builds is installed."""
    try:
        return import_module("onnxruntime")
    except ImportError:
        raise MissingExtra("Running a model", "cpu") from None


def usable_cpus() -> int:
    """Processors that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
