"""Prints on standard output and standard error, whatever their encodings: what they cannot show is escaped."""

import io
import os
import sys
from pathlib import Path

import click


def let_every_text_be_shown() -> None:
    """Have both streams escape what their encoding has no character for, such as κ under many code pages of Windows.

    A stream that is closed takes all, for there is nobody to read it; one that somebody has put in the place of
    Python's is left as it is.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - until the process ends
        elif isinstance(stream, io.TextIOWrapper) and not stream.closed:
            stream.reconfigure(errors="backslashreplace")


def say(text: str, *, is_error: bool = False, end: str = "\n") -> None:
    """Print text on standard output, or on standard error.

    The stream is named, since click would write UTF-8 to one that is ASCII.
    """
    click.echo(f"{text}{end}", file=sys.stderr if is_error else sys.stdout, nl=False)
