"""What does the contract add to the bare network?

Theory. The exported graph cleans its input, tells which rows are valid, scales them, appends the anchor, clips the
similarity and decides; the bare graph is the same reconstructions with a plain cosine (norms at least 1e-6) and a
threshold.
On a single row each node costs a dispatch of some hundred nanoseconds, on many rows each elementwise node is another
pass over the input. Their ratio is what the contract costs.

How. The bare graph is built here, node by node, from the weights of the PyTorch module that was exported, BatchNorm
folded in float64. Both files run in ONNX Runtime by `session.run` with one intra-op thread, as Scorer's workers do, in
turn; the ratio is the median over rounds. Both recipes are measured: the reference has no scaling and no anchor to
show, the default has both. Half a minute.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

import subject
from aetk.contract import spec
from aetk.edge.runtime.ort import onnxruntime
from aetk.lab.model.detector import Detector
from aetk.render.format import seconds
from harness import Goal, Table, Timing, Variant, goals, interleave, keep, named, ratio, show

SIZES = {1: 1.4, 1024: 1.25}
"""Rows, and how many times the bare graph's time the exported one may take."""
ROUNDS, BURST = 40, 50
EXPORTED, BARE = "exported model", "bare graph"


@dataclass(frozen=True)
class Pair:
    """Both graphs at one number of rows."""

    recipe: str
    rows: int
    timings: tuple[Timing, ...]


RESULT = tuple[Pair, ...]


def layers(network: nn.Sequential) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Weight [out, in] and bias [out] of each linear layer, with the BatchNorm that follows folded in."""
    found: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            found.append((layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()))
        elif isinstance(layer, nn.BatchNorm1d):
            gain = (layer.weight.double() / (layer.running_var.double() + layer.eps).sqrt()).detach().numpy()
            shift = layer.bias.detach().double().numpy() - gain * layer.running_mean.double().numpy()
            weight, bias = found[-1]
            found[-1] = weight * gain[:, None], bias * gain + shift
    return [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in found]


def _append(nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], network: nn.Sequential, name: str) -> str:
    """Append a network's nodes and weights; the name of its output."""
    slope = next(layer.negative_slope for layer in network if isinstance(layer, nn.LeakyReLU))
    pairs, row = layers(network), "features"
    for i, (weight, bias) in enumerate(pairs):
        w, b, z, h = (f"{name}{part}{i}" for part in "wbzh")
        weights += [numpy_helper.from_array(weight, w), numpy_helper.from_array(bias, b)]
        nodes.append(helper.make_node("Gemm", [row, w, b], [z], transB=1))
        row = z
        if i < len(pairs) - 1:
            nodes.append(helper.make_node("LeakyRelu", [z], [h], alpha=slope))
            row = h
    return row


def bare(detector: Detector) -> bytes:
    """The reconstructions, the plain cosine and the threshold, and nothing else."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    found = [_append(nodes, weights, network, f"n{i}") for i, network in enumerate(detector.networks)]
    if detector.memory is not None:
        arrays = {"keys": detector.memory.keys.numpy(), "key_bias": detector.memory.bias.numpy()}
        weights += [numpy_helper.from_array(array, name) for name, array in arrays.items()]
        nodes += [
            helper.make_node("Gemm", ["features", "keys", "key_bias"], ["near"], transB=1),
            helper.make_node("Softmax", ["near"], ["share"], axis=1),
            helper.make_node("MatMul", ["share", "keys"], ["recalled"]),
        ]
        found.append("recalled")
    copies, row = "features", found[0]
    if len(found) > 1:
        copies, row = "copies", "reconstructions"
        nodes += [
            helper.make_node("Concat", ["features"] * len(found), [copies], axis=1),
            helper.make_node("Concat", found, [row], axis=1),
        ]
    threshold = float(detector.threshold)
    scalars = {"eps": np.float32(spec.COSINE_EPSILON), "threshold": np.float32(threshold), "axis": np.array([1])}
    weights += [numpy_helper.from_array(np.asarray(value), name) for name, value in scalars.items()]
    nodes += [
        helper.make_node("Mul", [copies, row], ["xy"]),
        helper.make_node("ReduceSum", ["xy", "axis"], ["dot"], keepdims=0),
        helper.make_node("ReduceL2", [copies], ["x_length"], axes=[1], keepdims=0),
        helper.make_node("ReduceL2", [row], ["y_length"], axes=[1], keepdims=0),
        helper.make_node("Max", ["x_length", "eps"], ["x_norm"]),
        helper.make_node("Max", ["y_length", "eps"], ["y_norm"]),
        helper.make_node("Mul", ["x_norm", "y_norm"], ["norms"]),
        helper.make_node("Div", ["dot", "norms"], ["similarity"]),
        helper.make_node("Less", ["similarity", "threshold"], ["is_anomaly"]),
    ]
    graph = helper.make_graph(
        nodes, "bare", [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", detector.n_features])],
        [
            helper.make_tensor_value_info("similarity", TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info("is_anomaly", TensorProto.BOOL, ["batch"]),
        ], weights,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", spec.OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=spec.IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _session(model: bytes) -> Any:
    options = onnxruntime().SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime().InferenceSession(model, options, providers=["CPUExecutionProvider"])


def measure(recipe: str, folder: Path) -> list[Pair]:
    """Time both graphs of one recipe at each size."""
    it = subject.make(folder / recipe, recipe)
    guarded = _session(it.model.read_bytes())
    plain = _session(bare(it.detector))
    pairs = []
    for count in SIZES:
        inputs = {spec.INPUT: subject.many(count)}
        variants = {
            EXPORTED: Variant(lambda x=inputs: guarded.run(None, x), count),
            BARE: Variant(lambda x=inputs: plain.run(None, x), count),
        }
        pairs.append(Pair(recipe, count, interleave(variants, ROUNDS, burst=BURST)))
        if recipe == "reference":  # without scaling and anchor, both must answer the same
            difference = np.abs(variants[EXPORTED].call()[0] - variants[BARE].call()[0]).max()
            assert difference < spec.TOLERANCE, difference
    return pairs


def tables(result: Sequence[Pair]) -> Sequence[Table]:
    """The figures as tables."""
    rows, wanted = [], []
    for pair in result:
        found = named(pair.timings)
        guard = ratio(found[EXPORTED], found[BARE])
        times = [seconds(found[name].seconds) for name in (EXPORTED, BARE)]
        rows.append([pair.recipe, f"{pair.rows:,}", *times, str(guard)])
        what = f"{pair.recipe}, {pair.rows:,} row{'s' * (pair.rows > 1)}: exported / bare"
        wanted.append(Goal(what, guard.median, SIZES[pair.rows], False))
    head = ("recipe", "rows", EXPORTED, BARE, "exported / bare")
    return Table("Time of a session.run with one thread", head, rows), goals(wanted)


def main() -> None:
    """Measure, show and keep."""
    with tempfile.TemporaryDirectory() as folder:
        result = [pair for recipe in ("reference", "default") for pair in measure(recipe, Path(folder))]
    show(tables(result))
    keep("guarded", result)


if __name__ == "__main__":
    main()
