"""Folders of Parquet files, in a file system or an object store."""

import contextlib
import posixpath
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from aetk.base.errors import AetkError, BadInput, Unavailable, first_line
from aetk.base.files import atomic_file
from aetk.contract.dialect import escape_for_message
from aetk.edge.tables import parquet
from aetk.edge.tables.arrow import pyarrow

_COPY_BYTES = 2**25
"""Bytes of an object that are copied at a time: each piece is a request, which waits for the store."""


@dataclass(frozen=True)
class Entry:
    """A file of a folder.

    Attributes:
        name: its path within the folder, with forward slashes.
        bytes: its size.
        modified: when it was changed last, in nanoseconds since 1970.
    """

    name: str
    bytes: int
    modified: int


class Folder(Protocol):
    """A folder of files; it can be pickled, so that a worker uses the same one."""

    def __str__(self) -> str:
        """The folder's name in messages."""

    def tables(self) -> list[Entry]:
        """Its Parquet files in the order of `edge.tables.parquet.files`; empty if there is no such folder."""

    def local(self, name: str) -> contextlib.AbstractContextManager[Path]:
        """The path of a file on this machine, valid while the block runs."""

    def create(self, name: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """Open a new binary file, which appears, or replaces another, when the block ends without an error."""

    def open(self, name: str) -> Any:
        """Open a binary file to read at any position; raise FileNotFoundError if it does not exist."""


def open_folder(location: str) -> Folder:
    """The folder of a path or of a URL, such as `s3://bucket/scores`.

    Raises:
        BadInput: the URL is wrong, or names a store that pyarrow does not know.
    """
    if "://" not in location:
        return LocalFolder(Path(location).absolute())
    with _storing(location.split("?")[0]):
        filesystem, path = pyarrow().fs.FileSystem.from_uri(location)
    if filesystem.type_name == "local":
        return LocalFolder(Path(path))
    if not path:
        raise BadInput(f"{location} does not name a folder.", "Name one such as s3://bucket/folder.")
    parts = urlsplit(location)  # the other parts of a URL may hold credentials
    return StoreFolder(f"{parts.scheme}://{parts.hostname or ''}{parts.path}", filesystem, path)


@dataclass(frozen=True)
class LocalFolder:
    """A folder of this machine, or of a network file system that every machine has at the same path."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def tables(self) -> list[Entry]:
        """See `Folder`."""
        entries = []
        for path in parquet.parts(self.path):
            status = path.stat()
            entries.append(Entry(path.relative_to(self.path).as_posix(), status.st_size, status.st_mtime_ns))
        return entries

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """See `Folder`."""
        yield self.path / name

    def create(self, name: str) -> contextlib.AbstractContextManager[IO[bytes]]:
        """See `Folder`."""
        return atomic_file(self.path / name)

    def open(self, name: str) -> Any:
        """See `Folder`."""
        return (self.path / name).open("rb")


@dataclass(frozen=True)
class StoreFolder:
    """A prefix of an object store, through one of pyarrow's file systems."""

    url: str
    filesystem: Any
    path: str

    def __str__(self) -> str:
        return self.url

    def tables(self) -> list[Entry]:
        """See `Folder`."""
        fs = pyarrow().fs
        with _storing(self.url):
            found = self.filesystem.get_file_info(fs.FileSelector(self.path, recursive=True, allow_not_found=True))
        entries = [
            Entry(posixpath.relpath(info.path, self.path), info.size, info.mtime_ns or 0)
            for info in found
            if info.type == fs.FileType.File
        ]
        parts = [entry for entry in entries if parquet.is_part(PurePosixPath(entry.name))]
        return sorted(parts, key=lambda entry: PurePosixPath(entry.name))

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """See `Folder`; an object is copied to this machine's disk."""
        with tempfile.TemporaryDirectory(prefix="aetk-") as folder:
            path = Path(folder, posixpath.basename(name))
            with (
                _storing(f"{self.url}/{name}"),
                self.filesystem.open_input_stream(self._at(name)) as source,
                path.open("wb") as copy,
            ):
                shutil.copyfileobj(source, copy, _COPY_BYTES)
            yield path

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[IO[bytes]]:
        """See `Folder`; the object is written on this machine, and uploaded when it is complete."""
        with tempfile.TemporaryFile(prefix="aetk-") as file:
            yield file
            file.seek(0)
            hidden = self._at(posixpath.join(posixpath.dirname(name), f".{uuid.uuid4().hex}.tmp"))
            with _storing(f"{self.url}/{name}", hidden):
                with self._new(hidden) as copy:
                    shutil.copyfileobj(file, copy, _COPY_BYTES)
                self.filesystem.move(hidden, self._at(name))

    def open(self, name: str) -> Any:
        """See `Folder`."""
        with _storing(f"{self.url}/{name}"):
            return self.filesystem.open_input_file(self._at(name))

    def _new(self, path: str) -> Any:
        try:
            return self.filesystem.open_output_stream(path)
        except FileNotFoundError:  # raised by a store that has real folders
            self.filesystem.create_dir(posixpath.dirname(path), recursive=True)
            return self.filesystem.open_output_stream(path)

    def _at(self, name: str) -> str:
        return posixpath.join(self.path, name)


@contextlib.contextmanager
def _storing(url: str, temporary: str = "") -> Iterator[None]:
    """Turn the errors that pyarrow raises for a store into errors for the user, without temporary names."""
    try:
        yield
    except (FileNotFoundError, AetkError):
        raise
    except pyarrow().ArrowInvalid as error:
        raise BadInput(
            f"{url} cannot be used: {_reason(error, temporary)}.",
            "Name a path, or a URL of s3://, gs://, abfs:// or hdfs://.",
        ) from None
    except (OSError, pyarrow().ArrowException) as error:
        raise Unavailable(
            f"{url} cannot be reached: {_reason(error, temporary)}",
            "Check the address, the credentials and the network.",
        ) from None


def _reason(error: BaseException, temporary: str) -> str:
    text = first_line(error)
    return escape_for_message(text.replace(temporary, "it") if temporary else text, 300).rstrip(".")
