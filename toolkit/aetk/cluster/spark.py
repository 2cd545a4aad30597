"""The engine Spark: one task per partition, through `mapInArrow`."""

import contextlib
import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from aetk.base.errors import BadInput, MissingExtra, Unavailable, message_lines, out_of_memory
from aetk.cluster.engine import Resources, Work, Workers, attempt, outcome
from aetk.contract.dialect import escape_for_message
from aetk.edge.tables.arrow import pyarrow

_TASK = "task"


class SparkEngine:
    """A Spark session: the active one, else one as Spark is configured, else one on this machine's processors.

    Spark's configuration sets the number of workers and their processors: `spark.executor.*`, `spark.task.cpus`.
    """

    name = "spark"

    def __init__(self, resources: Resources) -> None:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        warnings.filterwarnings("ignore", ".*pandas", FutureWarning, r"pyspark\.")  # pandas is not used here
        try:
            from pyspark.errors import PySparkException
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise out_of_memory(error) or MissingExtra("The engine Spark", "spark,cpu") from None
        if resources.workers or resources.gpus:
            raise BadInput(
                "--workers and --gpus are for Ray only.", "Leave them out; Spark's own configuration says how many."
            )
        self._error = PySparkException
        self._active = SparkSession.getActiveSession
        self._builder = SparkSession.builder.appName("aetk")
        self._session: Any = None
        self.threads = resources.threads

    @contextlib.contextmanager
    def connected(self, on_gpus: bool = False) -> Iterator[Workers]:
        """See `Engine`; a session that is active already stays active. No worker gets a GPU."""
        if on_gpus:
            raise BadInput(
                "The provider computes on a GPU; Spark does not keep its Python workers to the GPUs that it gives out, "
                "so that all of them would use the first.",
                "Use --engine ray, which does, or --provider cpu.",
            )
        ours = self._active() is None
        try:
            self._session = self._builder.getOrCreate()
        except Exception as error:  # noqa: BLE001 - Java and py4j raise errors of many types
            raise _unavailable(error) from None
        try:
            yield Workers(None)
        finally:
            if ours:
                self._session.stop()

    def run(self, work: Work, tasks: Sequence[Any]) -> Iterator[Any]:
        """See `Engine`; all results come together, at the end."""
        texts = [json.dumps(task) for task in tasks]
        try:
            numbers = self._session.range(0, len(texts), 1, len(texts))  # each in a partition of its own
            done = numbers.mapInArrow(partial(_attempts, work, texts), f"{_TASK} string").collect()
        except self._error as error:
            raise _unavailable(error) from None
        yield from (outcome(row[_TASK]) for row in done)


def _attempts(work: Work, tasks: Sequence[str], batches: Iterable[Any]) -> Iterator[Any]:
    pa = pyarrow()
    for batch in batches:
        done = [attempt(work, tasks[number]) for number in batch.column(0).to_pylist()]
        yield pa.RecordBatch.from_pydict({_TASK: pa.array(done, pa.string())})


def _unavailable(error: BaseException) -> Unavailable:
    reason = escape_for_message(" ".join(message_lines(error)[:2]), 300)
    return Unavailable(f"Spark failed: {reason}", "See its logs, then run the same command again.")
