"""Runs models: ONNX Runtime, NumPy and the standard library only.

`Scorer` scores rows, `verify` replays a model's golden rows; `set_threshold`, `calibrate_threshold` and
`undo_threshold` re-issue it.
"""

from aetk.edge.scoring.scorer import Scorer, Scores
from aetk.edge.threshold import calibrate_threshold, set_threshold, undo_threshold
from aetk.edge.verification import VerifyReport, verify

__all__ = [
    "Scorer",
    "Scores",
    "VerifyReport",
    "calibrate_threshold",
    "set_threshold",
    "undo_threshold",
    "verify",
]
