"""Small ONNX files (IR 8, opset 17) that test a provider and measure its speed; the onnx package is not needed."""

from collections.abc import Iterable

from aetk.contract.protobuf import encode_bytes, encode_int

_FLOAT, _BOOL = 1, 9  # element types of a tensor
_VERSIONS = encode_bytes(8, encode_bytes(1, b"") + encode_int(2, 17))


def decision_model() -> bytes:
    """The model `is_anomaly = not (|where(x <= |x|, x, |x|)| >= itself)` on float32 [batch, 2], bool [batch].

    It computes nothing useful, with the kinds of operator that every model file has: comparisons, a choice between two
    values, a norm, and boolean tensors. Some providers have none of those.
    """
    nodes = (
        _node(b"Abs", [b"features"], b"magnitude"),
        _node(b"LessOrEqual", [b"features", b"magnitude"], b"clean"),
        _node(b"Where", [b"clean", b"features", b"magnitude"], b"values"),
        _node(b"ReduceL2", [b"values"], b"norm", _int_list(b"axes", 1) + _int(b"keepdims", 0)),
        _node(b"GreaterOrEqual", [b"norm", b"norm"], b"similar"),
        _node(b"Not", [b"similar"], b"is_anomaly"),
    )
    batch = encode_bytes(1, encode_bytes(2, b"batch"))
    inputs = encode_bytes(11, _value(b"features", batch + encode_bytes(1, encode_int(1, 2))))
    return _model(b"doctor", nodes, inputs, encode_bytes(12, _value(b"is_anomaly", batch, _BOOL)))


def matmul_model(size: int) -> bytes:
    """The model `y = a @ b` on float32 [size, size]."""
    dims = 2 * encode_bytes(1, encode_int(1, size))
    inputs = encode_bytes(11, _value(b"a", dims)) + encode_bytes(11, _value(b"b", dims))
    return _model(b"product", [_node(b"MatMul", [b"a", b"b"], b"y")], inputs, encode_bytes(12, _value(b"y", dims)))


def _node(operator: bytes, inputs: Iterable[bytes], output: bytes, attributes: bytes = b"") -> bytes:
    names = b"".join(encode_bytes(1, name) for name in inputs)
    return encode_bytes(1, names + encode_bytes(2, output) + encode_bytes(4, operator) + attributes)


def _int(name: bytes, value: int) -> bytes:
    return encode_bytes(5, encode_bytes(1, name) + encode_int(3, value) + encode_int(20, 2))


def _int_list(name: bytes, *values: int) -> bytes:
    return encode_bytes(5, encode_bytes(1, name) + b"".join(encode_int(8, v) for v in values) + encode_int(20, 7))


def _value(name: bytes, dims: bytes, element: int = _FLOAT) -> bytes:
    tensor = encode_int(1, element) + encode_bytes(2, dims)
    return encode_bytes(1, name) + encode_bytes(2, encode_bytes(1, tensor))


def _model(name: bytes, nodes: Iterable[bytes], inputs: bytes, outputs: bytes) -> bytes:
    graph = b"".join(nodes) + encode_bytes(2, name) + inputs + outputs
    return encode_int(1, 8) + encode_bytes(7, graph) + _VERSIONS
