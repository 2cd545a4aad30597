"""The protobuf wire format: the few primitives needed to read and rewrite an ONNX file, every length checked.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from collections.abc import Iterator
from typing import NamedTuple

from aetk.contract.errors import BadInput

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {FIXED64: 8, FIXED32: 4}


class Field(NamedTuple):
    """One field of a message: `value` is an int for a varint, else the payload; `raw` is the whole field."""

    number: int
    wire_type: int
    value: int | memoryview
    raw: memoryview


def _read_varint(data: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            raise BadInput("Not a readable ONNX file: it ends in the middle of a number.")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, position
    raise BadInput("Not a readable ONNX file: a number is longer than 10 bytes.")


def fields(data: memoryview) -> Iterator[Field]:
    """The fields of a message in file order.

    Raises:
        BadInput: a length runs past the end, a group or an unknown wire type.
    """
    position = 0
    while position < len(data):
        start = position
        key, position = _read_varint(data, position)
        number, wire_type = key >> 3, key & 7
        value: int | memoryview
        if wire_type == VARINT:
            value, position = _read_varint(data, position)
        elif wire_type == BYTES or wire_type in _FIXED_SIZES:
            size = _FIXED_SIZES.get(wire_type)
            if size is None:
                size, position = _read_varint(data, position)
            if size > len(data) - position:
                left = len(data) - position
                raise BadInput(f"Not a readable ONNX file: field {number} claims {size} bytes where {left} are left.")
            value = data[position : position + size]
            position += size
        else:
            raise BadInput(f"Not a readable ONNX file: unknown wire type {wire_type} at byte {start}.")
        yield Field(number, wire_type, value, data[start:position])


def text(value: int | memoryview) -> str:
    """A string field's text; BadInput where it is not UTF-8 text."""
    try:
        return payload(value).tobytes().decode("utf-8")
    except UnicodeDecodeError:
        raise BadInput("Not a readable ONNX file: a name is not UTF-8 text.") from None


def payload(value: int | memoryview) -> memoryview:
    """The bytes of a length-delimited field; BadInput for a number."""
    if isinstance(value, int):
        raise BadInput("Not a readable ONNX file: a number stands where bytes were expected.")
    return value


def number(value: int | memoryview) -> int:
    """The value of a varint field as a signed 64-bit integer; BadInput for bytes."""
    if not isinstance(value, int):
        raise BadInput("Not a readable ONNX file: bytes stand where a number was expected.")
    return value - (1 << 64) if value >= 1 << 63 else value


def numbers(value: int | memoryview) -> list[int]:
    """A repeated integer field, packed or not."""
    if isinstance(value, int):
        return [number(value)]
    result, position = [], 0
    while position < len(value):
        item, position = _read_varint(value, position)
        result.append(number(item))
    return result


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
