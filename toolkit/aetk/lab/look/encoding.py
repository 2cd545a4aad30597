"""Finds how the bytes of a text file become text, by its byte-order mark, else as UTF-8, else by what it looks like."""

import codecs
import re

from aetk.base.errors import BadInput, MissingExtra

_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a]")
_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_CP1252_HOLES = frozenset(b"\x81\x8d\x8f\x90\x9d")
_SUSPECTS = ["cp1252", "latin_1", "cp1250", "cp1251", "iso8859_5", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"]
_EXAMINED = 1 << 16


def find_encoding(data: bytes, title: str) -> tuple[str, str]:
    """The encoding, one of `contract.reading.ENCODINGS`, and how it was found, for the user.

    Args:
        data: the start of a file, whole lines where they are known.
        title: the file's name for messages.

    Raises:
        BadInput: the bytes are not text, or of an encoding that readers do not have.
        MissingExtra: charset-normalizer is needed and not installed.
    """
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8", "UTF-8, by its byte-order mark"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "UTF-16, by its byte-order mark"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return _by_looks(data, title)
    if b"\0" in data and _looks_like_utf16(data):
        return "utf-16", "UTF-16 without a byte-order mark, by its zero bytes"
    return "utf-8", "UTF-8"


def _looks_like_utf16(data: bytes) -> bool:
    """Whether every second byte is zero, as in little-endian UTF-16 of ASCII text."""
    start = data[: 1 << 12]
    return start[1::2].count(0) > 0.8 * len(start[1::2]) and start[::2].count(0) == 0


def _by_looks(data: bytes, title: str) -> tuple[str, str]:
    line = data[: _first_error(data)].count(b"\n") + 1
    if _CONTROLS.search(data) or _SEQUENCE.search(data[:_EXAMINED]):  # binary, or damaged UTF-8
        raise BadInput(f"{title}, line {line}: not UTF-8 text.", "Save the table as UTF-8.")
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        raise MissingExtra("A text that is not UTF-8", "lab") from None
    lines = [part for part in data.split(b"\n") if not part.isascii()]
    found = from_bytes(b"\n".join(lines)[:_EXAMINED], cp_isolation=_SUSPECTS, threshold=0.5)
    best = found.best()
    western = [match for match in found if {"cp1252", "latin_1"} & {*match.could_be_from_charset}]
    if best is not None and not (western and western[0].chaos <= best.chaos + 0.1):
        raise BadInput(
            f"{title}, line {line}: not UTF-8 text; it looks like {best.encoding}.",
            f"Write it as UTF-8, for instance with: iconv -f {best.encoding.replace('_', '-')} -t utf-8 FILE > NEW",
        )
    if _CP1252_HOLES.isdisjoint(data):
        return "cp1252", "Windows-1252, by what it looks like"
    return "latin-1", "Latin-1, by what it looks like"


def _first_error(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(data)
