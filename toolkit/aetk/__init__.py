"""aetk: train an anomaly detector, export it as one ONNX file, prove it, and run it anywhere.

Four calls do the work, return reports, and print nothing: `train`, `export`, `verify`, and `Scorer`. They are loaded
when they are first used, so that `import aetk` needs neither PyTorch nor ONNX Runtime. It switches ONNX Runtime's
telemetry off, unless the environment variable `ORT_DISABLE_TELEMETRY` is set.
"""

from typing import TYPE_CHECKING, Any

from aetk.base.telemetry import switch_off

__version__ = "0.1.0"
__all__ = ["AetkError", "Scorer", "export", "train", "verify"]

if TYPE_CHECKING:
    from aetk.api import export, train
    from aetk.base.errors import AetkError
    from aetk.edge.scoring.scorer import Scorer
    from aetk.edge.verification import verify

_HOMES = {
    "AetkError": "aetk.base.errors",
    "Scorer": "aetk.edge.scoring.scorer",
    "export": "aetk.api",
    "train": "aetk.api",
    "verify": "aetk.edge.verification",
}

switch_off()  # now: a program may import onnxruntime itself before it first uses aetk


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'aetk' has no attribute '{name}'")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
