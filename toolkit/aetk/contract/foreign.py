"""Says what a refused file is: another kind of file, another tool's model, or a model that a tool has rewritten.

The gate has refused the file before. This module only finds a more helpful message, and trusts none of the bytes.
Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from aetk.contract.dialect import escape_for_message
from aetk.contract.gate import CARD, Field, Refused, fields

_HEAD = 2**16
_MOST_PARTS = 2**13
"""The greatest number of a graph's fields (nodes, tensors and others) that are read."""
_WANTED = "expected an .onnx file"
_MODEL_FIRST = "Name the model first and the table after it, as in: aetk score MODEL.onnx TABLE.csv"
_ORIGINAL = (
    "Take the file as it was exported, or export the run again with: aetk export --onnx (--opset N for another opset)"
)
_EXPORT = "Export one with: aetk export --onnx"
_UNPACK = "Unpack it first."
_FETCH = "Fetch the file itself with: git lfs pull"
_DOWNLOAD = "Download the file itself, not the page that shows it."
_STARTS = {
    b"PAR1": ("a table (Parquet)", _MODEL_FIRST),
    b"PK\x03\x04": ("an archive", _UNPACK),
    b"\x1f\x8b": ("a compressed file", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("a compressed file", _UNPACK),
    b"BZh": ("a compressed file", _UNPACK),
    b"\xfd7zXZ": ("a compressed file", _UNPACK),
    b"\x89PNG": ("a picture", ""),
    b"\xff\xd8\xff": ("a picture", ""),
    b"\x80\x02": ("a Python pickle", _EXPORT),
    b"\x80\x03": ("a Python pickle", _EXPORT),
    b"\x80\x04": ("a Python pickle", _EXPORT),
    b"\x80\x05": ("a Python pickle", _EXPORT),
    b"version https://git-lfs": ("a pointer of Git LFS", _FETCH),
    b"<!DOCTYPE": ("a web page", _DOWNLOAD),
    b"<!doctype": ("a web page", _DOWNLOAD),
    b"<html": ("a web page", _DOWNLOAD),
}
_ORT_FORMAT = slice(4, 8), b"ORTM"

_PRODUCER, _VERSION, _GRAPH, _OPSET, _METADATA = 2, 3, 7, 8, 14
_DOMAIN = _KEY = 1
_NODE, _INITIALIZER, _VALUE_INFO = 1, 5, 13
_OP_TYPE, _DATA_TYPE, _DATA_LOCATION = 4, 2, 14
_TYPES = {2: "uint8", 3: "int8", 10: "float16", 11: "float64", 16: "bfloat16"}
_QUANTISED = ("QuantizeLinear", "Integer", "QLinear", "QGemm", "QAttention")
_RUNTIMES = ("com.microsoft", "com.ms", "org.pytorch", "ai.onnx.")
"""The prefixes of the operator domains that ONNX Runtime writes into a model when it optimises it."""


def other_kind(data: bytes) -> tuple[str, str] | None:
    """A few words on a file that is not an ONNX file, and what to do; None if its kind is not known.

    The apps use the same words for cards and tables.
    """
    if not data:
        return "an empty file", "Copy it again from where it was exported."
    for start, found in _STARTS.items():
        if data.startswith(start):
            return found
    where, mark = _ORT_FORMAT
    if data[where] == mark:
        return "a file in ONNX Runtime's own format (.ort)", "Take the .onnx file that it was made of."
    text = data[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        if b'"card_sha256"' in text:
            return "the card of one", "Name the model that it belongs to, NAME.onnx for NAME.card.json."
        return "JSON", "Name the model in its place."
    line = text.split(b"\n", 1)[0].rstrip(b"\r")
    if (b"," in line or b";" in line) and min(line) >= 32:
        return "a table (CSV)", _MODEL_FIRST
    return None


@dataclass(frozen=True)
class _Seen:
    """The facts that could be read from an ONNX file; `parts` counts the fields of its graph by number."""

    producer: str
    has_card: bool
    domains: tuple[str, ...]
    operators: frozenset[str]
    types: frozenset[int]
    keeps_tensors_elsewhere: bool
    parts: Counter[int]

    @property
    def is_ours(self) -> bool:
        """Whether aetk exported the file before another tool changed it."""
        return self.has_card or self.producer.split(" ")[0] == "aetk"


def explain(data: bytes, refused: Refused) -> Refused:
    """Replace the gate's message by a more helpful one, if there is one; the exit code stays the same.

    Args:
        data: the file's content.
        refused: the gate's refusal.
    """
    kind = other_kind(data)
    if kind is not None:
        return Refused(f"Not a model but {kind[0]}; {_WANTED}.", kind[1] or _EXPORT, refused.exit_code)
    seen = _look(data)
    if seen is None:
        return refused
    if not seen.is_ours:
        made = f"It was made by {seen.producer}, not by aetk." if seen.producer else "It does not say what made it."
        return Refused(f"{refused.message} {made}", refused.hint, refused.exit_code)
    found = list(_traces(seen))
    if not found:
        return refused
    return Refused(
        f"Another tool has rewritten this model since aetk exported it: {'; '.join(found)}. Expected the file as it "
        "was exported, for which its card vouches.",
        _ORIGINAL,
        refused.exit_code,
    )


def _traces(seen: _Seen) -> Iterator[str]:
    """Signs of other tools, each in words; aetk never writes any of them."""
    if seen.producer and not seen.producer.startswith("aetk"):
        yield f"its producer is {seen.producer}"
    quantised = sorted(op for op in seen.operators if any(part in op for part in _QUANTISED))
    if quantised:
        yield f"it is quantised ({', '.join(quantised[:4])}{', ...' * (len(quantised) > 4)})"
    types = [_TYPES[kind] for kind in sorted(seen.types & set(_TYPES)) if not quantised or kind > 9]
    if types:
        yield f"its tensors are {' and '.join(types)}"
    if any(domain.startswith(_RUNTIMES) for domain in seen.domains):
        yield "ONNX Runtime has optimised it for one machine"
    if seen.keeps_tensors_elsewhere:
        yield "it keeps tensors in other files"
    if seen.parts[_VALUE_INFO]:
        yield (
            f"it lists the shapes of {seen.parts[_VALUE_INFO]} inner values, which tools add that slim, convert or "
            "infer shapes"
        )


def _look(data: bytes) -> _Seen | None:
    """Read the facts of a file; None if it does not look like an ONNX file."""
    try:
        model = _parts(memoryview(data), 256)
        graphs = [field for field in model if field.number == _GRAPH]
        opsets = [field for field in model if field.number == _OPSET]
        if len(graphs) != 1 or not opsets:
            return None
        graph = _parts(graphs[0].payload, _MOST_PARTS)
        nodes, tensors = (
            [_parts(field.payload, 64) for field in graph if field.number == kind] for kind in (_NODE, _INITIALIZER)
        )
        entries = [_parts(field.payload, 2) for field in model if field.number == _METADATA]
        return _Seen(
            producer=escape_for_message(" ".join(filter(None, (_text(model, _PRODUCER), _text(model, _VERSION))))),
            has_card=any(_text(entry, _KEY) == CARD for entry in entries),
            domains=tuple(_text(_parts(opset.payload, 2), _DOMAIN) for opset in opsets),
            operators=frozenset(_text(node, _OP_TYPE) for node in nodes),
            types=frozenset(_number(tensor, _DATA_TYPE) for tensor in tensors),
            keeps_tensors_elsewhere=any(_number(tensor, _DATA_LOCATION) for tensor in tensors),
            parts=Counter(field.number for field in graph),
        )
    except Refused:
        return None


def _parts(message: memoryview, most: int) -> list[Field]:
    """The first `most` fields of a message, since a file can hold as many fields as bytes."""
    return list(islice(fields(message), most))


def _text(message: Sequence[Field], number: int) -> str:
    found = [field.payload for field in message if field.number == number]
    return bytes(found[0][:80]).decode("utf-8", "replace") if found else ""


def _number(message: Sequence[Field], number: int) -> int:
    values = [field.value for field in message if field.number == number]
    return values[0] if values and isinstance(values[0], int) else 0
