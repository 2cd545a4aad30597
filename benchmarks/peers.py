"""What people use instead, each at its best reasonable setting.

Peers are imported where they are used: one that is not installed is skipped with its reason, and the rest still runs.
`make bench-peers` installs them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from aetk.base.cpus import usable_cpus
from aetk.lab.model.detector import Detector

Rows = NDArray[np.float32]
Score = Callable[[Rows], Any]

TILE = 15_625
"""Rows that a peer takes at once where tiles suit it: 64 of them are a million, and activations stay in the cache."""
HIDDEN = [64, 128]
"""PyOD mirrors its encoder, so that this is 30, 64, 128, 64, 30: the reference network."""


def naive_session(model: Path) -> Score:
    """ONNX Runtime as its tutorials use it: default options, all rows in one call."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return lambda rows: session.run(None, {"features": rows})[0]


def eager(detector: Detector) -> Score:
    """PyTorch as it is, in evaluation and inference mode, on all processors, in tiles."""
    torch.set_num_threads(usable_cpus())
    detector.eval()

    @torch.inference_mode()
    def score(rows: Rows) -> Rows:
        tiles = torch.from_numpy(rows).split(TILE)
        return torch.cat([detector(tile)[0] for tile in tiles]).numpy()

    return score


def compiled(detector: Detector) -> Score:
    """torch.compile with shapes known in advance; compiling is not timed."""
    torch.compiler.reset()
    module = torch.compile(detector.eval(), dynamic=False)

    @torch.no_grad()
    def score(rows: Rows) -> Rows:
        tiles = torch.from_numpy(rows).split(TILE)
        return torch.cat([module(tile)[0] for tile in tiles]).numpy()

    return score


def openvino(model: Path, rows: int) -> Score:
    """OpenVINO reading the same file, in float32: one request for few rows, parallel requests over tiles for many."""
    import openvino as ov

    many = rows > TILE
    hint = {"PERFORMANCE_HINT": "THROUGHPUT" if many else "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    network = ov.Core().compile_model(model, "CPU", hint)
    if not many:
        request = network.create_infer_request()
        return lambda rows: request.infer({0: rows})[network.output("similarity")]
    queue = ov.AsyncInferQueue(network)

    def score(rows: Rows) -> Rows:
        similarity = np.empty(len(rows), np.float32)

        def done(request: Any, start: int) -> None:
            similarity[start : start + TILE] = request.get_tensor("similarity").data

        queue.set_callback(done)
        for start in range(0, len(rows), TILE):
            queue.start_async({0: rows[start : start + TILE]}, start)
        queue.wait_all()
        return similarity

    return score


def pyod_autoencoder(rows: Rows, *, epochs: int = 10, batch: int = 512) -> Any:
    """PyOD's AutoEncoder, fitted: the reference's widths, its own scaling, dropout, loss and learning rate."""
    from pyod.models.auto_encoder import AutoEncoder

    torch.set_num_threads(usable_cpus())
    model = AutoEncoder(
        hidden_neuron_list=HIDDEN, hidden_activation_name="leaky_relu", epoch_num=epochs, batch_size=batch, verbose=0,
        random_state=41,
    )  # fmt: skip
    return model.fit(rows)


def pyod(model: Any) -> Score:
    """Its decision function, in large batches."""
    return lambda rows: model.decision_function(rows, batch_size=TILE)


def forest(rows: Rows) -> Any:
    """scikit-learn's IsolationForest with its defaults: 100 trees of 256 rows."""
    from sklearn.ensemble import IsolationForest

    return IsolationForest(random_state=41).fit(rows)


def forest_scores(model: Any, rows: int) -> Score:
    """Its decision function; a second thread only where it gains."""
    model.set_params(n_jobs=usable_cpus() if rows > TILE else 1)
    return lambda rows: model.decision_function(rows)


def forest_onnx(model: Any, features: int) -> Score:
    """The same forest through skl2onnx, default options, all rows in one call."""
    import onnxruntime
    from skl2onnx import to_onnx

    file = to_onnx(model, np.zeros((1, features), np.float32), target_opset={"": 17, "ai.onnx.ml": 3})
    session = onnxruntime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda rows: session.run(["scores"], {name: rows})[0]
