"""`aetk verify`."""

import shlex
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, provider_option, show, trust_option
from aetk.render.edge_text import verification


@click.command("verify", short_help="Prove a model on this machine.")
@click.argument("model", type=FILE)
@click.option("--run", type=FILE, metavar="RUN", help="Also repeat the full comparison with this run (needs PyTorch).")
@provider_option("Verify on this provider; repeat for more [default: cpu].")
@trust_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: Path,
    run: Path | None,
    providers: tuple[str, ...],
    trusted_key: Path | None,
    as_json: bool,
) -> None:
    """Prove that MODEL decides on this machine as it did when it was exported.

    Holds the file's digest and threshold against its card, then replays the golden rows on each provider, by every
    path that scoring takes: one row, a tile, many rows with a last one alone. Needs no PyTorch. Exit 1 where a
    decision, a validity or a similarity differs.
    """
    from aetk.edge.model import load
    from aetk.edge.verification import verify

    report = verify(load(model, trusted_key), providers=providers or ("cpu",))
    passed = report.passed
    if run is None:
        show(report, verification, as_json, following=shlex.join(["aetk", "inspect", str(model)]) if passed else "")
    else:
        from aetk.api import verify_against_run
        from aetk.render.lab_text import parity

        full = verify_against_run(model, run)
        passed = passed and full.passed
        show({"golden": report, "parity": full}, lambda _: f"{verification(report)}\n{parity(full)}", as_json)
    ctx.exit(0 if passed else 1)
