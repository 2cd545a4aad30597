"""ONNX Runtime, imported when it is first needed, so that `import aetk.edge` stays quick."""

import contextlib
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from aetk.base.errors import MissingExtra, out_of_memory

NOTHING = 4
"""The level of ONNX Runtime's log that reports only errors which end the process."""
_ERRORS = 3

_is_quiet = False


def onnxruntime() -> ModuleType:
    """Import onnxruntime, whose telemetry `import aetk` has switched off; MissingExtra if it is not installed."""
    try:
        module = import_module("onnxruntime")
    except ImportError as error:
        raise out_of_memory(error) or MissingExtra("Running a model", "cpu") from None
    if _is_quiet:
        module.set_default_logger_severity(NOTHING)
    return module


def keep_quiet() -> None:
    """Switch off ONNX Runtime's log in this process, for a command that reports errors itself.

    The whole process has one log, so this is not done for an app that uses aetk.
    """
    global _is_quiet
    _is_quiet = True


@contextlib.contextmanager
def loud(module: ModuleType) -> Iterator[None]:
    """Let ONNX Runtime log its errors within the block, even after `keep_quiet`."""
    if not _is_quiet:
        yield
        return
    module.set_default_logger_severity(_ERRORS)
    try:
        yield
    finally:
        module.set_default_logger_severity(NOTHING)
