"""What several commands share: options, and the two ways to show a report."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from aetk.base.errors import BadInput
from aetk.base.torchrun import is_first_process
from aetk.cli.printing import say
from aetk.cluster.engines import ENGINES
from aetk.contract.dialect import printable
from aetk.edge.runtime.providers import find_provider

F = TypeVar("F", bound=Callable[..., Any])


class _File(click.Path):
    """A path, and not `-`, of which a file would come into being where a stream is meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        if value == "-":
            self.fail("'-' is a stream, for DATA and --out of aetk score alone; name a file.", param, ctx)
        return super().convert(value, param, ctx)


class _Provider(click.ParamType[str]):
    """An execution provider, and a device after a colon; it becomes what `find_provider` calls its label."""

    name = "provider"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See `click.ParamType`."""
        try:
            return find_provider(value).label
        except BadInput as error:
            self.fail(f"{error.message} {error.hint}", param, ctx)


PROVIDER = _Provider()
FILE = _File(path_type=Path)
LOCATION = _File()
"""A path, or a URL, which `Path` would mangle."""


def json_option(function: F) -> F:
    """`--json`: the report on standard output as one JSON document."""
    return click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")(function)


def provider_option(help_text: str) -> Callable[[F], F]:
    """`--provider`, repeatable."""
    return click.option("--provider", "providers", multiple=True, type=PROVIDER, metavar="P[:DEVICE]", help=help_text)


def table_options(function: F) -> F:
    """`--table-format`, repeatable, and `--like-training` or `--default-format`."""
    for option in (
        click.option(
            "--like-training/--default-format",
            "like_training",
            default=True,
            help="Whether a text file is written as the card says, or as plain CSV [default: as the card says].",
        ),
        click.option(
            "--table-format",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="What a text file has in place of the card's format, such as delimiter=semicolon; repeatable.",
        ),
    ):
        function = option(function)
    return function


def engine_options(function: F) -> F:
    """`--engine`, `--workers` and `--gpus`."""
    for option in (
        click.option(
            "--gpus",
            type=click.FloatRange(0, min_open=True),
            metavar="G",
            help="GPUs of each Ray worker [default: 1 with --provider cuda].",
        ),
        click.option(
            "--workers", type=click.IntRange(1), metavar="N", help="Ray workers [default: all there is room for]."
        ),
        click.option("--engine", type=click.Choice(ENGINES), help="Work on a cluster, over a folder of Parquet files."),
    ):
        function = option(function)
    return function


def refuse_without_engine(data: str, **given: object) -> None:
    """A usage error where there is no engine, but an option that says how one is to work, or a URL."""
    if "://" in data:
        raise click.UsageError(f"{data} is a URL; those are for --engine.")
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(f"--{name} goes with --engine.")


def sign_option(function: F) -> F:
    """`--sign-key`."""
    help_text = "Sign the file with this private Ed25519 key (PEM); the signature is FILE.onnx.sig."
    return click.option("--sign-key", type=FILE, metavar="KEY", help=help_text)(function)


def trust_option(function: F) -> F:
    """`--trusted-key`."""
    help_text = "Refuse a model that is not signed by the owner of this public Ed25519 key (PEM)."
    return click.option("--trusted-key", type=FILE, metavar="KEY", help=help_text)(function)


def say_json(document: str, *, is_error: bool = False) -> None:
    """Print a JSON document, which reads back as the same whatever the stream is encoded in."""
    from aetk.render.report_json import in_ascii  # imports NumPy, which --help does without

    stream = sys.stderr if is_error else sys.stdout
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        is_kept = document.encode(encoding).decode(encoding) == document
    except UnicodeError:
        is_kept = False
    say(document if is_kept else in_ascii(document), is_error=is_error)


def typed_words(context: click.Context) -> tuple[str, ...]:
    """The words of the command as they were typed, in the order of its options."""
    words = [*context.command_path.split(), *()]
    for parameter in context.command.params:
        name = parameter.name or ""
        if context.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        if isinstance(parameter, click.Argument):
            words.insert(2, str(value))
        elif isinstance(parameter, click.Option) and parameter.is_flag:
            words.append(parameter.opts[0] if value else parameter.secondary_opts[0])
        else:
            for one in value if isinstance(value, tuple) else [value]:
                words += [parameter.opts[0], str(one)]
    return tuple(words)


def show(
    report: Any,
    text: Callable[[Any], str],
    as_json: bool,
    wrote: str = "",
    following: str = "",
    *,
    is_error: bool = False,
) -> None:
    """Print a report, with `is_error` on standard error; as text, end with the file written and the next command."""
    if as_json:
        from aetk.render.report_json import to_json  # imports NumPy, which a wrong call does without

        say_json(to_json(report), is_error=is_error)
        return
    lines = [text(report)]
    if wrote:
        lines.append(f"wrote: {wrote}")
    if following:
        lines.append(f"next:  {following}")
    say(printable("\n".join(lines)), is_error=is_error)


def overwrite(line: str) -> None:
    """Show how far a command has come, in place of what the line on standard error showed before."""
    say(f"\r\x1b[K{printable(line)}", is_error=True, end="")


@contextlib.contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """What shows how far a command has come: one line of a terminal, removed at the end.

    Where standard error is not a terminal, and in all processes of torchrun's but the first, nothing is shown.
    """
    if not sys.stderr.isatty() or not is_first_process():
        yield lambda _: None
        return
    try:
        yield overwrite
    finally:
        overwrite("")
