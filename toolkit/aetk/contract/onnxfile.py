"""Reads and rewrites the few fields of an ONNX file that the contract speaks of, without the onnx package.

Everything else in the file is kept byte for byte. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

import hashlib
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from aetk.contract import protobuf, spec
from aetk.contract.errors import BadInput
from aetk.contract.protobuf import Field, encode_bytes, encode_int, fields, number, payload, text

# ModelProto
_IR_VERSION, _GRAPH, _OPSET_IMPORT, _METADATA, _FUNCTIONS = 1, 7, 8, 14, 25
# GraphProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _SPARSE_INITIALIZER = 1, 5, 11, 12, 15
# NodeProto
_NODE_INPUT, _NODE_OUTPUT, _OP_TYPE, _ATTRIBUTE, _DOMAIN = 1, 2, 4, 5, 7
# AttributeProto: a graph, and graphs
_SUBGRAPHS = (6, 11)
# TensorProto
_DIMS, _DATA_TYPE, _FLOAT_DATA, _TENSOR_NAME, _RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION = 1, 2, 4, 8, 9, 13, 14

_TYPE_NAMES = {1: "float32", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}
_FLOAT32 = 1


@dataclass(frozen=True)
class Value:
    """A graph input or output: element type, and its shape with symbolic dimensions as text."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Node:
    """One operator call."""

    op_type: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Initializer:
    """A constant tensor; `value` is set for a float32 scalar."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    value: float | None


@dataclass(frozen=True)
class Model:
    """What the contract needs to know of an ONNX file."""

    ir_version: int
    opset: int
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    initializers: tuple[Initializer, ...]
    metadata: dict[str, str]

    @property
    def threshold(self) -> float:
        """The decision threshold (a float32 value)."""
        (value,) = (i.value for i in self.initializers if i.name == spec.THRESHOLD)
        assert value is not None  # `read` refused the file otherwise
        return value

    @property
    def operators(self) -> dict[str, int]:
        """How often each operator is used, the most frequent first."""
        return dict(Counter(node.op_type for node in self.nodes).most_common())

    @property
    def parameters(self) -> int:
        """How many numbers the initializers hold."""
        total = 0
        for initializer in self.initializers:
            count = 1
            for dim in initializer.shape:
                count *= dim
            total += count
        return total


def read(data: bytes) -> Model:
    """Parse a model file and hold it against the contract.

    Raises:
        BadInput: not an ONNX file, or one that is no aetk model of contract version 1.
    """
    ir_version, opsets, graph, metadata = 0, dict[str, int](), None, dict[str, str]()
    for field in fields(memoryview(data)):
        if field.number == _IR_VERSION:
            ir_version = number(field.value)
        elif field.number == _OPSET_IMPORT:
            parts = {f.number: f.value for f in fields(payload(field.value))}
            opsets[text(parts.get(1, memoryview(b"")))] = number(parts.get(2, 0))
        elif field.number == _GRAPH:
            if graph is not None:
                raise _refused("it holds two graphs")
            graph = payload(field.value)
        elif field.number == _METADATA:
            key, value = _entry(field)
            metadata[key] = value
        elif field.number == _FUNCTIONS:
            raise _refused("it defines functions")
    if graph is None:
        raise BadInput("Not an ONNX model: it holds no graph.")
    if set(opsets) - {"", "ai.onnx"}:
        raise _refused(f"it uses operators of the domain {sorted(opsets)[-1]!r}")
    model = _read_graph(graph, ir_version, max(opsets.values(), default=0), metadata)
    _check_contract(model)
    return model


def _refused(reason: str) -> BadInput:
    return BadInput(
        f"Not a model of the aetk contract, version {spec.VERSION}: {reason}.",
        "Export one with: aetk export --onnx",
    )


def _entry(field: Field) -> tuple[str, str]:
    parts = {f.number: f.value for f in fields(payload(field.value))}
    empty = memoryview(b"")
    return text(parts.get(1, empty)), text(parts.get(2, empty))


def _read_graph(graph: memoryview, ir_version: int, opset: int, metadata: dict[str, str]) -> Model:
    nodes: list[Node] = []
    initializers: list[Initializer] = []
    inputs: list[Value] = []
    outputs: list[Value] = []
    for field in fields(graph):
        if field.number == _NODE:
            nodes.append(_read_node(payload(field.value)))
        elif field.number == _INITIALIZER:
            initializers.append(_read_initializer(payload(field.value)))
        elif field.number == _INPUT:
            inputs.append(_read_value(payload(field.value)))
        elif field.number == _OUTPUT:
            outputs.append(_read_value(payload(field.value)))
        elif field.number == _SPARSE_INITIALIZER:
            raise _refused("it holds sparse tensors")
    return Model(ir_version, opset, tuple(inputs), tuple(outputs), tuple(nodes), tuple(initializers), metadata)


def _read_node(data: memoryview) -> Node:
    inputs, outputs, op_type, domain = [], [], "", ""
    for field in fields(data):
        if field.number == _NODE_INPUT:
            inputs.append(text(field.value))
        elif field.number == _NODE_OUTPUT:
            outputs.append(text(field.value))
        elif field.number == _OP_TYPE:
            op_type = text(field.value)
        elif field.number == _DOMAIN:
            domain = text(field.value)
        elif field.number == _ATTRIBUTE and any(f.number in _SUBGRAPHS for f in fields(payload(field.value))):
            raise _refused("a node holds a graph of its own")
    if domain not in ("", "ai.onnx"):
        raise _refused(f"the node {op_type} is of the domain {domain!r}")
    return Node(op_type, domain, tuple(inputs), tuple(outputs))


def _read_initializer(data: memoryview) -> Initializer:
    name, dtype, shape, content = "", 0, list[int](), b""
    for field in fields(data):
        if field.number == _DIMS:
            shape += protobuf.numbers(field.value)
        elif field.number == _DATA_TYPE:
            dtype = number(field.value)
        elif field.number == _TENSOR_NAME:
            name = text(field.value)
        elif field.number in (_RAW_DATA, _FLOAT_DATA):
            content = payload(field.value).tobytes()
        elif field.number == _EXTERNAL_DATA or (field.number == _DATA_LOCATION and field.value != 0):
            raise _refused("it keeps tensors in other files")
    scalar = dtype == _FLOAT32 and not shape and len(content) == 4
    value = struct.unpack("<f", content)[0] if scalar else None
    return Initializer(name, _TYPE_NAMES.get(dtype, f"type {dtype}"), tuple(shape), value)


def _read_value(data: memoryview) -> Value:
    name, dtype, shape = "", 0, list[int | str]()
    for field in fields(data):
        if field.number == 1:
            name = text(field.value)
        elif field.number == 2:  # TypeProto, whose field 1 is the tensor type
            for tensor in (f for f in fields(payload(field.value)) if f.number == 1):
                for part in fields(payload(tensor.value)):
                    if part.number == 1:
                        dtype = number(part.value)
                    elif part.number == 2:
                        shape = [_read_dim(payload(d.value)) for d in fields(payload(part.value)) if d.number == 1]
    return Value(name, _TYPE_NAMES.get(dtype, f"type {dtype}"), tuple(shape))


def _read_dim(data: memoryview) -> int | str:
    for field in fields(data):
        return number(field.value) if field.number == 1 else text(field.value)
    return "?"


def _check_contract(model: Model) -> None:
    if [v.name for v in model.inputs] != [spec.INPUT]:
        raise _refused(f"its inputs are {_names(model.inputs)}, not '{spec.INPUT}' alone")
    (features,) = model.inputs
    if features.dtype != "float32" or len(features.shape) != 2 or not isinstance(features.shape[1], int):
        raise _refused(f"'{spec.INPUT}' is {features.dtype} {list(features.shape)}, not float32 [batch, n]")
    expected = [*spec.OUTPUTS, spec.CONTRIBUTION][: max(3, len(model.outputs))]
    if [v.name for v in model.outputs] != expected:
        raise _refused(f"its outputs are {_names(model.outputs)}, not {', '.join(spec.OUTPUTS)}")
    dtypes = [v.dtype for v in model.outputs]
    if dtypes != ["float32", "bool", "bool", "float32"][: len(dtypes)]:
        raise _refused(f"its outputs are of the types {', '.join(dtypes)}")
    holders = [i for i in model.initializers if i.name == spec.THRESHOLD]
    if len(holders) != 1 or holders[0].value is None:
        raise _refused(f"it has no float32 scalar initializer named '{spec.THRESHOLD}'")
    readers = [node.op_type for node in model.nodes for name in node.inputs if name == spec.THRESHOLD]
    if readers != ["GreaterOrEqual"]:
        raise _refused(f"'{spec.THRESHOLD}' feeds {', '.join(readers) or 'nothing'}, not one GreaterOrEqual")


def _names(values: Iterable[Value]) -> str:
    return ", ".join(f"'{v.name}'" for v in values) or "none"


def with_card(data: bytes, card: str | None) -> bytes:
    """The file with its card replaced (`None`: left out), every other byte kept."""
    kept = b"".join(
        field.raw
        for field in fields(memoryview(data))
        if not (field.number == _METADATA and _entry(field)[0] == spec.CARD_KEY)
    )
    if card is None:
        return kept
    entry = encode_bytes(1, spec.CARD_KEY.encode()) + encode_bytes(2, card.encode())
    return kept + encode_bytes(_METADATA, entry)


def digest(data: bytes) -> str:
    """SHA-256 of the file without its card, as lower-case hexadecimal digits."""
    return hashlib.sha256(with_card(data, None)).hexdigest()


def with_threshold(data: bytes, threshold: float) -> bytes:
    """The file with the initializer `threshold` set to a float32 value, every other byte kept."""
    tensor = (
        encode_int(_DATA_TYPE, _FLOAT32)
        + encode_bytes(_TENSOR_NAME, spec.THRESHOLD.encode())
        + encode_bytes(_RAW_DATA, struct.pack("<f", threshold))
    )

    def rewrite(field: Field) -> bytes:
        if field.number != _INITIALIZER or _read_initializer(payload(field.value)).name != spec.THRESHOLD:
            return field.raw.tobytes()
        return encode_bytes(_INITIALIZER, tensor)

    return b"".join(
        encode_bytes(_GRAPH, b"".join(rewrite(f) for f in fields(payload(field.value))))
        if field.number == _GRAPH
        else field.raw.tobytes()
        for field in fields(memoryview(data))
    )
