"""`aetk train`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aetk.base.torchrun import is_first_process
from aetk.cli.common import FILE, json_option, progress_line, show, typed_words
from aetk.cli.printing import say
from aetk.contract.dialect import MISSING_POLICIES, printable

if TYPE_CHECKING:
    from aetk.lab.look.report import Look


@click.command("train", short_help="Train a detector on a table.")
@click.argument("data", type=FILE, required=False)
@click.option("--val", "validation", type=FILE, metavar="FILE", help="Rows to choose and calibrate on.")
@click.option("--label", metavar="COL", help="Column of labels, such as 0 and 1; never a feature.")
@click.option("--drop", multiple=True, metavar="COL", help="Column to leave out; repeat for more.")
@click.option("--no-header", is_flag=True, default=None, help="The table has no names: c1, c2, ...")
@click.option("--skip-rows", type=click.IntRange(0), metavar="N", help="Lines before everything else.")
@click.option("--skip-footer", type=click.IntRange(0), metavar="N", help="Rows at the end to leave out.")
@click.option("--comment", metavar="TEXT", help="Lines that begin with TEXT are left out.")
@click.option("--sheet", metavar="NAME", help="Sheet of a spreadsheet.")
@click.option("--labels", type=FILE, metavar="FILE", help="File with a label for each row.")
@click.option("--anomaly", multiple=True, metavar="VALUE", help="Label of an anomaly; repeat for more.")
@click.option("--ordinary", multiple=True, metavar="VALUE", help="Label of an ordinary row; repeat for more.")
@click.option("--missing-value", multiple=True, metavar="[COL=]VALUE", help="Cell for a missing value; repeatable.")
@click.option("--category", multiple=True, metavar="COL", help="Column to read as a category; repeat for more.")
@click.option("--keep", multiple=True, metavar="COL", help="Column to keep that would be left out; repeatable.")
@click.option("--time", multiple=True, metavar="COL[=FORMAT]", help="Time to make features of; repeat for more.")
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
    no_header: bool | None,
    skip_rows: int | None,
    skip_footer: int | None,
    comment: str | None,
    sheet: str | None,
    labels: Path | None,
    anomaly: tuple[str, ...],
    ordinary: tuple[str, ...],
    missing_value: tuple[str, ...],
    category: tuple[str, ...],
    keep: tuple[str, ...],
    time: tuple[str, ...],
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
    """Train a detector on DATA: a table as it is, a folder of Parquet files, or openml:ID of openml.org.

    The table may be text (CSV and its kin, also compressed), a spreadsheet, Parquet, Feather, JSON, arrays of NumPy,
    ARFF or MATLAB; how it is read is decided once, said, and written into the model's card. See what is decided with:
    aetk look DATA.

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
    from aetk.render.look_text import decided

    def tell(found: "Look") -> None:
        text = decided(found)
        if text:
            progress("")
            say(printable(text), is_error=True)

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
            no_header=no_header,
            skip_rows=skip_rows,
            skip_footer=skip_footer,
            comment=comment,
            sheet=sheet,
            labels=labels,
            anomaly=anomaly,
            ordinary=ordinary,
            missing_value=missing_value,
            category=category,
            keep=keep,
            time=time,
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
            on_look=tell,
            command=typed_words(click.get_current_context()),
        )
    if not is_first_process():
        return
    show(report, training, as_json, f"{report.run}/", shlex.join(["aetk", "export", str(report.run), "--onnx"]))
