"""The gate: reads a model file that may come from anywhere, and refuses what is not known to be harmless.

No runtime sees a file before it has passed. Everything in it is bounded and known by name: its size, its versions, each
field of each message, each operator with its attributes, each tensor's bytes, the shape of each value, the decision at
the end, and the card. Needs the standard library of Python 3.9 alone; an app takes this file along as it is.

Sources: https://protobuf.dev/programming-guides/encoding/ and https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import stat
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Union

CONTRACT = 1
CONTRACTS = (1, 2)
"""The second adds to the card how the cells of a table become numbers; the graph keeps the first's rules."""
LARGEST_FILE = 2**28
LARGEST_CARD = 2**25
MOST_FEATURES = 2**14
LARGEST_TOLERANCE = 1e-3
IR_VERSIONS = range(8, 12)
OPSETS = range(17, 24)
CARD, THRESHOLD = "aetk.card", "threshold"

_EXPORT = "Export one with: aetk export --onnx"
_AGAIN = "Export the model again."
_DO_NOT_USE = "Do not use it; take the file from where it was exported."
_CARD, _DIGEST = CARD.encode(), "card_sha256"


class Refused(Exception):
    """Why a file may not pass.

    Attributes:
        message: what was found, and what was expected.
        hint: what to do.
        exit_code: 2 for a file that is not such a model, 1 for one that was changed.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = 2) -> None:
        super().__init__(message)
        self.message, self.hint, self.exit_code = message, hint, exit_code


def _unreadable(reason: str) -> Refused:
    return Refused(f"Not a readable ONNX file: {reason}.", _EXPORT)


def _foreign(reason: str) -> Refused:
    return Refused(f"Not a model of the aetk contract, version {CONTRACT}: {reason}.", _EXPORT)


# The wire format of protobuf, every length checked.

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}
Payload = Union[int, memoryview]


class Field(NamedTuple):
    """One field of a message: `value` is an int for a varint, else the payload; `raw` is the whole field."""

    number: int
    wire_type: int
    value: Payload
    raw: memoryview

    @property
    def payload(self) -> memoryview:
        """The bytes of a field; Refused for a number."""
        if isinstance(self.value, int):
            raise _unreadable("a number stands where bytes were expected")
        return self.value


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise _unreadable("it ends in the middle of a number")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise _unreadable("a number is longer than 10 bytes")


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message in file order; Refused where a length runs past the end, for a group or unknown type."""
    position = 0
    while position < len(data):
        start = position
        key, position = _varint(data, position)
        number, wire_type = key >> 3, key & 7
        value: Payload
        if wire_type == VARINT:
            value, position = _varint(data, position)
        elif wire_type == BYTES or wire_type in _FIXED_SIZES:
            size = _FIXED_SIZES.get(wire_type)
            if size is None:
                size, position = _varint(data, position)
            if size > len(data) - position:
                raise _unreadable(f"field {number} claims {size} bytes where {len(data) - position} are left")
            value = data[position : position + size]
            position += size
        else:
            raise _unreadable(f"unknown wire type {wire_type} at byte {start}")
        yield Field(number, wire_type, value, data[start:position])


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _numbers(values: list[Payload]) -> tuple[int, ...]:
    """A repeated integer field, packed or not; there are never more of them than a tensor has dimensions."""
    found: list[int] = []
    for value in values:
        for item in (value,) if isinstance(value, int) else _packed(value):
            if len(found) == _MOST_DIMENSIONS:
                raise _foreign(f"a list holds more than {_MOST_DIMENSIONS} numbers")
            found.append(_signed(item))
    return tuple(found)


def _packed(data: memoryview) -> Iterator[int]:
    position = 0
    while position < len(data):
        item, position = _varint(data, position)
        yield item


# The messages of an ONNX file: for each field its name, its wire type, and how often it may occur.

_MOST_DIMENSIONS = 8
_MANY = 4096
_LIST = -1
"""In place of a wire type: numbers, packed or not."""
_Known = Mapping[int, "tuple[str, int, int]"]

_MODEL: _Known = {
    1: ("ir_version", VARINT, 1),
    2: ("producer_name", BYTES, 1),
    3: ("producer_version", BYTES, 1),
    6: ("doc_string", BYTES, 1),
    7: ("graph", BYTES, 1),
    8: ("opset_import", BYTES, 4),
    14: ("metadata_props", BYTES, 64),
}
_OPSET: _Known = {1: ("domain", BYTES, 1), 2: ("version", VARINT, 1)}
_ENTRY: _Known = {1: ("key", BYTES, 1), 2: ("value", BYTES, 1)}
_GRAPH: _Known = {
    1: ("node", BYTES, _MANY),
    2: ("name", BYTES, 1),
    5: ("initializer", BYTES, _MANY),
    10: ("doc_string", BYTES, 1),
    11: ("input", BYTES, 4),
    12: ("output", BYTES, 4),
}
_NODE: _Known = {
    1: ("input", BYTES, 256),
    2: ("output", BYTES, 1),
    3: ("name", BYTES, 1),
    4: ("op_type", BYTES, 1),
    5: ("attribute", BYTES, 8),
    6: ("doc_string", BYTES, 1),
    7: ("domain", BYTES, 1),
}
_ATTRIBUTE: _Known = {
    1: ("name", BYTES, 1),
    2: ("f", FIXED32, 1),
    3: ("i", VARINT, 1),
    8: ("ints", _LIST, _MOST_DIMENSIONS),
    20: ("type", VARINT, 1),
}
_TENSOR: _Known = {
    1: ("dims", _LIST, _MOST_DIMENSIONS),
    2: ("data_type", VARINT, 1),
    8: ("name", BYTES, 1),
    9: ("raw_data", BYTES, 1),
    12: ("doc_string", BYTES, 1),
    14: ("data_location", VARINT, 1),
}
_VALUE: _Known = {1: ("name", BYTES, 1), 2: ("type", BYTES, 1), 3: ("doc_string", BYTES, 1)}
_TYPE: _Known = {1: ("tensor_type", BYTES, 1)}
_TENSOR_TYPE: _Known = {1: ("elem_type", VARINT, 1), 2: ("shape", BYTES, 1)}
_SHAPE: _Known = {1: ("dim", BYTES, _MOST_DIMENSIONS)}
_DIMENSION: _Known = {1: ("dim_value", VARINT, 1), 2: ("dim_param", BYTES, 1)}

_SWITCHES = ("transA", "transB", "keepdims", "noop_with_empty_axes", "saturate")
"""Attributes that are 0 or 1; of other numbers, some readers take each for 1, and some none."""
_ATTRIBUTE_KINDS = {1: "f", 2: "i", 7: "ints"}
_DANGERS = {
    (id(_MODEL), 20): "it carries training of its own",
    (id(_MODEL), 25): "it defines functions",
    (id(_GRAPH), 13): "it lists the shapes of values within, as tools do that slim, convert or quantise a model",
    (id(_GRAPH), 15): "it holds sparse tensors",
    (id(_ATTRIBUTE), 6): "a node holds a graph of its own",
    (id(_ATTRIBUTE), 11): "a node holds a graph of its own",
    (id(_TENSOR), 13): "it keeps tensors in other files",
    **{(id(_TENSOR), number): "it keeps a tensor as a list of numbers, expected raw bytes" for number in (4, 5, 7, 10)},
}


def _read(data: Payload, known: _Known, what: str) -> dict[str, list[Payload]]:
    """A message's fields by name; Refused for one that is unknown, of another kind, or there too often.

    Readers merge or drop a field that occurs twice, and skip what they do not know: two of them would not read the
    same file.
    """
    found: dict[str, list[Payload]] = {}
    for field in fields(_payload(data)):
        if field.number not in known:
            raise _unknown(known, what, field.number)
        name, kind, most = known[field.number]
        if field.wire_type not in ((VARINT, BYTES) if kind == _LIST else (kind,)):
            raise _unreadable(f"the field {name} of its {what} is of the wrong kind")
        values = found.setdefault(name, [])
        if len(values) == most:
            raise _foreign(f"its {what} has more than {most} of the field {name}")
        values.append(field.value)
    return found


def _unknown(known: _Known, what: str, number: int) -> Refused:
    if number > 99:  # what text and pictures look like
        return _unreadable(f"its {what} has an unknown field {number}")
    return _foreign(_DANGERS.get((id(known), number), f"its {what} has an unknown field {number}"))


def _payload(value: Payload) -> memoryview:
    assert isinstance(value, memoryview)  # by its wire type
    return value


def _text(parts: Mapping[str, list[Payload]], name: str) -> str:
    return _decoded(parts[name][0]) if name in parts else ""


def _decoded(value: Payload) -> str:
    try:
        return str(_payload(value), "utf-8")
    except UnicodeDecodeError:
        raise _unreadable("a name is not UTF-8 text") from None


def _number(parts: Mapping[str, list[Payload]], name: str) -> int:
    (value,) = parts.get(name, [0])
    assert isinstance(value, int)
    return _signed(value)


# What the contract needs to know of a file.

_FLOAT32, _INT64, _BOOL = 1, 7, 9
_TYPE_NAMES = {_FLOAT32: "float32", 6: "int32", _INT64: "int64", _BOOL: "bool", 10: "float16", 11: "float64"}
_ITEM_SIZES = {"float32": 4, "int64": 8}


@dataclass(frozen=True)
class Value:
    """A graph input or output: element type, and its shape with symbolic dimensions as text."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class Node:
    """One operator call; an attribute is an int, a tuple of ints, or the four bytes of a float."""

    op_type: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Initializer:
    """A constant tensor: float32 or int64, little-endian bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    content: memoryview

    @property
    def value(self) -> float | None:
        """The number, where it is a float32 scalar."""
        if self.dtype != "float32" or self.shape:
            return None
        value: float = struct.unpack("<f", self.content)[0]
        return value

    @property
    def integers(self) -> tuple[int, ...]:
        """The numbers of an int64 tensor of one dimension."""
        if self.dtype != "int64" or len(self.shape) != 1 or len(self.content) > 8 * _MOST_DIMENSIONS:
            raise _foreign(f"'{self.name}' is not a short list of whole numbers")
        return struct.unpack(f"<{len(self.content) // 8}q", self.content)


@dataclass(frozen=True)
class Model:
    """A model file that passed.

    Attributes:
        sha256: of the file without its card, as lower-case hexadecimal digits.
    """

    ir_version: int
    opset: int
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    initializers: tuple[Initializer, ...]
    metadata: Mapping[str, str]
    sha256: str

    @cached_property
    def threshold(self) -> float:
        """The decision threshold (a float32 value)."""
        value = next(i.value for i in self.initializers if i.name == THRESHOLD)
        assert value is not None  # `read` refused the file otherwise
        return value

    @property
    def n_features(self) -> int:
        """How many columns a row has."""
        return int(self.inputs[0].shape[1])

    @property
    def operators(self) -> dict[str, int]:
        """How often each operator is used, the most frequent first."""
        return dict(Counter(node.op_type for node in self.nodes).most_common())

    @property
    def parameters(self) -> int:
        """How many numbers the initializers hold."""
        return sum(_product(initializer.shape) for initializer in self.initializers)


def _product(shape: tuple[int, ...]) -> int:
    size = 1
    for dim in shape:
        size *= dim
    return size


def read_file(path: str | Path) -> bytes:
    """The content of a model file.

    Raises:
        Refused: there is none, it is not a regular file, or it is larger than `LARGEST_FILE`.
    """
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        raise Refused(f"No such model: {path}.", f"Check the path, or {_EXPORT[0].lower()}{_EXPORT[1:]}") from None
    if stat.S_ISDIR(status.st_mode):
        raise Refused(f"{path} is a folder; expected an .onnx file.", "Name the file in it.")
    if not stat.S_ISREG(status.st_mode):
        raise Refused(
            f"{path} is not a regular file; expected an .onnx file.",
            "Name a file; what a pipe gives has to be saved in one first.",
        )
    with Path(path).open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise Refused(
            f"{path} is larger than {LARGEST_FILE >> 20} MiB; expected a model of the aetk contract.", _EXPORT
        )
    return data


def read(data: bytes) -> Model:
    """Let a model file's content pass, or refuse it. The card is left to `card`.

    Raises:
        Refused: not an ONNX file, or one that is not a model of the contract.
    """
    if len(data) > LARGEST_FILE:
        raise _foreign(f"it is larger than {LARGEST_FILE >> 20} MiB")
    parts = _read(memoryview(data), _MODEL, "model")
    if "graph" not in parts:
        raise Refused("Not an ONNX model: it holds no graph.", _EXPORT)
    opset = _read_opset(parts)
    if _number(parts, "ir_version") not in IR_VERSIONS or opset not in OPSETS:
        raise _foreign(
            f"its IR version is {_number(parts, 'ir_version')} and its opset {opset}, expected "
            f"{IR_VERSIONS[0]} to {IR_VERSIONS[-1]} and {OPSETS[0]} to {OPSETS[-1]}"
        )
    graph = _read(parts["graph"][0], _GRAPH, "graph")
    model = Model(
        ir_version=_number(parts, "ir_version"),
        opset=opset,
        inputs=tuple(_read_value(value) for value in graph.get("input", [])),
        outputs=tuple(_read_value(value) for value in graph.get("output", [])),
        nodes=tuple(_read_node(node) for node in graph.get("node", [])),
        initializers=tuple(_read_initializer(tensor) for tensor in graph.get("initializer", [])),
        metadata=_read_metadata(parts),
        sha256=_digest(data),
    )
    _check_interface(model)
    _check_threshold(model)
    _check_shapes(model)
    return model


def _read_opset(parts: Mapping[str, list[Payload]]) -> int:
    opsets = [_read(opset, _OPSET, "opset") for opset in parts.get("opset_import", [])]
    for domain in (_text(opset, "domain") for opset in opsets):
        if domain not in ("", "ai.onnx"):
            raise _foreign(f"it uses operators of the domain {domain[:40]!r}")
    if len(opsets) != 1:
        raise _foreign(f"it names {len(opsets)} opsets, expected one")
    return _number(opsets[0], "version")


def _read_metadata(parts: Mapping[str, list[Payload]]) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for value in parts.get("metadata_props", []):
        entry = _read(value, _ENTRY, "metadata")
        key = _text(entry, "key")
        if key in metadata:
            raise _foreign(f"its metadata has '{key[:40]}' twice")
        metadata[key] = _text(entry, "value")
        if len(metadata[key]) > LARGEST_CARD:
            raise _foreign(f"its metadata '{key[:40]}' is longer than {LARGEST_CARD >> 20} MiB")
    return metadata


def is_card(field: Field) -> bool:
    """Whether a field of the file is the metadata entry that holds the card."""
    return field.number == 14 and any(
        part.number == 1 and bytes(part.payload) == _CARD for part in fields(field.payload)
    )


def _digest(data: bytes) -> str:
    digest = hashlib.sha256()
    for field in fields(memoryview(data)):
        if not is_card(field):
            digest.update(field.raw)
    return digest.hexdigest()


def _read_node(data: Payload) -> Node:
    parts = _read(data, _NODE, "node")
    op_type, domain = _text(parts, "op_type"), _text(parts, "domain")
    if domain not in ("", "ai.onnx"):
        raise _foreign(f"the node {op_type[:40]} is of the domain {domain[:40]!r}")
    if op_type not in _OPERATORS:
        raise _foreign(f"it uses the operator '{op_type[:40]}'")
    attributes: dict[str, Any] = {}
    for attribute in parts.get("attribute", []):
        name, value = _read_attribute(attribute)
        if name not in _OPERATORS[op_type][1] or name in attributes:
            raise _foreign(f"a node {op_type} has the attribute '{name[:40]}'{' twice' * (name in attributes)}")
        if name in _SWITCHES and value not in (0, 1):
            raise _foreign(f"the attribute '{name}' of a node {op_type} is neither 0 nor 1")
        attributes[name] = value
    return Node(op_type, tuple(map(_decoded, parts.get("input", []))), _text(parts, "output"), attributes)


def _read_attribute(data: Payload) -> tuple[str, Any]:
    parts = _read(data, _ATTRIBUTE, "attribute")
    name, kind = _text(parts, "name"), _ATTRIBUTE_KINDS.get(_number(parts, "type"))
    if kind is None or set(parts) - {"name", "type"} - {kind}:
        raise _foreign(f"the attribute '{name[:40]}' is neither a number nor a list of whole numbers")
    if kind == "f":
        return name, bytes(_payload(parts.get("f", [memoryview(bytes(4))])[0]))
    return name, _number(parts, "i") if kind == "i" else _numbers(parts.get("ints", []))


def _read_initializer(data: Payload) -> Initializer:
    parts = _read(data, _TENSOR, "tensor")
    name, shape = _text(parts, "name"), _numbers(parts.get("dims", []))
    dtype = _TYPE_NAMES.get(_number(parts, "data_type"), f"type {_number(parts, 'data_type')}")
    if _number(parts, "data_location") != 0:
        raise _foreign("it keeps tensors in other files")
    if dtype not in _ITEM_SIZES:
        raise _foreign(f"the tensor '{name[:40]}' is {dtype}, expected {' or '.join(_ITEM_SIZES)}")
    content = _payload(parts.get("raw_data", [memoryview(b"")])[0])
    if any(dim < 0 for dim in shape) or _product(shape) * _ITEM_SIZES[dtype] != len(content):
        raise _foreign(f"the tensor '{name[:40]}' is {dtype} {list(shape)}, and holds {len(content)} bytes")
    return Initializer(name, dtype, shape, content)


def _read_value(data: Payload) -> Value:
    parts = _read(data, _VALUE, "value")
    kind = _read(parts["type"][0], _TYPE, "type") if "type" in parts else {}
    if "tensor_type" not in kind:
        raise _foreign(f"'{_text(parts, 'name')[:40]}' is not a tensor")
    tensor = _read(kind["tensor_type"][0], _TENSOR_TYPE, "tensor type")
    shape = _read(tensor["shape"][0], _SHAPE, "shape") if "shape" in tensor else {}
    dtype = _number(tensor, "elem_type")
    dims = tuple(_read_dimension(dim) for dim in shape.get("dim", []))
    return Value(_text(parts, "name"), _TYPE_NAMES.get(dtype, f"type {dtype}"), dims)


def _read_dimension(data: Payload) -> int | str:
    parts = _read(data, _DIMENSION, "dimension")
    return _number(parts, "dim_value") if "dim_value" in parts else _text(parts, "dim_param")


# What goes in, what comes out, and how it is decided.

_OUTPUTS = ("similarity", "is_anomaly", "is_valid", "contribution")
_OUTPUT_TYPES = ("float32", "bool", "bool", "float32")


def _listed(words: list[str]) -> str:
    return ", ".join(words[:4]) + ", ..." * (len(words) > 4)


def _names(values: tuple[Value, ...]) -> str:
    return ", ".join(f"'{value.name[:40]}'" for value in values) or "none"


def _check_interface(model: Model) -> None:
    if [value.name for value in model.inputs] != ["features"]:
        raise _foreign(f"its inputs are {_names(model.inputs)}, not 'features' alone")
    (features,) = model.inputs
    shape = features.shape
    if features.dtype != "float32" or len(shape) != 2 or not isinstance(shape[0], str) or not isinstance(shape[1], int):
        raise _foreign(f"'features' is {features.dtype} {list(shape)}, not float32 [batch, n]")
    if not 0 < shape[1] <= MOST_FEATURES:
        raise _foreign(f"it takes {shape[1]} features, expected 1 to {MOST_FEATURES:,}")
    if tuple(value.name for value in model.outputs) not in (_OUTPUTS[:3], _OUTPUTS):
        raise _foreign(f"its outputs are {_names(model.outputs)}, not {', '.join(_OUTPUTS[:3])}")
    dtypes = tuple(value.dtype for value in model.outputs)
    if dtypes != _OUTPUT_TYPES[: len(dtypes)]:
        raise _foreign(f"its outputs are of the types {', '.join(dtypes)}")


def _check_threshold(model: Model) -> None:
    holders = [initializer.value for initializer in model.initializers if initializer.name == THRESHOLD]
    if len(holders) != 1 or holders[0] is None:
        raise _foreign(f"it has no float32 scalar initializer named '{THRESHOLD}'")
    if not -1 < holders[0] <= 1:
        raise _foreign(f"its threshold is {holders[0]:.9g}, expected more than -1 and at most 1")
    readers = [node.op_type for node in model.nodes for name in node.inputs if name == THRESHOLD]
    if readers != ["GreaterOrEqual"]:
        raise _foreign(f"'{THRESHOLD}' feeds {_listed(readers) or 'nothing'}, not one GreaterOrEqual")
    makers = {node.output: node for node in model.nodes}
    negation = makers.get("is_anomaly")
    decision = makers.get(negation.inputs[0]) if negation and negation.op_type == "Not" and negation.inputs else None
    if decision is None or decision.op_type != "GreaterOrEqual" or decision.inputs != ("similarity", THRESHOLD):
        raise _foreign("its 'is_anomaly' is not Not(GreaterOrEqual(similarity, threshold))")


# Shapes: every row is judged by itself, and no value takes more memory than its matrices do.

_BATCH = None
Shape = tuple[Union[int, None], ...]
_WIDEST = 64
"""Numbers of all values together that a row may need, for each column of the matrices and of the row."""


class _Call(NamedTuple):
    """What a node is given: its inputs' shapes, its attributes, those of its inputs that are constant int64 lists."""

    shapes: list[Shape]
    attributes: Mapping[str, Any]
    lists: list[tuple[int, ...]]


def _check_shapes(model: Model) -> None:
    constants = {initializer.name: initializer for initializer in model.initializers}
    if len(constants) != len(model.initializers) or "features" in constants:
        raise _foreign("two of its tensors have the same name")
    shapes: dict[str, Shape] = {name: constant.shape for name, constant in constants.items()}
    shapes["features"] = (_BATCH, model.n_features)
    columns = model.n_features + sum(c.shape[1] for c in constants.values() if len(c.shape) == 2)
    width = 0
    for node in model.nodes:
        if any(not name or name not in shapes for name in node.inputs) or not node.output or node.output in shapes:
            raise _foreign(f"a node {node.op_type} uses a value that is not there, or makes one that is there already")
        shapes[node.output] = _shape(node, shapes, constants)
        width += _product(tuple(dim for dim in shapes[node.output] if dim is not _BATCH))
        if width > _WIDEST * columns:
            raise _foreign(f"a row grows to more than {_WIDEST} times the {columns} numbers that its layers are wide")
    expected: list[Shape] = [(_BATCH,), (_BATCH,), (_BATCH,), (_BATCH, model.n_features)]
    if [shapes.get(value.name) for value in model.outputs] != expected[: len(model.outputs)]:
        raise _foreign("its outputs are not one for each row")


def _shape(node: Node, shapes: Mapping[str, Shape], constants: Mapping[str, Initializer]) -> Shape:
    given = [shapes[name] for name in node.inputs]
    found = [constants[name] for name in node.inputs if name in constants]
    lists = [constant.integers for constant in found if constant.dtype == "int64"]
    try:
        shape = _OPERATORS[node.op_type][0](_Call(given, node.attributes, lists))
    except (ValueError, LookupError, TypeError, ZeroDivisionError):
        shape = None
    if shape is None or len(shape) > 3 or shape.count(_BATCH) > 1:
        raise _foreign(f"a node {node.op_type} cannot take what it is given: {_listed([*map(_shown, given)])}")
    return shape


def _shown(shape: Shape) -> str:
    return f"[{', '.join('batch' if dim is _BATCH else str(dim) for dim in shape)}]"


def _same(call: _Call) -> Shape | None:
    return call.shapes[0]


def _clip(call: _Call) -> Shape | None:
    return call.shapes[0] if set(call.shapes[1:]) <= {()} else None


def _softmax(call: _Call) -> Shape | None:
    return None if call.shapes[0][call.attributes.get("axis", -1)] is _BATCH else call.shapes[0]


def _broadcast(call: _Call) -> Shape | None:
    rank = max(map(len, call.shapes))
    columns = zip(*((1,) * (rank - len(shape)) + shape for shape in call.shapes))
    larger = [{dim for dim in column if dim != 1} or {1} for column in columns]
    return tuple(dims.pop() for dims in larger) if all(len(dims) == 1 for dims in larger) else None


def _matrix_product(call: _Call) -> Shape | None:
    (rows, inner), factor = call.shapes[0], call.shapes[1][:: -1 if call.attributes.get("transB", 0) else 1]
    if call.attributes.get("transA", 0) or len(factor) != 2 or factor[0] != inner or _BATCH in (*factor, inner):
        return None
    product = (rows, factor[1])
    return product if _broadcast(_Call([product, *call.shapes[2:]], {}, [])) == product else None


def _concat(call: _Call) -> Shape | None:
    axis = _counted(call.attributes["axis"], len(call.shapes[0]))
    if len({(*shape[:axis], *shape[axis + 1 :], len(shape)) for shape in call.shapes}) != 1:
        return None
    return _with(call.shapes[0], axis, sum(shape[axis] for shape in call.shapes))  # type: ignore[misc]


def _reduce(call: _Call) -> Shape | None:
    (axis,) = call.attributes["axes"] if "axes" in call.attributes else call.lists[0]
    axis = _counted(axis, len(call.shapes[0]))
    if call.shapes[0][axis] is _BATCH:
        return None
    return _with(call.shapes[0], axis, *([1] if call.attributes.get("keepdims", 1) else []))


def _slice(call: _Call) -> Shape | None:
    (start,), (end,), (axis,), (step,) = [*call.lists, (1,)][:4]
    axis = _counted(axis, len(call.shapes[0]))
    return _with(call.shapes[0], axis, len(range(call.shapes[0][axis])[start:end:step]))  # type: ignore[arg-type]


def _unsqueeze(call: _Call) -> Shape | None:
    ((axis,),) = call.lists
    axis = _counted(axis, len(call.shapes[0]) + 1)
    return (*call.shapes[0][:axis], 1, *call.shapes[0][axis:])


def _counted(axis: int, rank: int) -> int:
    """An axis counted from the front; a negative one counts from the back."""
    return range(rank)[axis]


def _with(shape: Shape, axis: int, *dims: int) -> Shape:
    """A shape with one of its dimensions replaced."""
    return (*shape[:axis], *dims, *shape[axis + 1 :])


_OPERATORS: Mapping[str, tuple[Callable[[_Call], Shape | None], tuple[str, ...]]] = {
    **dict.fromkeys(("Abs", "Not", "Sqrt"), (_same, ())),
    "Clip": (_clip, ()),
    "LeakyRelu": (_same, ("alpha",)),
    "Cast": (_same, ("to", "saturate")),
    "Softmax": (_softmax, ("axis",)),
    **dict.fromkeys(("Add", "Sub", "Mul", "Div", "Pow", "Where"), (_broadcast, ())),
    **dict.fromkeys(("Greater", "GreaterOrEqual", "LessOrEqual"), (_broadcast, ())),
    "MatMul": (_matrix_product, ()),
    "Gemm": (_matrix_product, ("alpha", "beta", "transA", "transB")),
    "Concat": (_concat, ("axis",)),
    **dict.fromkeys(("ReduceL2", "ReduceSum"), (_reduce, ("axes", "keepdims", "noop_with_empty_axes"))),
    "Slice": (_slice, ()),
    "Unsqueeze": (_unsqueeze, ()),
}
"""The operators that a model may use: the rule of its output's shape, and the attributes."""


# The card, which must vouch for the rest of the file.


def card(model: Model) -> dict[str, Any]:
    """The card of a model file, held against the file.

    Raises:
        Refused: there is none, it is not one of this contract, it lacks what every app relies on, or card and model are
            not as they were exported.
    """
    if CARD not in model.metadata:
        raise Refused("It carries no aetk card.", "Export it with: aetk export --onnx")
    text = model.metadata[CARD]
    try:
        found = json.loads(text, object_pairs_hook=_object, parse_constant=_no_number)
        if found["contract"] not in CONTRACTS:
            expected = " or ".join(map(str, CONTRACTS))
            raise Refused(f"its card is of contract version {found['contract']}, expected {expected}.", _AGAIN)
        complete = _is_complete(found)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        complete = False
    if not complete:
        raise Refused("its card is damaged or incomplete; expected the JSON that `aetk export` wrote.", _AGAIN)
    if found[_DIGEST] != card_digest(text, found[_DIGEST]):
        raise Refused("the card's SHA-256 is not the one that it carries; it was changed.", _DO_NOT_USE, 1)
    if found["model_sha256"] != model.sha256:
        raise Refused("the model's SHA-256 is not the one in its card; it was changed.", _DO_NOT_USE, 1)
    listed, threshold = len(found["features"]), found["threshold"]["value"]
    if listed != model.n_features:
        raise Refused(f"the graph takes {model.n_features} features, its card lists {listed}.", _DO_NOT_USE, 1)
    if threshold != model.threshold:
        raise Refused(f"the graph's threshold is {model.threshold:.9g}, its card says {threshold:.9g}.", _DO_NOT_USE, 1)
    return dict(found)


def card_digest(text: str, digest: str) -> str:
    """SHA-256 of a card's text with zeros in place of the digest that it carries, as hexadecimal digits."""
    return hashlib.sha256(text.replace(digest, "0" * 64, 1).encode()).hexdigest()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name that occurs twice")
    return found


def _no_number(text: str) -> None:
    raise ValueError(text)


_SECOND = {"levels", "truths", "notation", "markers", "time"}
"""What a feature has in a card of contract 2 alone."""


def _is_complete(found: Mapping[str, Any]) -> bool:
    """Whether what every app relies on is there and of the right kind; other errors say that it is not."""
    names, golden = [feature["name"] for feature in found["features"]], found["golden"]
    inputs, similarity = (len(base64.b64decode(golden[part], validate=True)) for part in ("inputs", "similarity"))
    rows = len(golden["is_valid"])
    is_second = "table" in found or any(_SECOND & set(feature) for feature in found["features"])
    return (
        found["contract"] == 1 + is_second
        and {type(text) for text in (*names, found["requires"], found["model_sha256"], found[_DIGEST])} == {str}
        and len(found[_DIGEST]) == 64
        and 0 < len(set(names)) == len(names)
        and math.isfinite(found["threshold"]["value"])
        and 0 < found["similarity"]["tolerance"] <= LARGEST_TOLERANCE  # a large one would let every self-test pass
        and rows == golden["rows"] == len(golden["is_anomaly"]) > 0
        and (inputs, similarity) == (4 * rows * len(names), 4 * rows)
        and set(golden["is_anomaly"]) <= {0, 1, None}
        and set(golden["is_valid"]) <= {0, 1}
    )
