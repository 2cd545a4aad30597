"""Scores a table and writes a table: files, or streams whose rows are answered as they arrive."""

import contextlib
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from aetk.base.errors import BadInput
from aetk.base.files import atomic_file
from aetk.base.streams import STANDARD, Stop, open_file_number, title
from aetk.contract import spec
from aetk.contract.arguments import checked
from aetk.contract.reading import Encoding
from aetk.edge.scoring.pipeline import overlap
from aetk.edge.scoring.scorer import Scorer, Scores
from aetk.edge.tables import parquet
from aetk.edge.tables.chunk import Chunk, is_parquet, no_rows
from aetk.edge.tables.format_words import overridden
from aetk.edge.tables.formats import Format, formats
from aetk.edge.tables.read import read_chunks
from aetk.edge.tables.unpack import plain_name
from aetk.edge.tables.write import open_sink


@dataclass(frozen=True)
class ScoreReport:
    """The result of scoring a table.

    Attributes:
        data, out: `-` for standard input and standard output.
        files: the number of files in the table, more than one only for a folder.
        seconds: from the call to the finished file, the model's loading included.
        unseen: by column, the cells of a category that are none of its levels, and not missing; without columns that
            have none.
    """

    model: Path
    data: Path
    out: Path
    provider: str
    threshold: float
    files: int
    rows: int
    anomalies: int
    invalid: int
    seconds: float
    unseen: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float:
        """Rows read, scored and written in a second."""
        return self.rows / self.seconds


@dataclass(frozen=True)
class ScoreProgress:
    """The progress of scoring.

    Attributes:
        share: the part of the table that is done, from 0 to 1; None if its size is unknown.
        seconds: the time since the call.
    """

    rows: int
    share: float | None
    seconds: float


@checked
def score_file(
    model: str | Path | Any,
    data: str | Path,
    *,
    out: str | Path | None = None,
    table_format: Format | None = None,
    id_column: str | None = None,
    providers: Sequence[str] = ("cpu",),
    threads: int | None = None,
    threshold: float | None = None,
    overrides: Sequence[str] = (),
    default_format: bool = False,
    progress: Callable[[ScoreProgress], None] = lambda _: None,
) -> ScoreReport:
    """Score every row of a table at constant memory.

    A file appears only when it is complete. A stream (`-`, a pipe, a device) keeps what was written: each row that
    arrives through a pipe is answered at once, and the rows before an error are answered before it is raised.

    Args:
        model: an exported model.
        data: a file of text in the format that the model's card says (CSV by default), of JSON Lines or Parquet, a pipe
            or `-` of the first two, or a folder of Parquet files, read in the order of their paths; the model's
            features are found by name, other columns are ignored. Text and JSON Lines may be compressed.
        out: the file to write; by default `DATA-stem.scores.csv` in the working folder, or `-` if the data are `-`.
        table_format: the format of data or output whose name has no ending that shows it; `csv` by default.
        id_column: a column of the data to copy to the output instead of row numbers, which count from 1.
        providers: see `Scorer`.
        threads: see `Scorer`.
        threshold: see `Scorer`.
        overrides: what `data` has in place of the card's format: `KEY=VALUE`, as `--table-format` takes.
        default_format: whether `data` is in the default format, whatever the card says.
        progress: called after every few thousand rows.

    Raises:
        BadInput, CheckFailed, Unavailable: see `Scorer` and `edge.tables.read.read_chunks`.
    """
    started = time.perf_counter()
    data, out = Path(data), None if out is None else Path(out)
    source_format, out_format = formats(data, out, table_format)
    out = out or _default_output(data, out_format)
    scorer = Scorer(model, providers=providers, threads=threads, threshold=threshold)
    files = (data,) if data == STANDARD else parquet.files(data)
    _check_names(out, data, (*files, scorer.model.path, scorer.model.card_path), id_column)
    texts = [] if id_column is None else [id_column]
    card = scorer.model.card
    table = overridden(card.table, overrides, default_text=default_format)
    rows = anomalies = invalid = 0
    unseen = _Unseen(card.encodings)

    def score(chunk: Chunk) -> dict[str, Any]:
        nonlocal rows, anomalies, invalid
        unseen.count(chunk.values)
        scores = scorer.score(chunk.values)
        first, rows = rows + 1, rows + len(chunk.values)
        anomalies += int(scores.is_anomaly.sum())
        invalid += int((~scores.is_valid).sum())
        progress(ScoreProgress(rows, chunk.share, time.perf_counter() - started))
        key = np.arange(first, rows + 1) if id_column is None else chunk.texts[0]
        return {id_column or "row": key, **_columns(scores, scorer.feature_names)}

    with Stop() as stop:
        chunks = read_chunks(
            data,
            scorer.feature_names,
            texts,
            np.float32,
            encodings=unseen.encodings,
            table=table,
            table_format=source_format,
            stop=stop,
        )
        with atomic_file(out, stop) as file, contextlib.closing(open_sink(out_format, file)) as sink:

            def write(columns: dict[str, Any]) -> None:
                sink.write(columns)
                file.flush()

            overlap(chunks, score, write, stop.set)
            if rows == 0:
                raise no_rows(Path(title(data, "standard input")))
    seconds = time.perf_counter() - started
    return ScoreReport(
        model=scorer.model.path,
        data=data,
        out=out,
        provider=scorer.provider,
        threshold=scorer.threshold,
        files=len(files),
        rows=rows,
        anomalies=anomalies,
        invalid=invalid,
        seconds=seconds,
        unseen=unseen.found,
    )


class _Unseen:
    """Counts the cells of categories that are none of their levels, and gives missing ones the last index.

    Attributes:
        encodings: how the cells are read, so that missing ones can be told from the others.
        found: the number of cells by column, without columns that have none.
    """

    def __init__(self, encodings: Sequence[Encoding]) -> None:
        self.encodings = [replace(each, tells_missing=True) if each.levels else each for each in encodings]
        self.found = dict[str, int]()

    def count(self, values: Any) -> None:
        """Count the cells of a chunk, float32 [rows, features], and put the last index where a category is NaN."""
        for position, encoding in enumerate(self.encodings):
            if encoding.levels:
                column, last = values[:, position], len(encoding.levels)
                if number := int(np.count_nonzero(column == last)):
                    self.found[encoding.column] = self.found.get(encoding.column, 0) + number
                column[np.isnan(column)] = last


def _default_output(data: Path, out_format: Format) -> Path:
    """`NAME.scores.FORMAT` in the working folder; standard output if the table is standard input."""
    if data == STANDARD:
        return STANDARD
    data = data.resolve() if data.name in ("", "..") else data
    stem = data.name if data.is_dir() and not is_parquet(data) else plain_name(data).stem
    return Path(f"{stem}.scores.{out_format}")


def _check_names(out: Path, data: Path, kept: Sequence[Path], id_column: str | None) -> None:
    written, shown = _file(out, open_file_number(out)), title(out, "standard output")
    for path in kept:
        if written is not None and written == _file(path, 0 if path == STANDARD else None):
            raise BadInput(f"{shown} would be overwritten; it is read here.", "Name another file with --out.")
    if data.is_dir() and any(parquet.would_read(data, path) for path in (out, Path(os.path.realpath(out)))):
        raise BadInput(f"{out} would be a part of {data} next time.", "Name a file in another folder with --out.")
    check_id(id_column, str(data))


def _file(path: Path, descriptor: int | None) -> tuple[int, int] | None:
    """The device and inode numbers of a regular file, which identify it under any name; else None."""
    try:
        status = path.stat() if descriptor is None else os.fstat(descriptor)
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def check_id(id_column: str | None, data: str) -> None:
    """Raise BadInput if the column to copy has the name of another column that is written."""
    if id_column in spec.OUTPUTS or (id_column or "").startswith(f"{spec.CONTRIBUTION}:"):
        raise BadInput(f"--id {id_column} is the name of a column that is written; rename it in {data}.")


def _columns(scores: Scores, names: Sequence[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        spec.SIMILARITY: scores.similarity,
        spec.IS_ANOMALY: scores.is_anomaly,
        spec.IS_VALID: scores.is_valid,
    }
    if scores.contribution is not None:
        columns |= {f"{spec.CONTRIBUTION}:{name}": scores.contribution[:, i] for i, name in enumerate(names)}
    return columns
