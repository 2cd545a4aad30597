"""`aetk score`."""

import shlex
from pathlib import Path

import click

from aetk.cli.common import FILE, json_option, provider_option, show
from aetk.render.text import scoring


@click.command("score", short_help="Score a table with a model.")
@click.argument("model", type=FILE)
@click.argument("data", type=FILE)
@click.option("--out", type=FILE, metavar="FILE", help="CSV or Parquet by its ending [default: NAME.scores.csv here].")
@click.option("--id", "id_column", metavar="COL", help="Column to carry along in place of a row number.")
@provider_option("Run on this provider; repeat for a second choice [default: cpu].")
@click.option("--threshold", type=float, metavar="T", help="Decide by this one instead of the model's.")
@json_option
def command(
    model: Path,
    data: Path,
    out: Path | None,
    id_column: str | None,
    providers: tuple[str, ...],
    threshold: float | None,
    as_json: bool,
) -> None:
    """Score every row of DATA, a CSV or Parquet file, with MODEL.

    Columns are found by name; others are ignored. Writes similarity, is_anomaly and is_valid for each row. A row with
    a missing or infinite value is flagged and not valid, unless its replacement was trained in.
    """
    from aetk.edge.scoring import score_file

    report = score_file(model, data, out=out, id_column=id_column, providers=providers or ("cpu",), threshold=threshold)
    show(report, scoring, as_json, str(report.out), shlex.join(["aetk", "threshold", str(model)]))
