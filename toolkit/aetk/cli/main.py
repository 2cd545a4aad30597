"""The entry point: finds the command, and turns errors into messages and exit codes."""

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from types import FrameType
from typing import Any

import click

from aetk import __version__
from aetk.base.errors import AetkError, Interrupted, expected
from aetk.base.torchrun import is_first_process, is_started_by_torchrun
from aetk.cli.printing import let_every_text_be_shown, say
from aetk.contract.dialect import printable

COMMANDS = (
    "look",
    "train",
    "convert",
    "export",
    "verify",
    "score",
    "evaluate",
    "threshold",
    "bench",
    "embed",
    "inspect",
    "doctor",
)


class Commands(click.Group):
    """Imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"aetk.cli.{cmd_name}").command
        import_module("aetk.edge.runtime.ort").keep_quiet()  # loaded by now, and slow to load for --version alone
        return command

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """See `click.Group`."""
        with _told():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """See `click.Group`."""
        with _told():
            return super().invoke(ctx)


class _ReaderLeft(Exception):
    """Nobody reads what is printed any more."""


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Keep a broken pipe from click, which would end with exit code 1."""
    try:
        yield
    except BrokenPipeError:
        raise _ReaderLeft from None


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="aetk")
def cli() -> None:
    """Train an anomaly detector, export it as one ONNX file, prove it, and run it anywhere.

    \b
    aetk train            # the built-in table, or a CSV or Parquet file of yours
    aetk export --onnx    # the newest run
    aetk bench            # the newest model

    Exit codes: 0 done, 1 a check failed, 2 wrong usage or bad input, 3 the environment cannot do it,
    130 and 143 after Ctrl-C and SIGTERM.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    let_every_text_be_shown()
    signal.signal(signal.SIGTERM, _terminate)
    code = run(arguments)
    # all is done: from here on they just end the process; torchrun's, which follow the end of another, spare the code
    late = signal.SIG_IGN if is_started_by_torchrun() else signal.SIG_DFL
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, late)
    if not is_started_by_torchrun():  # there, a last collection parts with the other processes
        gc.freeze()  # to look through all objects of PyTorch on the way out takes a fifth of the time to import it
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    try:
        code = cli.main(arguments, prog_name="aetk", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        if not _is_secondary_process(arguments):
            error.show(file=sys.stderr)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _report(Interrupted("Stopped.", signal.SIGINT), _is_secondary_process(arguments))
    except _Terminated:
        return _report(Interrupted("Stopped by SIGTERM.", signal.SIGTERM), _is_secondary_process(arguments))
    except AetkError as error:
        return _report(error, _is_secondary_process(arguments))
    except (BrokenPipeError, _ReaderLeft):
        _write_no_more()
        return 0
    except BaseException as error:  # where safetensors gets no memory, it panics with what is not an Exception
        failure = expected(error)
        if failure is None:
            raise
        return _report(failure)
    return code if isinstance(code, int) else 0


def _write_no_more() -> None:
    """Let go of what is still to be printed, of which Python would complain once more at exit."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or no file
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _is_secondary_process(arguments: list[str] | None) -> bool:
    """Whether torchrun started other processes for the same command, and the first of them speaks."""
    words = sys.argv[1:] if arguments is None else arguments
    return words[:1] == ["train"] and not is_first_process()


def _report(error: AetkError, is_reported: bool = False) -> int:
    """Print an error unless another process does, which the error knows, or `is_reported` where all meet it alike."""
    if is_reported if error.is_reported is None else error.is_reported:
        return error.exit_code
    say(printable(f"aetk: {error.message}"), is_error=True)
    if error.hint:
        say(printable(f"  {error.hint}"), is_error=True)
    return error.exit_code


class _Terminated(BaseException):
    """SIGTERM came. Like KeyboardInterrupt no `Exception`, which this or that library would take for its own."""


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated
