"""Finds what holds a table: text, a spreadsheet, an array, Parquet; and what it is compressed by."""

import bz2
import gzip
import io
import lzma
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aetk.base.errors import BadInput
from aetk.base.files import check_source
from aetk.edge.tables.chunk import PARQUET

_COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_MAGIC = {
    b"PAR1": "parquet",
    b"ARROW1": "feather",
    b"FEA1": "feather",
    b"\x93NUMPY": "npy",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "excel",
    b"MATLAB 5.0": "mat",
    b"MATLAB 7": "hdf5",
    b"\x89HDF": "hdf5",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"\x08": "onnx",
}
_REFUSED = {
    "hdf5": ("an HDF5 file", "Save the table as CSV or Parquet; in MATLAB: save(name, '-v7')."),
    "zstandard": ("compressed by Zstandard", "Unpack it first: zstd -d."),
    "onnx": (
        "an ONNX model",
        "Name a table in its place; where a command takes a model and a table, the model comes first.",
    ),
}
_SHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_START = 1 << 16


@dataclass(frozen=True)
class Container:
    """What holds a table: `kind` as in `Look.container`, and `compression`, empty for none."""

    kind: str
    compression: str = ""


def find_container(path: Path) -> Container:
    """Find what a file is by its first bytes, and by its ending where those do not say.

    Raises:
        BadInput: there is no such file, it is empty of tables, or of a kind that cannot be read.
    """
    if path.is_dir():
        return Container("parquet")
    check_source(path)
    if path.suffix.lower() in PARQUET:
        return Container("parquet")  # its reader says what is wrong with it
    with path.open("rb") as file:
        start = file.read(_START)
    compression = next((word for magic, word in _COMPRESSED.items() if start.startswith(magic)), "")
    if start.startswith(b"PK\x03\x04"):
        kind = _zip_kind(path)
        if kind:
            return Container(kind)
        compression = "zip"
    if compression:
        with open_bytes(path, compression) as file:
            start = read_up_to(file, _START, path)
    ending = Path(path.stem).suffix if compression and compression != "zip" else path.suffix
    kind = next((word for magic, word in _MAGIC.items() if start.startswith(magic)), "") or _text_kind(start, ending)
    if kind in _REFUSED:
        found, hint = _REFUSED[kind]
        raise BadInput(f"{path} is {found}; expected a table.", hint)
    return Container(kind, compression)


def open_bytes(path: Path, compression: str) -> BinaryIO:
    """Open a file to read what it holds when it is unpacked."""
    try:
        if compression == "zip":
            return io.BufferedReader(_Member(path))
        if compression == "gzip":
            return gzip.open(path)  # type: ignore[return-value]
        if compression == "bzip2":
            return bz2.open(path)  # type: ignore[return-value]
        if compression == "xz":
            return lzma.open(path)  # type: ignore[return-value]
    except (OSError, zipfile.BadZipFile, EOFError, lzma.LZMAError) as error:
        raise damaged(path, compression, error) from None
    return path.open("rb")


def damaged(path: Path, compression: str, error: Exception) -> BadInput:
    """The error for a compressed file that cannot be unpacked."""
    return BadInput(f"{path} cannot be unpacked ({compression}): {error}.", "Copy or make it anew.")


def read_up_to(file: BinaryIO, size: int, path: Path) -> bytes:
    """The next bytes of an unpacked file: `size` of them, or all that are left."""
    try:
        return file.read(size)
    except (EOFError, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile, ValueError) as error:
        raise damaged(path, "compressed", error) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise damaged(path, "compressed", error) from None


class _Member(io.RawIOBase):
    """The only file in a zip archive."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path)
        try:
            self._file = self._archive.open(_members(self._archive)[0])
        except (RuntimeError, NotImplementedError) as error:  # a password, or a method that zipfile does not know
            raise BadInput(f"{path} cannot be unpacked (zip): {error}.", "Unpack it first.") from None

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """See `io.RawIOBase`."""
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self) -> None:
        """See `io.RawIOBase`."""
        if not self.closed:
            self._file.close()
            self._archive.close()
        super().close()


def _members(archive: zipfile.ZipFile) -> list[str]:
    return [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]


def _zip_kind(path: Path) -> str:
    """What a zip archive is: a spreadsheet, arrays of NumPy, or empty for an archive of one file."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = _members(archive)
    except (zipfile.BadZipFile, OSError) as error:
        raise damaged(path, "zip", error) from None
    if path.suffix.lower() in _SHEETS or any(name.startswith("xl/") for name in names):
        return "excel"
    if names and all(name.endswith(".npy") for name in names):
        return "npz"
    if len(names) != 1:
        raise BadInput(
            f"{path} is an archive of {len(names):,} files; expected one.",
            "Unpack it, and name the file with the table.",
        )
    return ""


def _text_kind(start: bytes, ending: str) -> str:
    """What text is: `arff`, `json`, `json lines`, or `text` for lines of cells."""
    ending = ending.lower()
    if ending == ".arff":
        return "arff"
    if ending in (".jsonl", ".ndjson"):
        return "json lines"
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if first.startswith(b"{"):
        line = first.split(b"\n", 1)[0].rstrip()
        if line.endswith(b"}") and line.startswith((b'{"', b"{ ")):
            return "json lines" if b"\n" in first.rstrip() or ending != ".json" else "json"
        return "json" if ending == ".json" else "text"
    return "json" if first.startswith(b"[") and ending == ".json" else "text"
