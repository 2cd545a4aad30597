"""`aetk look`."""

from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, show


@click.command("look", short_help="Say what a table holds and how to train on it.")
@click.argument("data", type=FILE)
@click.option("--label", metavar="COL", help="The label column [default: look for it].")
@json_option
def command(data: Path, label: str | None, as_json: bool) -> None:
    """Look at DATA: what kind of file it is, what its columns hold, which one looks like the label.

    Ends with one command that trains on it, ready to copy. Of a large file, parts are looked at.
    """
    from aetk.api import look
    from aetk.render.look_text import looked

    show(look(data, label=label), looked, as_json)
