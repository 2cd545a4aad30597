"""`aetk evaluate`."""

import shlex
from pathlib import Path

import click

from aetk.base.files import write_atomically
from aetk.cli.common import FILE, json_option, progress_line, show, table_options


@click.command("evaluate", short_help="Measure models on a labelled table.")
@click.argument("models", type=FILE, nargs=-1, required=True, metavar="MODEL...")
@click.argument("data", type=FILE)
@click.option("--label", required=True, metavar="COL", help="Column of 0 (ordinary) and 1 (anomaly), or the card's.")
@click.option("--plot", type=FILE, metavar="FILE.png", help="Draw distributions, precision-recall and F1.")
@click.option("--prevalence", type=float, metavar="RATE", help="Also average precision as if anomalies were this rare.")
@table_options
@json_option
def command(
    models: tuple[Path, ...],
    data: Path,
    label: str,
    plot: Path | None,
    prevalence: float | None,
    overrides: tuple[str, ...],
    like_training: bool,
    as_json: bool,
) -> None:
    """Measure each MODEL, an exported model or a run folder, on DATA, a labelled CSV or Parquet file.

    Test tables often hold more anomalies than nature does, which flatters average precision: with --prevalence,
    ordinary rows weigh as much as makes anomalies that share (0.001 for one in a thousand) of all.
    """
    with progress_line() as progress:
        progress("starting")
        from aetk.api import evaluate
        from aetk.render.lab_text import evaluation

        report = evaluate(
            models,
            data,
            label,
            prevalence,
            overrides=overrides,
            default_format=not like_training,
            on_stage=progress,
        )
        if plot is not None:
            progress("drawing the picture")
            from aetk.render.evaluation_picture import draw_evaluation

            write_atomically([(plot, draw_evaluation(report))])
    first = str(models[0])
    following = ["export", first, "--onnx"] if models[0].is_dir() else ["verify", first]
    show(report, evaluation, as_json, str(plot or ""), shlex.join(["aetk", *following]))
