"""Lets model files in through the gate, and rewrites the few fields of them that change: the card and the threshold.

Everything else in a file is kept byte for byte. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

import contextlib
import hashlib
import struct
from collections.abc import Iterator

from aetk.base.errors import BadInput, CheckFailed
from aetk.contract import gate, spec
from aetk.contract.foreign import explain
from aetk.contract.gate import Field, Model, fields
from aetk.contract.protobuf import encode_bytes

_GRAPH, _METADATA, _INITIALIZER = 7, 14, 5
_TENSOR_NAME, _RAW_DATA = 8, 9


@contextlib.contextmanager
def refusals(where: str = "") -> Iterator[None]:
    """Raise what the gate refuses in the block as `BadInput`, or as `CheckFailed` where a file was changed."""
    try:
        yield
    except gate.Refused as refused:
        kind = CheckFailed if refused.exit_code == CheckFailed.exit_code else BadInput
        raise kind(f"{where}{refused.message}", refused.hint) from None


def read(data: bytes, where: str = "") -> Model:
    """See `gate.read`; BadInput for what does not pass, which begins with `where` and says what kind of file it is."""
    with refusals(where):
        try:
            return gate.read(data)
        except gate.Refused as refused:
            raise explain(data, refused) from None


def with_card(data: bytes, card: str | None) -> bytes:
    """The file with its card replaced (`None`: left out), every other byte kept."""
    kept = b"".join(field.raw for field in fields(memoryview(data)) if not gate.is_card(field))
    if card is None:
        return kept
    entry = encode_bytes(1, spec.CARD_KEY.encode()) + encode_bytes(2, card.encode())
    return kept + encode_bytes(_METADATA, entry)


def digest(data: bytes) -> str:
    """SHA-256 of the file without its card, as lower-case hexadecimal digits."""
    return hashlib.sha256(with_card(data, None)).hexdigest()


def with_threshold(data: bytes, threshold: float) -> bytes:
    """A file that the gate lets in, with the float32 of its initializer `threshold` changed, every other byte kept."""
    changed = bytearray(data)
    for graph in fields(memoryview(changed)):
        for tensor in fields(graph.payload) if graph.number == _GRAPH else ():
            if tensor.number == _INITIALIZER and _part(tensor, _TENSOR_NAME) == spec.THRESHOLD.encode():
                _part(tensor, _RAW_DATA)[:] = struct.pack("<f", threshold)
    return bytes(changed)


def _part(tensor: Field, number: int) -> memoryview:
    """A field's bytes in a tensor that has it once."""
    return next(part.payload for part in fields(tensor.payload) if part.number == number)
