"""Unpacks compressed tables as they are read: gzip, bzip2 and xz, as files and streams; zip archives of one file."""

import bz2
import contextlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import IO, Any, Protocol

from aetk.base.errors import BadInput

ENDINGS = (".gz", ".bz2", ".xz", ".zip")
"""The endings of compressed files."""
_GZIP, _BZIP2, _XZ, _ZIP = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"PK\x03\x04"
MAGIC = (_GZIP, _BZIP2, _XZ, _ZIP)
"""The first bytes of compressed files."""
LONGEST_MAGIC = max(map(len, MAGIC))
_PIECE = 2**20
"""The most bytes that are unpacked at a time: a few packed bytes can become very many."""
_XZ_MEMORY = 2**28
_SPREADSHEET = "[Content_Types].xml"
_AGAIN = "Write or copy it anew, or unpack it first."


class Receiver(Protocol):
    """Bytes that arrive piece by piece.

    Attributes:
        is_ready: whether `receive` would return at once.
    """

    @property
    def is_ready(self) -> bool:
        """Whether `receive` would return at once."""

    def receive(self) -> bytes:
        """The next bytes; empty at the end."""

    def close(self) -> None:
        """Close what they come from."""


def plain_name(path: PurePath) -> PurePath:
    """A path without the ending of a compressed file."""
    return path.with_suffix("") if path.suffix.lower() in ENDINGS else path


class Unpacked:
    """The bytes of a receiver, unpacked if they begin as those of a compressed file do.

    Args:
        name: the table's name in messages.
        packed: the bytes as they are stored.

    Raises:
        BadInput: the compressed data are damaged or end too early, or a zip archive comes through a pipe.
    """

    def __init__(self, name: Path, packed: Receiver) -> None:
        self._name, self._packed = name, packed
        self._pieces: Iterator[bytes] | None = None
        self._is_plain = False

    @property
    def is_ready(self) -> bool:
        """Whether `receive` would return at once."""
        return self._packed.is_ready

    def receive(self) -> bytes:
        """The next bytes; empty at the end."""
        if self._is_plain:
            return self._packed.receive()
        if self._pieces is None:
            self._pieces = self._begin()
        with reading(self._name):
            return next(self._pieces, b"")

    def close(self) -> None:
        """Close the receiver."""
        self._packed.close()

    def _begin(self) -> Iterator[bytes]:
        start = self._packed.receive()
        while len(start) < LONGEST_MAGIC and any(magic.startswith(start) for magic in MAGIC):
            more = self._packed.receive()
            if not more:
                break
            start += more
        if start.startswith(_ZIP):
            raise BadInput(f"{self._name} is a zip archive; one can be read only as a file.", "Unpack it on the way.")
        if not start.startswith(MAGIC):
            self._is_plain = True
            return iter([start])
        return unpacked(start, self._packed)


def unpacked(start: bytes, packed: Receiver) -> Iterator[bytes]:
    """Yield unpacked pieces of gzip, bzip2 or xz data, of one member after the other."""
    waiting = start
    while waiting:
        unpacker = _unpacker(waiting)
        while True:
            piece, waiting = unpacker.unpack(waiting)
            if piece:
                yield piece
            if unpacker.has_ended:
                break
            if not waiting and not piece:
                waiting = packed.receive()
                if not waiting:
                    raise EOFError("it ends in the middle of its compressed data")
        waiting = waiting.lstrip(b"\0")  # some programs fill the last block with zeros
        while not waiting and (more := packed.receive()):
            waiting = more.lstrip(b"\0")


class _Unpacker:
    """One member of a compressed file."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.has_ended = False

    def unpack(self, data: bytes) -> tuple[bytes, bytes]:
        """A piece, and the data that are left over; neither, if more data are needed."""
        if isinstance(self._kind, (bz2.BZ2Decompressor, lzma.LZMADecompressor)):
            piece = self._kind.decompress(data, _PIECE)
            left = b""
        else:
            piece = self._kind.decompress(data, _PIECE)
            left = self._kind.unconsumed_tail
        self.has_ended = self._kind.eof
        return piece, self._kind.unused_data if self.has_ended else left


def _unpacker(start: bytes) -> _Unpacker:
    if start.startswith(_BZIP2[: len(start)]):
        return _Unpacker(bz2.BZ2Decompressor())
    if start.startswith(_XZ[: len(start)]):
        return _Unpacker(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY))
    return _Unpacker(zlib.decompressobj(wbits=31))


class ZipMember:
    """The one file of a zip archive, piece by piece.

    Raises:
        BadInput: the archive is damaged or encrypted, or holds another number of files than one, or a spreadsheet.
    """

    is_ready = True

    def __init__(self, name: Path, archive: IO[bytes]) -> None:
        self._name, self._archive = name, archive
        with reading(name):
            found = zipfile.ZipFile(archive)
            names = [each.filename for each in found.infolist() if not each.is_dir()]
            names = [each for each in names if not each.startswith("__MACOSX/")]
            if _SPREADSHEET in names:
                shown = f"{name} is an archive or a spreadsheet; expected a CSV file."
                raise BadInput(shown, "Unpack it, or save the sheet as CSV.")
            if len(names) != 1:
                raise BadInput(f"{name} is an archive of {len(names):,} files; expected one.", "Unpack it first.")
            self._member = found.open(names[0])

    def receive(self) -> bytes:
        """The next bytes; empty at the end."""
        with reading(self._name):
            return self._member.read(_PIECE)

    def close(self) -> None:
        """Close the archive."""
        self._member.close()
        self._archive.close()


@contextlib.contextmanager
def reading(name: Path) -> Iterator[None]:
    """Turn the errors of damaged compressed data in the block into BadInput."""
    try:
        yield
    except (zlib.error, lzma.LZMAError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise _damaged(name, error) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(name, error) from None  # bzip2's


def _damaged(name: Path, error: Exception) -> BadInput:
    reason = str(error).split("\n")[0][:100].rstrip(".") or type(error).__name__
    return BadInput(f"{name}: damaged compressed file: {reason}.", _AGAIN)
