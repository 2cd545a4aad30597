"""`aetk evaluate`."""

import shlex
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, show
from aetk.contract.errors import MissingExtra
from aetk.contract.files import write_atomically


@click.command("evaluate", short_help="Measure models on a labelled table.")
@click.argument("models", type=FILE, nargs=-1, required=True, metavar="MODEL...")
@click.argument("data", type=FILE)
@click.option("--label", required=True, metavar="COL", help="Column of 0 (ordinary) and 1 (anomaly).")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw distributions, precision-recall and F1.")
@json_option
def command(models: tuple[Path, ...], data: Path, label: str, plot: Path | None, as_json: bool) -> None:
    """Measure each MODEL on DATA, a labelled CSV or Parquet file."""
    try:
        from aetk.lab.evaluation import evaluate
        from aetk.render.lab_text import evaluation
        from aetk.render.picture import draw_evaluation
    except ImportError:
        raise MissingExtra("aetk evaluate", "lab,cpu") from None
    report = evaluate(models, data, label)
    if plot is not None:
        write_atomically([(plot, draw_evaluation(report))])
    following = shlex.join(["aetk", "verify", str(models[0])])
    show(report, evaluation, as_json, str(plot or ""), following)
