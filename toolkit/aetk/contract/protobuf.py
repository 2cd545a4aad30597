"""Writes the protobuf wire format: the few primitives needed to make or rewrite an ONNX file. `gate` reads it.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from aetk.contract.gate import BYTES, VARINT


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_int(field_number: int, value: int) -> bytes:
    """An integer field."""
    return _varint(field_number << 3 | VARINT) + _varint(value)


def encode_bytes(field_number: int, value: bytes) -> bytes:
    """A bytes, string or message field."""
    return _varint(field_number << 3 | BYTES) + _varint(len(value)) + value
