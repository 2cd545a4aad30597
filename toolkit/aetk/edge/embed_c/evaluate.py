"""Computes a graph with NumPy, in float64: what a file with rounded weights decides, without a runtime."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract import gate, spec
from aetk.edge.embed_c import graph as graphs
from aetk.edge.embed_c.graph import Graph, refused

Array = NDArray[Any]


def evaluate(graph: Graph, rows: NDArray[np.float32], replaced: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs for rows.

    Args:
        graph: the graph.
        rows: float32 [rows, n].
        replaced: constants that differ from the graph's, by name.

    Returns:
        By name: similarity as float64 [rows], is_anomaly and is_valid as bool [rows], and the contribution, if the
        graph makes one, as float64 [rows, n].
    """
    values: dict[str, Array] = {name: _wide(array) for name, array in {**graph.constants, **replaced}.items()}
    values[spec.INPUT] = rows.astype(np.float64)
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            values[node.output] = _OPERATORS[node.op_type](node, *(values[name] for name in node.inputs))
    return {name: values[name] for name in graph.outputs}


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _gemm(node: gate.Node, rows: Array, matrix: Array, added: Array | float = 0.0) -> Array:
    product = rows @ (matrix.T if node.attributes.get("transB", 0) else matrix)
    result: Array = product + added
    return result


def _softmax(node: gate.Node, rows: Array) -> Array:
    axis = node.attributes.get("axis", -1)
    powers = np.exp(rows - rows.max(axis=axis, keepdims=True))
    result: Array = powers / powers.sum(axis=axis, keepdims=True)
    return result


def _reduced(node: gate.Node, values: Array, axes: Array | None = None) -> Array:
    axis = int(node.attributes["axes"][0] if axes is None else axes[0])
    terms = np.square(values) if node.op_type == "ReduceL2" else values
    total = terms.sum(axis=axis, keepdims=bool(node.attributes.get("keepdims", 1)))
    result: Array = np.sqrt(total) if node.op_type == "ReduceL2" else total
    return result


def _sliced(node: gate.Node, values: Array, start: Array, end: Array, axis: Array, step: Array | None = None) -> Array:
    places = [slice(None)] * values.ndim
    places[int(axis[0])] = slice(int(start[0]), int(end[0]), 1 if step is None else int(step[0]))
    result: Array = values[tuple(places)]
    return result


def _cast(node: gate.Node, values: Array) -> Array:
    if node.attributes.get("to") != 1:
        raise refused("a node Cast makes something else than float32")
    return values.astype(np.float64)


def _chosen(node: gate.Node, test: Array, first: Array, second: Array) -> Array:
    return np.where(test, first, second)


_OPERATORS: Mapping[str, Callable[..., Array]] = {
    "Abs": lambda node, x: np.abs(x),
    "Add": lambda node, x, y: x + y,
    "Cast": _cast,
    "Clip": lambda node, x, low, high=None: np.clip(x, low, high),
    "Concat": lambda node, *parts: np.concatenate(parts, axis=node.attributes["axis"]),
    "Div": lambda node, x, y: x / y,
    "Gemm": _gemm,
    "Greater": lambda node, x, y: x > y,
    "GreaterOrEqual": lambda node, x, y: x >= y,
    "LeakyRelu": lambda node, x: np.where(x >= 0, x, graphs.real(node, "alpha", 0.01) * x),
    "LessOrEqual": lambda node, x, y: x <= y,
    "MatMul": _gemm,
    "Mul": lambda node, x, y: x * y,
    "Not": lambda node, x: ~x,
    "Pow": lambda node, x, y: x**y,
    "ReduceL2": _reduced,
    "ReduceSum": _reduced,
    "Slice": _sliced,
    "Softmax": _softmax,
    "Sqrt": lambda node, x: np.sqrt(x),
    "Sub": lambda node, x, y: x - y,
    "Unsqueeze": lambda node, x, axes: np.expand_dims(x, int(axes[0])),
    "Where": _chosen,
}
