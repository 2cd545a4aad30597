"""Writes files that appear complete or not at all: under a temporary name in the same folder, synced, then renamed."""

import contextlib
import errno
import hashlib
import itertools
import os
import platform
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from aetk.base.errors import BadInput
from aetk.base.streams import Stop, is_stream, open_output

_serial = itertools.count()


def _writers(target: Path) -> str:
    """The prefix of the temporary names that processes of this machine use while they write `target`.

    The machine is part of it, because a process id has no meaning on another one. It is a digest, because `target` may
    be as long as the file system allows.
    """
    of = "\0".join((target.name, platform.node())).encode(errors="surrogateescape")
    return f".aetk-{hashlib.sha256(of).hexdigest()[:16]}-"


def _temporary(target: Path) -> Path:
    return target.with_name(f"{_writers(target)}{os.getpid()}-{next(_serial)}.tmp")


def _alive(pid: int) -> bool:
    if os.name != "posix":  # on Windows, signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _remove_leftovers(target: Path) -> None:
    """Delete the temporary files that killed processes left while they wrote `target`."""
    pattern = re.compile(re.escape(_writers(target)) + r"(\d+)-\d+\.tmp")
    for name in _names(target.parent):
        match = pattern.fullmatch(name)
        if match and not _alive(int(match[1])):
            _remove_temporary(target.with_name(name))


def _names(folder: Path) -> list[str]:
    """The names in a folder; none if the folder may be written but not listed."""
    try:
        return os.listdir(folder)
    except PermissionError:
        return []


def _remove_temporary(path: Path) -> None:
    """Delete a temporary file if possible; a failure is ignored, since the caller's own error matters more."""
    with contextlib.suppress(OSError):
        path.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder for syncing
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # the folder may be written but not listed
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_new(path: Path) -> IO[bytes]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags, 0o666), "wb")


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def check_source(path: Path, *, once: bool = False) -> None:
    """Raise BadInput if a path cannot be read as a table: it is missing or a device, or a pipe and not read `once`."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise BadInput(f"No such file: {path}.", "Check the path, and the folder that it starts from.") from None
    if not (stat.S_ISREG(mode) or (once and stat.S_ISFIFO(mode))):
        raise BadInput(
            f"{path} is not a regular file; expected a CSV or Parquet file.",
            "Name a file. To score rows from a device or a program, use standard input: aetk score MODEL -",
        )


@contextlib.contextmanager
def _named(path: Path, temporary: Path) -> Iterator[None]:
    """Put `path` into errors that name no file (a full disk) or the temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or error.filename == str(temporary):
            error.filename, error.filename2 = str(path), None
        raise


def check_target(path: Path) -> None:
    """Raise BadInput if a path cannot become a file: it is a folder, a stream or a disk."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder; expected a file name.", "Name a file.")
    if is_stream(path) or (path.exists() and not path.is_file()):
        raise BadInput(f"{path} is not a regular file; expected a file name.", "Name a file.")


def _stage(path: Path) -> tuple[Path, Path]:
    """Resolve a path's links, make its folder, clear leftovers; returns the target and a temporary name beside it."""
    check_target(path)
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    return target, _temporary(target)


@contextlib.contextmanager
def atomic_file(path: Path, stop: Stop | None = None) -> Iterator[IO[bytes]]:
    """Open a binary file that becomes `path` if the block succeeds, and is deleted if it fails.

    A symbolic link stays, and its target is replaced. Missing parent folders are made.

    A stream (`-`, `/dev/stdout`, a pipe, a device) is never replaced: each write is sent at once, and `stop` ends the
    waits for its reader.
    """
    if is_stream(path):
        with open_output(path, stop) as stream:
            yield cast("IO[bytes]", stream)
        return
    target, temporary = _stage(path)
    try:
        with _named(path, temporary):
            with _open_new(temporary) as file:
                yield file
                _sync(file)
            os.replace(temporary, target)
    except BaseException:
        _remove_temporary(temporary)
        raise
    _sync_folder(target.parent)


@contextlib.contextmanager
def working_file(path: Path, write: Callable[[IO[bytes]], None]) -> Iterator[Path]:
    """A hidden file beside `path` that `write` fills, to be read within the block; it is deleted at the end.

    Folders that have to be made for it are deleted, too, unless they hold something by then. What killed processes
    left of working files for the same path is deleted first. Errors of a full disk name `path`.
    """
    made = [folder for folder in path.parents if not folder.exists()]
    _, temporary = _stage(path)
    try:
        with _named(path, temporary), _open_new(temporary) as file:
            write(file)
        yield temporary
    finally:
        _remove_temporary(temporary)
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def write_atomically(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write files that belong together: all are written and synced first, then renamed in the given order.

    Put the file that holds the digests of the others last: until it is renamed, nothing refers to them.

    Raises:
        BadInput: one of them is a folder or a stream.
    """
    staged: list[tuple[Path, Path, Path]] = []
    try:
        for path, content in files:
            target, temporary = _stage(path)
            staged.append((path, target, temporary))
            with _named(path, temporary), _open_new(temporary) as file:
                file.write(content)
                _sync(file)
        for path, target, temporary in staged:
            with _named(path, temporary):
                os.replace(temporary, target)
            _sync_folder(target.parent)
    except BaseException:
        for _, _, temporary in staged:
            _remove_temporary(temporary)
        raise


def remove(path: Path) -> None:
    """Delete a file if it exists, and the temporary files that killed processes left while they wrote it."""
    _remove_leftovers(path)
    path.unlink(missing_ok=True)
