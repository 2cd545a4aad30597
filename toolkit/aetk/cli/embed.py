"""`aetk embed`."""

import shlex
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, show
from aetk.render.edge_text import embedding


@click.command("embed", short_help="Write an app around a model.")
@click.argument("host", metavar="HOST")
@click.argument("model", type=FILE, required=False)
@click.option("--out", type=FILE, metavar="DIR", help="A new or empty folder [default: MODEL-HOST here].")
@json_option
def command(host: str, model: Path | None, out: Path | None, as_json: bool) -> None:
    """Write a ready app around MODEL, or around the newest under exports/.

    HOST is python, node, web or cpp. Each app proves itself by the model's golden rows and scores CSV files; its
    README says how to build it and how to call it from code of yours.
    """
    from aetk.edge.embed import HOSTS, embed
    from aetk.edge.model import newest_model

    report = embed(host, model or newest_model(), out)
    made = HOSTS[report.host]
    following = f"cd {shlex.quote(str(report.out))} && {made.build} && {made.selftest}"
    show(report, embedding, as_json, f"{report.out}/", following)
