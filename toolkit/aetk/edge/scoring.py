"""Scores a table on disk into a table on disk."""

import contextlib
import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from aetk.contract import spec
from aetk.contract.errors import BadInput
from aetk.contract.files import atomic_file
from aetk.edge.scorer import Scorer, Scores
from aetk.edge.tables import header, is_parquet, positions, read_chunks


@dataclass(frozen=True)
class ScoreReport:
    """What came of scoring a table."""

    model: Path
    data: Path
    out: Path
    provider: str
    threshold: float
    rows: int
    anomalies: int
    invalid: int
    seconds: float


class Sink(Protocol):
    """Where scored batches go: columns of equal length by name."""

    def write(self, columns: dict[str, Any]) -> None:
        """Append a batch."""

    def close(self) -> None:
        """Finish the file."""


class CsvSink:
    """Writes columns to a CSV file: booleans as 0 and 1, floats with the digits that a float32 needs."""

    def __init__(self, file: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._names: list[str] = []

    def write(self, columns: dict[str, Any]) -> None:
        """Append a batch, after a header line if it is the first."""
        if not self._names:
            self._names = list(columns)
            self._writer.writerow(self._names)
        self._writer.writerows(zip(*map(_cells, columns.values()), strict=True))

    def close(self) -> None:
        """Leave the file open, as it was found."""
        self._text.detach()


def _cells(values: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return values
    if values.dtype == np.bool_:
        return values.astype(np.int8).tolist()
    return values.astype(str).tolist() if values.dtype == np.float32 else values.tolist()


def score_file(
    model: str | Path,
    data: Path,
    *,
    out: Path | None = None,
    id_column: str | None = None,
    providers: Sequence[str] = ("cpu",),
    threshold: float | None = None,
) -> ScoreReport:
    """Score every row of a CSV or Parquet file; the output appears only when it is complete.

    Args:
        model: an exported model.
        data: the table; the model's features are found by column name, other columns are ignored.
        out: where to write, CSV or Parquet by its ending; by default `DATA-stem.scores.csv` in the working folder.
        id_column: a column of the data to carry along, in place of a row number that counts from 1.
        providers: see `Scorer`.
        threshold: see `Scorer`.

    Raises:
        BadInput, CheckFailed, Unavailable: see `Scorer` and `edge.tables.read_chunks`.
    """
    started = time.perf_counter()
    out = out or Path(f"{data.stem}.scores.csv")
    scorer = Scorer(model, providers=providers, threshold=threshold)
    texts = [] if id_column is None else [id_column]
    positions(data, header(data), [*scorer.feature_names, *texts])
    _check_names(out, data, scorer, id_column)
    rows = anomalies = invalid = 0
    with atomic_file(out) as file, contextlib.closing(_sink(out, file)) as sink:
        for chunk in read_chunks(data, scorer.feature_names, texts):
            scores = scorer.score(chunk.values)
            first = rows + 1
            rows += len(chunk.values)
            key: Any = np.arange(first, rows + 1) if id_column is None else list(chunk.texts[0])
            sink.write({id_column or "row": key, **_columns(scores, scorer.feature_names)})
            anomalies += int(scores.is_anomaly.sum())
            invalid += int((~scores.is_valid).sum())
        if rows == 0:
            raise BadInput(f"{data} has a header and no rows.")
    seconds = time.perf_counter() - started
    return ScoreReport(
        scorer.model.path, data, out, scorer.provider, scorer.threshold, rows, anomalies, invalid, seconds
    )


def _check_names(out: Path, data: Path, scorer: Scorer, id_column: str | None) -> None:
    for kept in (data, scorer.model.path, scorer.model.card_path):
        if out.exists() and kept.exists() and out.samefile(kept):
            raise BadInput(f"{out} would be overwritten; it is read here.", "Name another file with --out.")
    if id_column in spec.OUTPUTS or (id_column or "").startswith(f"{spec.CONTRIBUTION}:"):
        raise BadInput(f"--id {id_column} is the name of a column that is written; rename it in {data}.")


def _sink(out: Path, file: IO[bytes]) -> Sink:
    if is_parquet(out):
        from aetk.edge.arrow import ParquetSink

        return ParquetSink(file)
    return CsvSink(file)


def _columns(scores: Scores, names: Sequence[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        spec.SIMILARITY: scores.similarity,
        spec.IS_ANOMALY: scores.is_anomaly,
        spec.IS_VALID: scores.is_valid,
    }
    if scores.contribution is not None:
        columns |= {f"{spec.CONTRIBUTION}:{name}": scores.contribution[:, i] for i, name in enumerate(names)}
    return columns
