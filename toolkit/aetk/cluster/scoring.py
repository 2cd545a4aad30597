"""Scores a folder of Parquet files into another, on an engine."""

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
    """What came of a partition."""

    name: str
    rows: int
    anomalies: int
    invalid: int


@dataclass(frozen=True)
class ClusterReport:
    """What came of scoring a folder.

    Attributes:
        partitions: files of it, each scored into one of the same name.
        found: of them, how many an earlier run had left, complete.
        rows: of all, as `anomalies` and `invalid`.
        workers: processes at a time; None where the engine does not tell, or had nothing to do.
        gpus: that each of them was given.
        seconds: that the engine took, its start left out.
        rows_per_second: of the partitions that this run scored; None where all were found.
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
    """Score every Parquet file of a folder into a file of the same name, each whole or not at all.

    Started again after an end of whatever kind, it does what is missing: a partition that is there bears the digest of
    the plan in its metadata. The summary, partition by partition, is `_aetk-summary.json`, written last.

    Args:
        model: an exported model, which lies at the same path wherever the engine works.
        data: a folder or a URL of one; nested folders are read, too, names that begin with `.` or `_` are not.
        engine: where the work is done, and where `data` and `out` mean the same as here.
        out: a folder or a URL, empty or of an earlier run of the same plan; `NAME.scores` in the working folder unless
            named.
        id_column: a column of the data to carry along, in place of a row number that counts from 1 over all files.
        providers: see `Scorer`; where the first computes on CUDA, each worker is given a GPU.
        threshold: see `Scorer`.
        trusted_key: see `BatchScorer`.
        progress: called after every partition.

    Raises:
        BadInput: data that cannot be scored, or an `out` that holds something else or is being written.
        CheckFailed: the model is not the one that its card describes, or a worker finds another.
        Unavailable: the engine or a store cannot be reached or gave up, no GPU is there where one is needed, a disk is
            full.
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
    """BadInput for a GPU named by its number: a worker counts only the GPUs that the cluster has given to it."""
    for provider in map(find_provider, providers):
        if provider.device == "cuda" and provider.chosen not in ("", "0"):
            raise BadInput(
                f"{provider.label} names a GPU of this machine; a worker of a cluster is given its own, number 0.",
                f"Use --provider {provider.short}.",
            )


def _check_apart(source: Folder, target: Folder) -> None:
    """BadInput where scores would be read as data next time, or take its place."""
    one, other = str(source).rstrip("/") + "/", str(target).rstrip("/") + "/"
    if isinstance(source, LocalFolder) and isinstance(target, LocalFolder):
        one, other = f"{source.path.resolve()}/", f"{target.path.resolve()}/"
    if one.startswith(other) or other.startswith(one):
        raise BadInput(f"{target} and {source} lie within one another.", "Name a folder apart from it with --out.")


@contextlib.contextmanager
def _alone(target: Folder) -> Iterator[None]:
    """Hold a local folder against a second driver; on a store two would write the same files, each whole."""
    if not isinstance(target, LocalFolder):
        yield
        return
    target.path.mkdir(parents=True, exist_ok=True)
    with locked(target.path, 0, "Wait for it, or name another folder with --out."):
        yield


def _found(target: Folder, plan: Plan, partition: Partition) -> PartitionScores | None:
    """What an earlier run of the plan has left of a partition; None where that is nothing whole."""
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
    """Scores one partition, wherever it is called."""

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
                raise BadInput(f"{found}: it was changed.", "Wait until the data is written, and start anew.")
            scores = PartitionScores(partition.name, rows, anomalies, invalid)
            sink.notes[_NOTE] = json.dumps({"plan": self.plan, "anomalies": anomalies, "invalid": invalid})
        return asdict(scores)

    def _columns(self, path: Path, first: int) -> Iterator[dict[str, Any]]:
        """The scores of a file, piece by piece, as arrow arrays by column name."""
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
