"""`aetk train`."""

import shlex
import sys
from pathlib import Path

import click

from aetk.base.torchrun import is_first_process
from aetk.cli.common import FILE, json_option, progress_line, show
from aetk.contract.dialect import MISSING_POLICIES


@click.command("train", short_help="Train a detector on a table.")
@click.argument("data", type=FILE, required=False)
@click.option("--val", "validation", type=FILE, metavar="FILE", help="Rows to choose and calibrate on.")
@click.option("--label", metavar="COL", help="Column of 0 (ordinary) and 1 (anomaly); never a feature.")
@click.option("--drop", multiple=True, metavar="COL", help="Column to leave out; repeat for more.")
@click.option("--recipe", metavar="NAME", help="default, small, reference or a .toml file [default: default].")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A value of the recipe; repeat for more.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), help="Where to train [default: auto].")
@click.option("--amp", is_flag=True, default=None, help="Mixed precision (bfloat16), on CUDA only.")
@click.option("--epochs", type=int, metavar="N", help="Passes over the rows, in place of the recipe's length.")
@click.option("--seed", type=int, metavar="N", help="Of everything random [default: 41].")
@click.option("--missing", type=click.Choice(MISSING_POLICIES), help="Missing values [default: reject].")
@click.option("--threshold", metavar="METHOD", help="fixed:VALUE, best-f1, conformal or conformal:RATE.")
@click.option("--stream/--no-stream", default=None, help="Stream rows [default: where memory is too small].")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run.")
@click.option("--out", type=FILE, metavar="RUN", help="Run folder [default: runs/NAME-N].")
@json_option
def command(
    data: Path | None,
    validation: Path | None,
    label: str | None,
    drop: tuple[str, ...],
    recipe: str | None,
    settings: tuple[str, ...],
    device: str | None,
    amp: bool | None,
    epochs: int | None,
    seed: int | None,
    missing: str | None,
    threshold: str | None,
    stream: bool | None,
    resume: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    """Train a detector on DATA: a CSV or Parquet file, a folder of Parquet files, or openml:ID of openml.org.

    Without DATA: on the built-in breast-cancer table (30 real columns; malignant is the anomaly). Without --val, a
    quarter of the ordinary rows is held back to calibrate on. A tenth of the rest chooses the best weights. Labelled
    anomalies are never trained on. The threshold is best-f1 where there are labels, else conformal at the smallest
    false-alarm rate that the rows allow.

    openml:ID is fetched by scikit-learn, which keeps it in its own cache. Its target is the label if it holds exactly
    0 and 1 and --label names no other; --val takes openml:ID as well.

    A file, or a folder of Parquet files, that does not fit into memory is streamed: read piece by piece, over and over.
    CSV is first copied into a hidden Parquet file beside the run, which is deleted at the end.

    Several processes, started by torchrun --nproc-per-node N -m aetk train DATA, train one detector together, on
    streamed rows.
    """
    with progress_line() as progress:
        progress("starting")
        from aetk.api import train
        from aetk.lab.presets import read_setting
        from aetk.render.lab_text import training

        report = train(
            data,
            validation=validation,
            label=label,
            drop=drop,
            recipe=recipe,
            settings=dict(map(read_setting, settings)),
            device=device,
            amp=amp,
            epochs=epochs,
            seed=seed,
            missing=missing,
            threshold=threshold,
            stream=stream,
            resume=resume,
            out=out,
            progress=sys.stderr.isatty(),
            on_stage=progress,
        )
    if not is_first_process():
        return
    show(report, training, as_json, f"{report.run}/", shlex.join(["aetk", "export", str(report.run), "--onnx"]))
