"""ONNX Runtime, imported when it is first needed, so that `import aetk.edge` stays quick."""

import contextlib
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from aetk.base.errors import MissingExtra, out_of_memory

NOTHING = 4
"""The level of ONNX Runtime's log at which it tells only of what ends the process."""
_ERRORS = 3

_is_quiet = False


def onnxruntime() -> ModuleType:
    """The onnxruntime module, its telemetry switched off by `import aetk`; MissingExtra where no build is installed."""
    try:
        module = import_module("onnxruntime")
    except ImportError as error:
        raise out_of_memory(error) or MissingExtra("Running a model", "cpu") from None
    if _is_quiet:
        module.set_default_logger_severity(NOTHING)
    return module


def keep_quiet() -> None:
    """Have ONNX Runtime log nothing in this process, for a command that says itself what went wrong.

    Its log is one for the whole process, so that an app's is left as it is.
    """
    global _is_quiet
    _is_quiet = True


@contextlib.contextmanager
def loud(module: ModuleType) -> Iterator[None]:
    """Have ONNX Runtime log its errors for a while, even where it was told to `keep_quiet`."""
    if not _is_quiet:
        yield
        return
    module.set_default_logger_severity(_ERRORS)
    try:
        yield
    finally:
        module.set_default_logger_severity(NOTHING)
