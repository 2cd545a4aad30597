"""Turns text in another encoding into UTF-8, as it is read."""

import codecs
from pathlib import Path

from aetk.base.errors import BadInput
from aetk.edge.tables.unpack import Receiver

_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Transcoded:
    """The bytes of a receiver as UTF-8; a fault comes after all whole lines before it.

    Args:
        name: the table's name in messages.
        text: the bytes of the text.
        encoding: one of `reading.ENCODINGS`.

    Raises:
        BadInput: a byte is not allowed, or the text is of another encoding.
    """

    def __init__(self, name: Path, text: Receiver, encoding: str) -> None:
        self._name, self._text, self._encoding = name, text, encoding
        self._decoder: codecs.IncrementalDecoder | None = None
        self._newlines = 0
        self._fault: BadInput | None = None

    @property
    def is_ready(self) -> bool:
        """Whether `receive` would return at once."""
        return self._fault is None and self._text.is_ready

    def receive(self) -> bytes:
        """The next bytes; empty at the end."""
        while self._fault is None:
            received = self._text.receive()
            text = self._decoded(received)
            if text or not received:
                return text.encode()
        raise self._fault

    def _decoded(self, received: bytes) -> str:
        is_end = not received
        if self._decoder is None:
            received = received + (self._text.receive() if len(received) == 1 else b"")
            self._decoder, received = _decoder(self._name, self._encoding, received)
        try:
            text = self._decoder.decode(received, final=is_end)
        except UnicodeDecodeError as error:
            text = error.object[: error.start].decode(error.encoding, "replace")
            line = self._newlines + text.count("\n") + 1
            self._fault = BadInput(
                f"{self._name}, line {line}: not {self._encoding} text.",
                "Save the table in the encoding that the model's card says, or score it with "
                "--table-format encoding=ENCODING.",
            )
            return text[: text.rfind("\n") + 1]
        self._newlines += text.count("\n")
        return text

    def close(self) -> None:
        """Close the receiver."""
        self._text.close()


def _decoder(name: Path, encoding: str, start: bytes) -> tuple[codecs.IncrementalDecoder, bytes]:
    """The decoder of a text, and its first bytes without a byte-order mark."""
    for mark, found in _MARKS:
        if start.startswith(mark):
            if encoding == "utf-16":
                return codecs.getincrementaldecoder(found)(), start[len(mark) :]
            raise differs(name, "utf-16", encoding)
    if start.startswith(codecs.BOM_UTF8):
        raise differs(name, "utf-8", encoding)
    if encoding != "utf-16":
        return codecs.getincrementaldecoder(encoding)(), start
    if b"\n" in start and b"\0" not in start:  # a line end has one in UTF-16
        raise differs(name, "utf-8", encoding)
    return codecs.getincrementaldecoder("utf-16-le")(), start


def differs(name: Path, found: str, expected: str) -> BadInput:
    """The error for a text in another encoding than the card says."""
    return BadInput(
        f"{name}: found {found} where the card says {expected}.",
        f"Score it with --table-format encoding={found}, or save it as {expected}.",
    )
