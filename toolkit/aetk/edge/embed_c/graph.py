"""The graph of a model file as the generator needs it: constants as arrays, each value's shape, and who reads it."""

import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract import gate, spec

BATCH = None
Shape = tuple[int | None, ...]
"""The dimensions of a value; `BATCH` stands for the number of rows, and is missing in a constant."""


def refused(found: str) -> BadInput:
    """The error for a graph that this generator does not know."""
    return BadInput(
        f"The model cannot be written in C: {found}.",
        "Embed a model that this version of aetk exported; for other graphs, see emx-onnx-cgen or onnx2c.",
    )


@dataclass(frozen=True)
class Graph:
    """A model's graph.

    Attributes:
        n_features: columns of a row.
        constants: float32 and int64 tensors by name.
        nodes: in an order in which each value is made before it is read; those of the decision come first.
        deciding: the number of nodes that the decision needs; the others make the contribution.
        outputs: the names of the outputs that are written.
    """

    n_features: int
    constants: Mapping[str, NDArray[Any]]
    nodes: tuple[gate.Node, ...]
    deciding: int
    outputs: tuple[str, ...]

    @property
    def readers(self) -> Mapping[str, int]:
        """How often each value is read, by nodes and as an output."""
        return Counter([name for node in self.nodes for name in node.inputs] + list(self.outputs))


def read(model: gate.Model, *, contribution: bool) -> Graph:
    """Read a graph that has passed the gate.

    Args:
        model: the model.
        contribution: whether the contribution is written, if the model has one.

    Raises:
        BadInput: a weight is not a finite number, or something reads a row before its values are checked.
    """
    constants = {tensor.name: _array(tensor) for tensor in model.initializers}
    for name, values in constants.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise refused(f"the tensor '{name[:40]}' holds a value that is not finite")
    for node in model.nodes:
        position = 1 if node.op_type == "Where" else 0
        if spec.INPUT in node.inputs and (
            node.op_type not in ("Abs", "Where")
            or [i for i, n in enumerate(node.inputs) if n == spec.INPUT] != [position]
        ):
            raise refused(f"a node {node.op_type} reads '{spec.INPUT}' before its values are known to be finite")
    outputs = tuple(value.name for value in model.outputs)
    if not contribution:
        outputs = outputs[:3]
    deciding = _needed(model.nodes, outputs[:3])
    explaining = [node for node in _needed(model.nodes, outputs) if node not in deciding]
    return Graph(model.n_features, constants, (*deciding, *explaining), len(deciding), outputs)


def _array(tensor: gate.Initializer) -> NDArray[Any]:
    dtype = {"float32": "<f4", "int64": "<i8"}[tensor.dtype]
    return np.frombuffer(tensor.content, dtype).astype(dtype[1:]).reshape(tensor.shape)


def _needed(nodes: Iterable[gate.Node], outputs: Iterable[str]) -> list[gate.Node]:
    """The nodes that the outputs depend on, in the order of the file."""
    wanted, found = set(outputs), []
    for node in reversed(list(nodes)):
        if node.output in wanted:
            wanted.update(node.inputs)
            found.append(node)
    return found[::-1]


def real(node: gate.Node, name: str, default: float) -> float:
    """A node's float attribute."""
    content = node.attributes.get(name)
    return default if content is None else float(struct.unpack("<f", content)[0])


def axis_of(node: gate.Node, inputs: Mapping[str, NDArray[Any]]) -> int:
    """The only axis of a reduction: an attribute in older opsets, an input in newer ones."""
    axes = node.attributes["axes"] if "axes" in node.attributes else inputs[node.inputs[1]].tolist()
    return int(axes[0])


def shared(graph: Graph) -> frozenset[str]:
    """The matrices that products use as they are, and also transposed."""
    used: dict[str, set[int]] = {}
    for node in graph.nodes:
        if node.op_type in ("Gemm", "MatMul"):
            used.setdefault(node.inputs[1], set()).add(int(node.attributes.get("transB", 0)))
    return frozenset(name for name, directions in used.items() if len(directions) > 1)
