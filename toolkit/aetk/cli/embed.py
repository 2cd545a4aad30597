"""`aetk embed`."""

import shlex
from pathlib import Path

import click

from aetk.base.errors import BadInput
from aetk.cli.common import FILE, json_option, show
from aetk.render.edge_text import embedding, embedding_c


@click.command("embed", short_help="Write an app around a model.")
@click.argument("host", metavar="HOST")
@click.argument("model", type=FILE, required=False)
@click.option("--out", type=FILE, metavar="DIR", help="A new or empty folder [default: MODEL-HOST here].")
@click.option("--weights", metavar="TYPE", help="For c: float32, int16 or int8 [default: float32].")
@click.option("--no-contribution", is_flag=True, help="For c: leave the contribution of each feature out.")
@json_option
def command(
    host: str, model: Path | None, out: Path | None, weights: str | None, no_contribution: bool, as_json: bool
) -> None:
    """Write a ready app around MODEL, or around the newest under exports/.

    HOST is python, node, web or cpp. Each app proves itself by the model's golden rows and scores CSV files; its
    README says how to build it and how to call it from code of yours. The host c needs no runtime: it is the model
    itself as one C file, for microcontrollers too.
    """
    from aetk.edge.embed import HOSTS, C, embed, embed_c
    from aetk.edge.model import newest_model

    if host == C:
        made_c = embed_c(model or newest_model(), out, weights=weights or "float32", contribution=not no_contribution)
        test = f"cd {shlex.quote(str(made_c.out))} && make check"
        return show(made_c, embedding_c, as_json, f"{made_c.out}/", test)
    if weights is not None or no_contribution:
        raise BadInput("--weights and --no-contribution belong to the host c alone.", "Leave them out.")
    report = embed(host, model or newest_model(), out)
    made = HOSTS[report.host]
    following = f"cd {shlex.quote(str(report.out))} && {made.build} && {made.selftest}"
    show(report, embedding, as_json, f"{report.out}/", following)
