"""`aetk score`."""

import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from aetk.cli.common import (
    FILE,
    engine_options,
    json_option,
    overwrite,
    provider_option,
    refuse_without_engine,
    show,
    table_options,
    trust_option,
)
from aetk.render import cluster_text, edge_text

if TYPE_CHECKING:
    from aetk.cluster.scoring import ClusterProgress
    from aetk.edge.scoring.table_file import ScoreProgress


@click.command("score", short_help="Score a table with a model.")
@click.argument("model", type=FILE)
@click.argument("data", type=click.Path())
@click.option(
    "--out",
    type=click.Path(),
    metavar="FILE",
    help="CSV, JSON Lines or Parquet by its ending, - for standard output [default: NAME.scores.csv here].",
)
@click.option(
    "--format",
    "table_format",
    type=click.Choice(["csv", "jsonl"]),
    help="Of DATA and of --out, where no ending says it [default: csv].",
)
@click.option("--id", "id_column", metavar="COL", help="Column to carry along in place of a row number.")
@provider_option("Run on this provider; repeat for a second choice [default: cpu].")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="CPU threads that score [default: all].")
@click.option("--threshold", type=float, metavar="T", help="Decide by this one instead of the model's.")
@table_options
@engine_options
@trust_option
@json_option
def command(
    model: Path,
    data: str,
    out: str | None,
    table_format: Literal["csv", "jsonl"] | None,
    id_column: str | None,
    providers: tuple[str, ...],
    threads: int | None,
    threshold: float | None,
    overrides: tuple[str, ...],
    like_training: bool,
    engine: str | None,
    workers: int | None,
    gpus: float | None,
    trusted_key: Path | None,
    as_json: bool,
) -> None:
    """Score every row of DATA, a file of CSV, JSON Lines or Parquet or a folder of Parquet files, with MODEL.

    DATA may be larger than memory. Columns are found by name; others are ignored. Writes similarity, is_anomaly and
    is_valid for each row. A row with a missing or infinite value is flagged and not valid, unless its replacement was
    trained in. A text file is read as the model's card says, which is plain CSV unless it was trained on another
    format; a compressed one is unpacked. In CSV, text that a spreadsheet would run as a formula is written with an
    apostrophe before it.

    DATA may be - for standard input; the scores then go to standard output unless --out says otherwise. Each row that
    arrives through a pipe is answered at once. Where the scores go to standard output, the report goes to standard
    error.

    With --engine, the workers of a Ray or Spark cluster, one thread each unless --threads says more, score the files
    of a folder into files of the same names in the folder --out [default: NAME.scores here]. Both may be URLs, such as
    s3://bucket/folder. Run again after whatever end, the command does what is missing.
    """
    given: dict[str, Any] = {"id_column": id_column, "threshold": threshold}
    if engine is not None:
        if table_format is not None or "-" in (data, out):
            raise click.UsageError("--engine scores folders of Parquet files; --format and - are for one table.")
        if overrides or not like_training:
            raise click.UsageError("--engine scores folders of Parquet files; --table-format is for text files.")
        from aetk.cluster.engine import Resources
        from aetk.cluster.engines import find_engine
        from aetk.cluster.scoring import score_folder

        given |= {"providers": providers or ("cuda" if gpus else "cpu",), "trusted_key": trusted_key}
        with _Line() as line:
            cluster = find_engine(engine, Resources(workers, threads or 1, gpus))
            done = score_folder(model, data, cluster, out=out, progress=line.partitions, **given)
        show(done, cluster_text.scoring, as_json, f"{done.out}/")
        return
    refuse_without_engine(data, workers=workers, gpus=gpus)
    from aetk.base.streams import STANDARD, open_file_number
    from aetk.edge.model import load
    from aetk.edge.scoring.table_file import score_file

    given |= {"providers": providers or ("cpu",), "threads": threads, "table_format": table_format}
    given |= {"overrides": overrides, "default_format": not like_training}
    target = None if out is None else _path(out)
    is_printed = data == "-" if target is None else open_file_number(target) == 1
    # rows on a terminal need its lines for themselves
    with _Line(is_shown=not (is_printed and sys.stdout is not None and sys.stdout.isatty())) as line:
        report = score_file(load(model, trusted_key), _path(data), out=target, progress=line.rows, **given)
    wrote = "standard output" if report.out == STANDARD else str(report.out)
    following = shlex.join(["aetk", "threshold", str(model)])
    show(report, edge_text.scoring, as_json, wrote, following, is_error=is_printed)


def _path(given: str) -> Path:
    """A path as the library takes it, to which `-` is a stream and `./-` a file that is called so."""
    path = Path(given)
    return path.absolute() if str(path) == "-" and given != "-" else path


class _Line:
    """Shows progress in one line of a terminal, a few times a second, and removes it at the end."""

    def __init__(self, *, is_shown: bool = True) -> None:
        self._shown = is_shown and sys.stderr.isatty()
        self._next = 0.0

    def rows(self, progress: "ScoreProgress") -> None:
        """Of a table."""
        self._show(edge_text.scoring_progress, progress)

    def partitions(self, progress: "ClusterProgress") -> None:
        """Of a folder on an engine."""
        self._show(cluster_text.progress, progress)

    def _show(self, words: Callable[[Any], str], progress: Any) -> None:
        if self._shown and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.1
            overwrite(words(progress))

    def __enter__(self) -> "_Line":
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            overwrite("")
