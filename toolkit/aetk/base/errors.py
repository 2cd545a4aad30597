"""The errors that a user can meet. Each one holds the exit code of the command line."""

import errno
import re
from collections.abc import Mapping
from typing import Any


class AetkError(Exception):
    """Root of every expected failure.

    Args:
        message: what was found, and what was expected.
        hint: what to do next; empty if the message already says it.

    Attributes:
        exit_code: the exit code of the command.
        is_reported: whether another process that ends with the same error prints it; None if that is not known yet.
    """

    exit_code = 2
    is_reported: bool | None = None

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)  # subclasses take other arguments than they pass on

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


def _again(kind: type[AetkError], arguments: tuple[Any, ...], state: dict[str, Any]) -> AetkError:
    """Make an error again in another process."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class BadInput(AetkError):
    """A file, value or option that cannot be used as it is. Exit code 2."""


class CheckFailed(AetkError):
    """A check failed: parity, self-test, digest, a non-finite loss. Exit code 1."""

    exit_code = 1


class Unavailable(AetkError):
    """This machine cannot do it: no such provider or device, disk full, out of memory. Exit code 3."""

    exit_code = 3


class MissingExtra(Unavailable):
    """A Python package of an optional extra is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not installed here.",
            f"Install them with: pip install 'aetk[{extra}]' (in a checkout: pip install '.[{extra}]')",
        )
        self.extra = extra


class Interrupted(AetkError):
    """SIGINT or SIGTERM stopped the command, after it saved its work. Exit code 128 + signal number."""

    def __init__(self, message: str, signal_number: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number


_LITTLE_MEMORY = re.compile(
    r"can(not|'t) allocate memory|failed to allocate|not enough memory|out of memory|bad_alloc|"
    r"alloc of size \d+ failed|failed to map segment|can't start new thread|pthread_create failed|"
    r"PyObject pointer is null",
    re.IGNORECASE,
)
"""The words for "out of memory" of torch, ONNX Runtime, pyarrow, safetensors, the library loader and threads."""
_ASKED_FOR = re.compile(r"(?:allocate|of size) (\d{3,})(?![.\d])")


_OTHER_PATH = "Ask its owner for access, or name another path."
_REMEDIES = {
    errno.EACCES: _OTHER_PATH,
    errno.EPERM: _OTHER_PATH,
    errno.EISDIR: "Name a file.",
    errno.EROFS: "Name a place that can be written.",
    errno.ELOOP: "Replace the link, which leads back to itself, or name the file that it should lead to.",
}


def from_os_error(error: OSError) -> AetkError:
    """The `AetkError` for an `OSError`: exit code 3 for a full or failing disk or no memory, else 2."""
    name = f" {error.filename}" if error.filename else ""
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        if not name:  # every file of a command has a name; without one, it is the report on standard output
            return Unavailable(f"Cannot write the report: {reason}.", "Free some space, or send the output elsewhere.")
        return Unavailable(f"Cannot write{name}: {reason}.", "Free some space; nothing was changed.")
    if error.errno == errno.EIO:
        found = f"Cannot read or write{name}: {reason}."
        return Unavailable(found, "Check the disk and its connection, then run the command again.")
    if error.errno == errno.EFBIG:
        return Unavailable(f"Cannot write{name}: {reason}.", "Raise the limit on file sizes; nothing was changed.")
    if error.errno == errno.EEXIST:
        return BadInput(f"There is{name} already; expected a folder or nothing.", "Name another path.")
    if error.errno == errno.ENOTDIR:
        return BadInput(f"A part of the path{name} is a file; expected folders.", "Name another path.")
    if error.errno == errno.ENOENT:
        return BadInput(f"No such file or folder:{name}.", "Check the path, and the folder that it starts from.")
    return out_of_memory(error) or BadInput(f"Cannot use{name}: {reason}.", _REMEDIES.get(error.errno or 0, ""))


def out_of_memory(error: BaseException) -> Unavailable | None:
    """The `AetkError` for a failed allocation, whichever library reports it; None for any other error.

    The message says how many bytes were asked for, if that is known. The errors that led to this one count too.
    """
    while not isinstance(error, MemoryError) and not _LITTLE_MEMORY.search(str(error)):
        if error.__context__ is None:
            return None
        error = error.__context__
    asked = _ASKED_FOR.search(str(error))
    if asked:
        detail = f" The failed allocation asked for {int(asked[1]):,} bytes."
    elif isinstance(error, MemoryError) and str(error):
        detail = f" {error}."
    else:
        detail = ""
    return Unavailable(
        f"Out of memory.{detail}", "Close other programs, use a smaller table, or a machine with more memory."
    )


def expected(error: BaseException) -> AetkError | None:
    """A failure as an `AetkError`: an `AetkError` itself, an `OSError`, out of memory; None for any other error."""
    if isinstance(error, AetkError):
        return error
    return from_os_error(error) if isinstance(error, OSError) else out_of_memory(error)


def to_plain(error: AetkError) -> dict[str, Any]:
    """An error as plain JSON, to send it to another process; `from_plain` reads it back."""
    return {"exit_code": error.exit_code, "message": error.message, "hint": error.hint}


def from_plain(data: Mapping[str, Any]) -> AetkError:
    """Make the error that `to_plain` wrote. Its type follows from its exit code; a subclass becomes its base class."""
    code, message, hint = data["exit_code"], data["message"], data["hint"]
    if code > 128:
        return Interrupted(message, code - 128, hint)
    kinds = {kind.exit_code: kind for kind in (CheckFailed, BadInput, Unavailable)}
    return kinds[code](message, hint)


def message_lines(error: BaseException) -> list[str]:
    """The lines of another library's message, stripped, without empty ones; the error's type if there are no lines."""
    lines = [line.strip() for line in str(error).splitlines()]
    return [line for line in lines if line] or [type(error).__name__]


def first_line(error: BaseException, longest: int | None = None) -> str:
    """The first line of another library's message, cut to at most `longest` characters."""
    return message_lines(error)[0][:longest]
