"""`aetk score`."""

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aetk.cli.common import FILE, json_option, overwrite, provider_option, show, trust_option
from aetk.render.text import scoring, scoring_progress

if TYPE_CHECKING:
    from aetk.edge.scoring import ScoreProgress


@click.command("score", short_help="Score a table with a model.")
@click.argument("model", type=FILE)
@click.argument("data", type=FILE)
@click.option("--out", type=FILE, metavar="FILE", help="CSV or Parquet by its ending [default: NAME.scores.csv here].")
@click.option("--id", "id_column", metavar="COL", help="Column to carry along in place of a row number.")
@provider_option("Run on this provider; repeat for a second choice [default: cpu].")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="CPU threads that score [default: all].")
@click.option("--threshold", type=float, metavar="T", help="Decide by this one instead of the model's.")
@trust_option
@json_option
def command(
    model: Path,
    data: Path,
    out: Path | None,
    id_column: str | None,
    providers: tuple[str, ...],
    threads: int | None,
    threshold: float | None,
    trusted_key: Path | None,
    as_json: bool,
) -> None:
    """Score every row of DATA, a CSV or Parquet file or a folder of Parquet files, with MODEL.

    DATA may be larger than memory. Columns are found by name; others are ignored. Writes similarity, is_anomaly and
    is_valid for each row. A row with a missing or infinite value is flagged and not valid, unless its replacement was
    trained in. In CSV, text that a spreadsheet would run as a formula is written with an apostrophe before it.
    """
    from aetk.edge.model import load
    from aetk.edge.scoring import score_file

    shown = sys.stderr.isatty()
    try:
        report = score_file(
            load(model, trusted_key),
            data,
            out=out,
            id_column=id_column,
            providers=providers or ("cpu",),
            threads=threads,
            threshold=threshold,
            progress=_Line() if shown else lambda _: None,
        )
    finally:
        if shown:
            overwrite("")
    show(report, scoring, as_json, str(report.out), shlex.join(["aetk", "threshold", str(model)]))


class _Line:
    """Shows progress in one line of the terminal, a few times a second."""

    def __init__(self) -> None:
        self._next = 0.0

    def __call__(self, progress: "ScoreProgress") -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            overwrite(scoring_progress(progress))
