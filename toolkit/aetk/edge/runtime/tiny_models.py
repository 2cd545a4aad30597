"""Small ONNX files (IR 8, opset 17) that test a provider and measure its speed; the onnx package is not needed."""

from aetk.contract.protobuf import encode_bytes, encode_int

_VERSIONS = encode_bytes(8, encode_bytes(1, b"") + encode_int(2, 17))


def sum_model() -> bytes:
    """The model `y = x + x` on float32 [batch, 2]."""
    dims = encode_bytes(1, encode_bytes(2, b"batch")) + encode_bytes(1, encode_int(1, 2))
    node = encode_bytes(1, b"features") + encode_bytes(1, b"features") + encode_bytes(2, b"y") + encode_bytes(4, b"Add")
    inputs = encode_bytes(11, _value(b"features", dims))
    return _model(b"doctor", node, inputs, encode_bytes(12, _value(b"y", dims)))


def matmul_model(size: int) -> bytes:
    """The model `y = a @ b` on float32 [size, size]."""
    dims = 2 * encode_bytes(1, encode_int(1, size))
    node = encode_bytes(1, b"a") + encode_bytes(1, b"b") + encode_bytes(2, b"y") + encode_bytes(4, b"MatMul")
    inputs = encode_bytes(11, _value(b"a", dims)) + encode_bytes(11, _value(b"b", dims))
    return _model(b"product", node, inputs, encode_bytes(12, _value(b"y", dims)))


def _value(name: bytes, dims: bytes) -> bytes:
    return encode_bytes(1, name) + encode_bytes(2, encode_bytes(1, encode_int(1, 1) + encode_bytes(2, dims)))


def _model(name: bytes, node: bytes, inputs: bytes, outputs: bytes) -> bytes:
    graph = encode_bytes(1, node) + encode_bytes(2, name) + inputs + outputs
    return encode_int(1, 8) + encode_bytes(7, graph) + _VERSIONS
