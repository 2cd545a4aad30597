"""aetk: train an anomaly detector, export it as one ONNX file, prove it, and run it anywhere.

The calls do what the commands of the same names do, return reports, and print nothing. `Scorer` scores rows in memory,
`BatchScorer` Arrow tables. `Detector` trains and scores with scikit-learn's interface. Each is loaded when it is first
used, so that `import aetk` needs neither PyTorch nor ONNX Runtime. It switches ONNX Runtime's telemetry off, unless the
environment variable `ORT_DISABLE_TELEMETRY` is set.
"""

from typing import TYPE_CHECKING, Any

from aetk.base.telemetry import switch_off

__version__ = "0.1.0"
__all__ = [
    "AetkError",
    "BatchScorer",
    "Detector",
    "Scorer",
    "bench",
    "evaluate",
    "export",
    "inspect",
    "score",
    "threshold",
    "train",
    "verify",
]

if TYPE_CHECKING:
    from aetk.api import evaluate, export, train
    from aetk.base.errors import AetkError
    from aetk.edge.bench import bench
    from aetk.edge.inspection import inspect
    from aetk.edge.scoring.batch_scorer import BatchScorer
    from aetk.edge.scoring.scorer import Scorer
    from aetk.edge.scoring.table_file import score_file as score
    from aetk.edge.threshold import change_threshold as threshold
    from aetk.edge.verification import verify
    from aetk.lab.estimator import Detector

_HOMES = {
    "AetkError": "aetk.base.errors.AetkError",
    "BatchScorer": "aetk.edge.scoring.batch_scorer.BatchScorer",
    "Detector": "aetk.lab.estimator.Detector",
    "Scorer": "aetk.edge.scoring.scorer.Scorer",
    "bench": "aetk.edge.bench.bench",
    "evaluate": "aetk.api.evaluate",
    "export": "aetk.api.export",
    "inspect": "aetk.edge.inspection.inspect",
    "score": "aetk.edge.scoring.table_file.score_file",
    "threshold": "aetk.edge.threshold.change_threshold",
    "train": "aetk.api.train",
    "verify": "aetk.edge.verification.verify",
}

switch_off()  # now: a program may import onnxruntime itself before it first uses aetk


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'aetk' has no attribute '{name}'")
    from importlib import import_module

    module, _, found = _HOMES[name].rpartition(".")
    return getattr(import_module(module), found)
