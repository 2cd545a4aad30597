"""Scores a folder of Parquet files into another folder, on an engine."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.base.locks import locked
from aetk.cluster.engine import Engine, Workers
from aetk.cluster.job import Partition, Plan, make_plan, map_in_threads, write_or_match_plan
from aetk.cluster.storage import Folder, LocalFolder, open_folder
from aetk.contract import spec
from aetk.edge.runtime.providers import find_provider
from aetk.edge.scoring.batch_scorer import BatchScorer
from aetk.edge.scoring.table_file import check_id
from aetk.edge.tables import arrow, parquet
from aetk.edge.tables.arrow import pyarrow
from aetk.edge.tables.write import ParquetSink

SUMMARY = "_aetk-summary.json"
_NOTE = "aetk.partition"


@dataclass(frozen=True)
class PartitionScores:
    """The result of scoring a partition."""

    name: str
    rows: int
    anomalies: int
    invalid: int


@dataclass(frozen=True)
class ClusterReport:
    """The result of scoring a folder.

    Attributes:
        partitions: the number of its files, each scored into a file of the same name.
        found: the number of partitions that an earlier run had completed.
        rows, anomalies, invalid: the numbers of rows in all partitions.
        workers: processes at a time; None if the engine does not say, or had nothing to do.
        gpus: GPUs of each worker.
        seconds: the time that the engine took, without its start.
        rows_per_second: the speed over the partitions that this run scored; None if all were found.
    """

    model: Path
    data: str
    out: str
    engine: str
    workers: int | None
    gpus: float
    threshold: float
    partitions: int
    found: int
    rows: int
    anomalies: int
    invalid: int
    seconds: float
    rows_per_second: float | None


@dataclass(frozen=True)
class ClusterProgress:
    """How many partitions are done, and their rows."""

    partitions: int
    of: int
    rows: int


def score_folder(
    model: str | Path,
    data: str,
    engine: Engine,
    *,
    out: str | None = None,
    id_column: str | None = None,
    providers: Sequence[str] = ("cpu",),
    threshold: float | None = None,
    trusted_key: Path | None = None,
    progress: Callable[[ClusterProgress], None] = lambda _: None,
) -> ClusterReport:
    """Score every Parquet file of a folder into a file of the same name, each completely or not at all.

    Started again after any interruption, it scores the missing partitions: a finished one has the digest of the plan
    in its metadata. The summary of all partitions is `_aetk-summary.json`, written last.

    Args:
        model: an exported model, at the same path on every machine of the engine.
        data: a folder or its URL; nested folders are read, too, names that begin with `.` or `_` are not.
        engine: the engine, on whose machines `data` and `out` mean the same as here.
        out: a folder or its URL, empty or of an earlier run of the same plan; by default `NAME.scores` in the working
            folder.
        id_column: a column of the data to copy, in place of a row number that counts from 1 over all files.
        providers: see `Scorer`; if the first computes on CUDA, each worker gets a GPU.
        threshold: see `Scorer`.
        trusted_key: see `BatchScorer`.
        progress: called after every partition.

    Raises:
        BadInput: the data cannot be scored, or `out` holds something else or is being written.
        CheckFailed: the model is not the one that its card describes, or a worker finds another model.
        Unavailable: the engine or a store cannot be reached or failed, a GPU is needed and missing, or a disk is full.
    """
    _check_device(providers)
    scorer = BatchScorer(
        model,
        contribution=None,
        providers=providers,
        threads=engine.threads,
        threshold=threshold,
        trusted_key=trusted_key,
    )
    out = out or _default_output(data)
    source, target = open_folder(data), open_folder(out)
    check_id(id_column, data)
    _check_apart(source, target)
    plan = make_plan(source, scorer, id_column)
    with _alone(target):
        write_or_match_plan(plan, target)
        done = {
            each.name: each for each in map_in_threads(lambda part: _found(target, plan, part), plan.partitions) if each
        }
        found = len(done)
        missing = [asdict(partition) for partition in plan.partitions if partition.name not in done]
        workers, seconds, rows = Workers(None), 0.0, sum(each.rows for each in done.values())
        if missing:
            work = _Work(scorer, source, target, id_column, plan.digest)
            with engine.connected(scorer.computes_on_cuda) as workers:
                started = time.perf_counter()
                for result in engine.run(work, missing):
                    scores = PartitionScores(**result)
                    done[scores.name] = scores
                    rows += scores.rows
                    progress(ClusterProgress(len(done), len(plan.partitions), rows))
                seconds = time.perf_counter() - started
        parts = [done[partition.name] for partition in plan.partitions]
        report = ClusterReport(
            model=Path(scorer.path),
            data=_shown(data, source),
            out=_shown(out, target),
            engine=engine.name,
            workers=workers.count,
            gpus=workers.gpus,
            threshold=scorer.threshold,
            partitions=len(parts),
            found=found,
            rows=sum(part.rows for part in parts),
            anomalies=sum(part.anomalies for part in parts),
            invalid=sum(part.invalid for part in parts),
            seconds=seconds,
            rows_per_second=sum(task["rows"] for task in missing) / seconds if missing else None,
        )
        summary = {"plan": plan.digest, "rows": report.rows, "anomalies": report.anomalies, "invalid": report.invalid}
        with target.create(SUMMARY) as file:
            file.write(json.dumps({**summary, "partitions": list(map(asdict, parts))}, indent=1).encode() + b"\n")
    return report


def _default_output(data: str) -> str:
    """`NAME.scores` in the working folder."""
    if "://" in data:
        raise BadInput(
            f"{data} is a URL; expected --out, a folder that every worker can write into.", "s3://bucket/scores is one."
        )
    return f"{Path(data).resolve().name}.scores"


def _shown(location: str, folder: Folder) -> str:
    """A path as it was given; a URL without the credentials that it may hold."""
    return str(folder) if "://" in location else location


def _check_device(providers: Sequence[str]) -> None:
    """Raise BadInput if a GPU is named by its number: a worker counts only the GPUs that the cluster gave to it."""
    for provider in map(find_provider, providers):
        if provider.device == "cuda" and provider.chosen not in ("", "0"):
            raise BadInput(
                f"{provider.label} names a GPU of this machine; a worker of a cluster is given its own, number 0.",
                f"Use --provider {provider.short}.",
            )


def _check_apart(source: Folder, target: Folder) -> None:
    """Raise BadInput if scores would be read as data next time, or replace it."""
    one, other = str(source).rstrip("/") + "/", str(target).rstrip("/") + "/"
    if isinstance(source, LocalFolder) and isinstance(target, LocalFolder):
        one, other = f"{source.path.resolve()}/", f"{target.path.resolve()}/"
    if one.startswith(other) or other.startswith(one):
        raise BadInput(f"{target} and {source} are inside one another.", "Name a separate folder with --out.")


@contextlib.contextmanager
def _alone(target: Folder) -> Iterator[None]:
    """Lock a local folder against a second run; in a store, both would write the same files, each completely."""
    if not isinstance(target, LocalFolder):
        yield
        return
    target.path.mkdir(parents=True, exist_ok=True)
    with locked(target.path, 0, "Wait for it, or name another folder with --out."):
        yield


def _found(target: Folder, plan: Plan, partition: Partition) -> PartitionScores | None:
    """The result of a partition that an earlier run of the plan completed; None if it did not."""
    pa = pyarrow()
    try:
        with target.open(partition.name) as file, pa.parquet.ParquetFile(file) as scores:
            note = typed_json.parse((scores.metadata.metadata or {})[_NOTE.encode()])
            found = PartitionScores(partition.name, scores.metadata.num_rows, note["anomalies"], note["invalid"])
            whole = note["plan"] == plan.digest and found.rows == partition.rows
    except (FileNotFoundError, KeyError, TypeError, ValueError, OSError, pa.ArrowException):
        return None
    return found if whole else None


@dataclass(frozen=True)
class _Work:
    """Scores one partition, on any machine."""

    scorer: BatchScorer
    data: Folder
    out: Folder
    id_column: str | None
    plan: str

    def __call__(self, task: dict[str, Any]) -> dict[str, Any]:
        partition = Partition(**task)
        rows = anomalies = invalid = 0
        with (
            self.data.local(partition.name) as path,
            self.out.create(partition.name) as file,
            contextlib.closing(ParquetSink(file)) as sink,
        ):
            for columns in self._columns(path, partition.first):
                rows += len(columns[spec.SIMILARITY])
                anomalies += columns[spec.IS_ANOMALY].true_count
                invalid += len(columns[spec.IS_VALID]) - columns[spec.IS_VALID].true_count
                sink.write(columns)
            if rows != partition.rows:
                found = f"{self.data}/{partition.name} holds {rows:,} rows, and held {partition.rows:,} before"
                raise BadInput(f"{found}: it was changed.", "Wait until the data is written, and start again.")
            scores = PartitionScores(partition.name, rows, anomalies, invalid)
            sink.notes[_NOTE] = json.dumps({"plan": self.plan, "anomalies": anomalies, "invalid": invalid})
        return asdict(scores)

    def _columns(self, path: Path, first: int) -> Iterator[dict[str, Any]]:
        """Yield the scores of a file, piece by piece, as arrow arrays by column name."""
        pa, names = pyarrow(), list(self.scorer.feature_names)
        text = [] if self.id_column is None else [self.id_column]
        pieces = parquet.batches(path, names, text) if parquet.checked_rows(path, names, text) else self._empty()
        for piece in pieces:
            if self.id_column is None:
                key = pa.array(np.arange(first, first + piece.num_rows))
            else:
                key = arrow.texts(piece.column(self.id_column))
            scored = self.scorer(piece.select(names))
            answers = scored.schema.names[len(names) :]
            yield {self.id_column or "row": key, **{name: scored.column(name) for name in answers}}
            first += piece.num_rows

    def _empty(self) -> Iterator[Any]:
        pa = pyarrow()
        kinds = {name: pa.float32() for name in self.scorer.feature_names}
        if self.id_column is not None:
            kinds[self.id_column] = pa.string()
        yield pa.RecordBatch.from_pylist([], pa.schema(kinds))
