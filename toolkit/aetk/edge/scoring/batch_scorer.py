"""Scores Arrow tables: one callable for every engine that uses Arrow."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np

from aetk.base.errors import BadInput
from aetk.contract import spec
from aetk.contract.arguments import checked
from aetk.contract.threshold import check_value
from aetk.edge.model import load, load_unchanged
from aetk.edge.runtime.providers import find_provider
from aetk.edge.scoring.scorer import Scorer, Scores
from aetk.edge.tables.arrow import pyarrow
from aetk.edge.tables.cells import Features
from aetk.edge.tables.chunk import NoNumbers, check_names, column_indices
from aetk.edge.tables.read import encoded

Batch = TypeVar("Batch")
"""A pyarrow RecordBatch or Table."""

_ROWS_AT_ONCE = 2**16
_MODELS_AT_ONCE = 4
_opening = Lock()


class BatchScorer:
    """An exported model as a function of Arrow tables, for the workers of an engine.

    It takes a RecordBatch or a Table with named columns, and returns one of the same kind with the answers appended;
    the given columns are passed on unchanged, without a copy. DuckDB, Polars, Spark's `mapInArrow`, Dask and Ray Data
    all provide such tables.

    It is pickled as the model's path and digest. Each process opens the file once, at its first batch, and refuses a
    file other than the one that the scorer was made from. Any number of threads may call it at once.

    Args:
        path: the `.onnx` file; it must be at the same path on every machine that scores.
        contribution: whether to append each feature's contribution, which the model must have been exported with; None
            appends it if the model has it.
        providers: see `Scorer`.
        threads: the number of threads that score one batch; one by default, since engines start enough workers.
        threshold: the threshold to use instead of the model's own.
        trusted_key: a public Ed25519 key in PEM, whose owner must have signed the file.

    Raises:
        BadInput: not a model of the contract, or one without contributions; a provider that is not known.
        CheckFailed: the model is not the one that its card describes, or not signed by that key.
    """

    @checked
    def __init__(
        self,
        path: str | Path,
        *,
        contribution: bool | None = False,
        providers: Sequence[str] = ("cpu",),
        threads: int = 1,
        threshold: float | None = None,
        trusted_key: Path | None = None,
    ) -> None:
        model = load(Path(path), trusted_key)
        explains = any(output.name == spec.CONTRIBUTION for output in model.graph.outputs)
        if contribution and not explains:
            raise BadInput(f"{path} has no contributions.", "Export it with: aetk export --onnx --explain")
        self.path = str(Path(path).resolve())
        self.digest = hashlib.sha256(model.data).hexdigest()
        self.feature_names = model.card.feature_names
        table = model.card.table
        coded = encoded(self.feature_names, model.card.encodings, table)
        self.features = Features.of(self.feature_names, coded, table)
        self.columns = tuple(dict.fromkeys(self.features.columns))
        self.threshold = model.graph.threshold if threshold is None else check_value(threshold)
        self.contribution = explains if contribution is None else contribution
        self.computes_on_cuda = bool(providers) and find_provider(providers[0]).device == "cuda"
        self._options = (tuple(providers), threads, threshold)

    def __call__(self, batch: Batch) -> Batch:
        """Score a RecordBatch or Table.

        Args:
            batch: the model's features as columns of numbers, found by name, null for missing; a category as text, a
                time as a timestamp or text, if the model's card has such features. Other columns may be of any type.

        Returns:
            The batch with `similarity` (float32), `is_anomaly` and `is_valid` (bool) appended, and a column
            `contribution:NAME` (float32) for each feature if requested.

        Raises:
            BadInput: not an Arrow table; a feature is missing or not a number, or a column has the name of an answer.
            CheckFailed: the model file has changed.
            Unavailable: the runtime failed.
        """
        pa = pyarrow()
        if not isinstance(batch, (pa.Table, pa.RecordBatch)):
            raise BadInput(
                f"A batch is of the type {type(batch).__name__}; expected a pyarrow Table or RecordBatch.",
                "Make it one with pyarrow.table(...), or score it with aetk.Scorer.",
            )
        table: Any = batch
        schema = self.schema(table.schema)
        whole = table if isinstance(table, pa.Table) else pa.Table.from_batches([table])
        features = whole.select(list(self.columns))
        pieces = features.to_batches(_ROWS_AT_ONCE) or [pa.RecordBatch.from_pylist([], features.schema)]
        firsts = np.cumsum([0, *(piece.num_rows for piece in pieces[:-1])]).tolist()
        scores = [self._score(piece, first) for piece, first in zip(pieces, firsts, strict=True)]
        answers = [np.concatenate(parts) for parts in zip(*map(self._answers, scores), strict=True)]
        scored: Batch = type(table).from_arrays([*table.columns, *map(pa.array, answers)], schema=schema)
        return scored

    def map(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Score batches one after another; Spark's `mapInArrow` takes this method."""
        return map(self, batches)

    def schema(self, schema: Any) -> Any:
        """The schema of the scored table for the schema of a table.

        Raises:
            BadInput: see `__call__`.
        """
        check_names("The table", [name for name in schema.names if name in self.columns])
        found = [schema.field(position) for position in column_indices("The table", schema.names, self.columns)]
        for name, kind in self.features.unfit({field.name: field.type for field in found}).items():
            raise NoNumbers("The table", name, kind)
        for field in self._fields():
            if field.name in schema.names:
                raise BadInput(f"The table has a column '{field.name}' already.", "Drop or rename it; it is written.")
            schema = schema.append(field)
        return schema

    def _fields(self) -> list[Any]:
        pa = pyarrow()
        names = [f"{spec.CONTRIBUTION}:{name}" for name in self.feature_names] if self.contribution else []
        return [
            pa.field(spec.SIMILARITY, pa.float32()),
            pa.field(spec.IS_ANOMALY, pa.bool_()),
            pa.field(spec.IS_VALID, pa.bool_()),
            *(pa.field(name, pa.float32()) for name in names),
        ]

    def _score(self, piece: Any, first: int) -> Scores:
        rows = np.empty((piece.num_rows, len(self.feature_names)), np.float32)
        self.features.fill(rows, piece, lambda index: f"The table, row {first + index}")
        with _opening:
            scorer = _open(os.getpid(), self.path, self.digest, *self._options)
        return scorer.score(rows)

    def _answers(self, scores: Scores) -> list[Any]:
        answers = [scores.similarity, scores.is_anomaly, scores.is_valid]
        if self.contribution:
            assert scores.contribution is not None
            answers += list(scores.contribution.T)
        return answers


@lru_cache(_MODELS_AT_ONCE)
def _open(
    _process: int, path: str, digest: str, providers: tuple[str, ...], threads: int, threshold: float | None
) -> Scorer:
    """Open a model's scorer, one per process; a forked process opens its own."""
    return Scorer(load_unchanged(Path(path), digest), providers=providers, threads=threads, threshold=threshold)
