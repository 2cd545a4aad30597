"""`aetk threshold`."""

import shlex
from pathlib import Path
from typing import Any

import click

from aetk.cli.common import (
    FILE,
    LOCATION,
    engine_options,
    json_option,
    refuse_without_engine,
    show,
    sign_option,
    table_options,
)
from aetk.render import edge_text

_WAYS = "--set, --false-alarms, --best-f1 and --undo"


@click.command("threshold", short_help="Show or set a threshold.")
@click.argument("model", type=FILE)
@click.option("--set", "value", type=float, metavar="VALUE", help="A similarity, -1 < VALUE <= 1.")
@click.option(
    "--false-alarms", "rate", type=float, metavar="RATE", help="Split-conformal on --data: at most this rate."
)
@click.option("--best-f1", is_flag=True, help="The highest macro F1 on --data with --label.")
@click.option("--undo", is_flag=True, help="Put back the one that the present one replaced; repeat for those before.")
@click.option("--data", type=LOCATION, metavar="FILE", help="Rows to calibrate on, none that it was trained on.")
@click.option("--label", metavar="COL", help="Column of 0 (ordinary) and 1 (anomaly), or the card's.")
@click.option("--out", type=FILE, metavar="FILE.onnx", help="Write another file, and leave MODEL as it is.")
@click.option("--dry-run", is_flag=True, help="Show what would come of it, and write nothing; needs no --sign-key.")
@table_options
@engine_options
@sign_option
@json_option
def command(
    model: Path,
    value: float | None,
    rate: float | None,
    best_f1: bool,
    undo: bool,
    data: str | None,
    label: str | None,
    out: Path | None,
    dry_run: bool,
    overrides: tuple[str, ...],
    like_training: bool,
    engine: str | None,
    workers: int | None,
    gpus: float | None,
    sign_key: Path | None,
    as_json: bool,
) -> None:
    """Show the threshold of MODEL, or give it a new one; model and card are replaced together.

    Needs neither PyTorch nor the onnx package, so it works on the device itself. The card keeps up to 16 thresholds
    that were replaced, the first and the newest: aetk inspect shows them, --undo puts the newest back. With --engine,
    --data may be a folder of Parquet files that no memory holds, or the URL of one.
    """
    ways = sum([value is not None, rate is not None, best_f1, undo])
    if ways > 1:
        raise click.UsageError(f"Choose one of {_WAYS}.")
    if (rate is not None or best_f1) != (data is not None):
        raise click.UsageError("--data goes with --false-alarms or --best-f1, and they need it.")
    if label is not None and data is None:
        raise click.UsageError("--label goes with --data.")
    if (overrides or not like_training) and (data is None or engine is not None):
        raise click.UsageError("--table-format and --default-format go with --data, a text file.")
    for option, is_given in (("--sign-key", sign_key is not None), ("--out", out is not None), ("--dry-run", dry_run)):
        if is_given and ways == 0:
            raise click.UsageError(f"{option} goes with one of {_WAYS}.")
    if best_f1 and label is None:
        raise click.UsageError("--best-f1 needs --label, a column of 0 and 1.")
    if engine is None:
        refuse_without_engine(data or "", workers=workers, gpus=gpus)
    elif rate is None:
        raise click.UsageError("--engine goes with --false-alarms.")
    if ways == 0:
        from aetk.edge.inspection import inspect

        found = inspect(model).card.threshold
        show(found, edge_text.threshold, as_json, following=shlex.join(["aetk", "verify", str(model)]))
        return
    from aetk.edge.model import card_path

    given: dict[str, Any] = {"sign_key": sign_key, "out": out, "dry_run": dry_run}
    if engine is None:
        from aetk.edge.threshold import change_threshold

        given |= {"data": None if data is None else Path(data), "label": label}
        given |= {"overrides": overrides, "default_format": not like_training}
        report = change_threshold(model, value, false_alarms=rate, best_f1=best_f1, undo=undo, **given)
    else:
        from aetk.cluster.engine import Resources
        from aetk.cluster.engines import find_engine
        from aetk.cluster.threshold import calibrate_on_engine
        from aetk.contract.threshold import Method, check_rate

        assert data is not None
        assert rate is not None
        method = Method("conformal", check_rate(rate, "--false-alarms"))
        cluster = find_engine(engine, Resources(workers, gpus=gpus))
        report = calibrate_on_engine(model, method, data, cluster, label, **given)
    if report.out is None:
        show(report, edge_text.thresholds, as_json)
        return
    wrote = f"{report.out} and {card_path(report.out)}"
    show(report, edge_text.thresholds, as_json, wrote, shlex.join(["aetk", "verify", str(report.out)]))
