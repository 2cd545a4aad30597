"""Files that appear whole or not at all: a temporary name in the same folder, synced, then renamed."""

import contextlib
import errno
import itertools
import os
import platform
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from aetk.contract.errors import BadInput

_serial = itertools.count()


def _writers(target: Path) -> str:
    """How temporary names of this machine's writers of `target` begin; a process id means nothing elsewhere."""
    return f".{target.name}.{re.sub(r'[^A-Za-z0-9]', '', platform.node())}-"


def _temporary(target: Path) -> Path:
    return target.with_name(f"{_writers(target)}{os.getpid()}-{next(_serial)}.tmp")


def _alive(pid: int) -> bool:
    if os.name != "posix":  # there, signal 0 is no question but Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _remove_leftovers(target: Path) -> None:
    """Delete the temporary files of writers of `target` that were killed."""
    pattern = re.compile(re.escape(_writers(target)) + r"(\d+)-\d+\.tmp")
    with os.scandir(target.parent) as entries:
        for entry in entries:
            match = pattern.fullmatch(entry.name)
            if match and not _alive(int(match[1])):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.path)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # Windows cannot open a folder for syncing
        return
    descriptor = os.open(folder, os.O_RDONLY)
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
    """BadInput where a path cannot be read as a table: there is nothing, or a device, or a pipe unless read `once`."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise BadInput(f"No such file: {path}.", "Check the path, and the folder that it starts from.") from None
    if not (stat.S_ISREG(mode) or (once and stat.S_ISFIFO(mode))):
        raise BadInput(
            f"{path} is no regular file; expected a CSV or Parquet file.",
            "Name a file; what a pipe gives has to be saved in one first.",
        )


def _name(error: BaseException, path: Path, temporary: Path) -> None:
    """Say in the error of a full disk, which knows no file, which one did not fit; and never a temporary name."""
    if not isinstance(error, OSError):
        return
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or error.filename == str(temporary):
        error.filename, error.filename2 = str(path), None


def check_target(path: Path) -> None:
    """BadInput where a path cannot become a file: it is a folder, a device or a pipe."""
    if path.exists() and not path.is_file():
        raise BadInput(
            f"{path} is {'a folder' if path.is_dir() else 'no regular file'}; expected a file name.", "Name a file."
        )


def _stage(path: Path) -> tuple[Path, Path]:
    """The file that a path really means, its folder made and swept, and a temporary name beside it."""
    target = Path(os.path.realpath(path))
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(target)
    return target, _temporary(target)


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that becomes `path` when the block ends well, and vanishes when it does not.

    A symbolic link keeps pointing where it points; its target is replaced. Missing parent folders are made.
    """
    target, temporary = _stage(path)
    try:
        with _open_new(temporary) as file:
            yield file
            _sync(file)
        os.replace(temporary, target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        _name(error, path, temporary)
        raise
    _sync_folder(target.parent)


def write_atomically(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write files that belong together: all are staged and synced first, then renamed in the order given.

    Put the file that vouches for the others by their digests last: until it is renamed, nothing refers to them.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, content in files:
            staged.append(_stage(path))
            try:
                with _open_new(staged[-1][1]) as file:
                    file.write(content)
                    _sync(file)
            except OSError as error:
                _name(error, path, staged[-1][1])
                raise
        for target, temporary in staged:
            os.replace(temporary, target)
            _sync_folder(target.parent)
    except BaseException:
        for _, temporary in staged:
            temporary.unlink(missing_ok=True)
        raise


def remove(path: Path) -> None:
    """Delete a file, where there is one, with what killed writers of it left behind."""
    _remove_leftovers(path)
    path.unlink(missing_ok=True)
