"""`aetk inspect`."""

import shlex
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, show
from aetk.render.edge_text import inspection


@click.command("inspect", short_help="Show what a model is.")
@click.argument("model", type=FILE)
@json_option
def command(model: Path, as_json: bool) -> None:
    """Show what MODEL is: contract, card, operators, sizes, provenance. Nothing is run."""
    from aetk.edge.inspection import inspect

    show(inspect(model), inspection, as_json, following=shlex.join(["aetk", "verify", str(model)]))
