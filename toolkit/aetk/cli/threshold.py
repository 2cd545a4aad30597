"""`aetk threshold`."""

import shlex
from pathlib import Path

import click

from aetk.cli.common import FILE, LOCATION, engine_options, json_option, refuse_without_engine, show, sign_option
from aetk.render import text


@click.command("threshold", short_help="Show or set a threshold.")
@click.argument("model", type=FILE)
@click.option("--set", "value", type=float, metavar="VALUE", help="A similarity, -1 < VALUE <= 1.")
@click.option(
    "--false-alarms", "rate", type=float, metavar="RATE", help="Split-conformal on --data: at most this rate."
)
@click.option("--best-f1", is_flag=True, help="The highest macro F1 on --data with --label.")
@click.option("--data", type=LOCATION, metavar="FILE", help="Rows to calibrate on, none that it was trained on.")
@click.option("--label", metavar="COL", help="Column of 0 (ordinary) and 1 (anomaly).")
@engine_options
@sign_option
@json_option
def command(
    model: Path,
    value: float | None,
    rate: float | None,
    best_f1: bool,
    data: str | None,
    label: str | None,
    engine: str | None,
    workers: int | None,
    gpus: float | None,
    sign_key: Path | None,
    as_json: bool,
) -> None:
    """Show the threshold of MODEL, or give it a new one; model and card are replaced together.

    Needs neither PyTorch nor the onnx package, so it works on the device itself. With --engine, --data may be a folder
    of Parquet files that no memory holds, or the URL of one.
    """
    ways = sum([value is not None, rate is not None, best_f1])
    if ways > 1:
        raise click.UsageError("Choose one of --set, --false-alarms and --best-f1.")
    if (rate is not None or best_f1) != (data is not None):
        raise click.UsageError("--data goes with --false-alarms or --best-f1, and they need it.")
    if label is not None and data is None:
        raise click.UsageError("--label goes with --data.")
    if sign_key is not None and ways == 0:
        raise click.UsageError("--sign-key goes with --set, --false-alarms or --best-f1.")
    if best_f1 and label is None:
        raise click.UsageError("--best-f1 needs --label, a column of 0 and 1.")
    if engine is None:
        refuse_without_engine(data or "", workers=workers, gpus=gpus)
    elif rate is None:
        raise click.UsageError("--engine goes with --false-alarms.")
    if ways == 0:
        from aetk.edge.inspection import inspect

        found = inspect(model).card.threshold
        show(found, text.threshold, as_json, following=shlex.join(["aetk", "verify", str(model)]))
        return
    from aetk.contract.threshold import Method, check_rate
    from aetk.edge.model import card_path
    from aetk.edge.rethreshold import calibrate_threshold, set_threshold

    if value is not None:
        report = set_threshold(model, value, sign_key=sign_key)
    else:
        assert data is not None
        method = Method("best-f1") if rate is None else Method("conformal", check_rate(rate, "--false-alarms"))
        if engine is None:
            report = calibrate_threshold(model, method, Path(data), label, sign_key=sign_key)
        else:
            from aetk.fleet.engine import Resources, find_engine
            from aetk.fleet.threshold import calibrate_on_engine

            cluster = find_engine(engine, Resources(workers, gpus=gpus or 0.0))
            report = calibrate_on_engine(model, method, data, cluster, label, sign_key=sign_key)
    wrote = f"{report.model} and {card_path(report.model)}"
    show(report, text.thresholds, as_json, wrote, shlex.join(["aetk", "verify", str(model)]))
