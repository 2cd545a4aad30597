"""`aetk doctor`."""

import click

from aetk.cli.common import json_option, show
from aetk.render import edge_text


@click.command("doctor", short_help="Find out what this machine can do.")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Find out what this machine can do, by trying every provider. Exit 3 where something has to be mended."""
    from aetk.edge.doctor import examine

    report = examine()
    show(report, edge_text.doctor, as_json, following="" if report.problems else "aetk train")
    ctx.exit(3 if report.problems else 0)
