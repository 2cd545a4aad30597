"""Reads the parts of a text file that are looked at: all of a small one, else its start, some of it, and its end."""

from dataclasses import dataclass
from pathlib import Path

from aetk.lab.look.container import open_bytes, read_up_to
from aetk.lab.look.encoding import find_encoding

WHOLE_BYTES = 1 << 22
"""A file up to this size is looked at as a whole."""
_HEAD_BYTES, _MIDDLE_BYTES, _MIDDLES, _TAIL_BYTES = 1 << 20, 1 << 17, 8, 1 << 16


@dataclass(frozen=True)
class Pieces:
    """Parts of a text file, as whole lines without their line ends.

    Attributes:
        encoding: one of `contract.reading.ENCODINGS`.
        found_by: how it was found, for the user.
        head: the first lines.
        middle: lines from between, piece by piece.
        tail: the last lines; none if they are in `head`, or not known.
        is_whole: whether `head` holds all lines.
    """

    encoding: str
    found_by: str
    head: list[str]
    middle: list[list[str]]
    tail: list[str]
    is_whole: bool


def read_pieces(path: Path, compression: str) -> Pieces:
    """Read the parts of a text file that are looked at.

    Raises:
        BadInput: see `find_encoding`; or it cannot be unpacked.
    """
    middle, tail = [], b""
    with open_bytes(path, compression) as file:
        head = read_up_to(file, WHOLE_BYTES, path)
        is_whole = len(head) < WHOLE_BYTES
        encoding, found_by = find_encoding(head, str(path))
        if not is_whole:
            head = head[: head.rfind(b"\n", 0, _HEAD_BYTES) + 1] or head[:_HEAD_BYTES]
            if not compression and encoding != "utf-16":
                size = path.stat().st_size
                for i in range(1, _MIDDLES + 1):
                    file.seek(len(head) + (size - len(head) - _MIDDLE_BYTES) * i // (_MIDDLES + 1))
                    middle.append(file.read(_MIDDLE_BYTES))
                file.seek(max(size - _TAIL_BYTES, len(head)))
                tail = file.read()
    return Pieces(
        encoding,
        found_by,
        _lines(head, encoding),
        [_lines(piece, encoding)[1:-1] for piece in middle],
        _lines(tail, encoding)[1:],
        is_whole,
    )


def _lines(data: bytes, encoding: str) -> list[str]:
    if encoding == "utf-8":
        encoding = "utf-8-sig"
    elif encoding == "utf-16" and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16-le"
    lines = data.decode(encoding, "replace").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
