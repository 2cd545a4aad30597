"""Runs many rows in tiles that fit a core's cache, on worker threads that share one session.

One large run leaves most of a machine unused: its intermediate results go through main memory, layer by layer, and the
threads wait for one another in each. Tiles of some hundred rows keep them in the cache, and need not wait.
"""

import math
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import wait
from typing import Any, TypeVar

from numpy.typing import NDArray

from aetk.base.cpus import cache_bytes
from aetk.contract import spec
from aetk.contract.gate import Model
from aetk.edge.runtime.session import Session
from aetk.edge.scoring.lanes import Lane, bound_shape, float32, open_lane
from aetk.edge.scoring.workers import WorkerThreads

T = TypeVar("T")

_SMALLEST, _LARGEST = 64, 4096
_DEVICE_TILE = 65_536
_WORTH_A_THREAD = 512
"""Rows: to hand fewer to another thread took longer than to score them (a 30-64-128-64-30 network on two cores)."""


def rows_per_tile(graph: Model, device: str = "cpu") -> int:
    """How many rows go through the network at once: a power of two whose widest pair of layers fits the cache."""
    if device != "cpu":
        return _DEVICE_TILE
    n_features = graph.n_features
    widest = max((sum(i.shape) for i in graph.initializers if len(i.shape) == 2), default=n_features)
    fitting = max(1, cache_bytes() // (4 * (widest + n_features)))
    return min(_LARGEST, max(_SMALLEST, 1 << (fitting.bit_length() - 1)))


class Tiles:
    """A session's lanes and worker threads.

    Args:
        session: where tiles run.
        n_features: columns of a row.
        tile: the most rows of a run.
        threads: that work on one call, the caller's own among them.
    """

    def __init__(self, session: Session, n_features: int, tile: int, threads: int) -> None:
        self._session = session
        self._tile = tile
        self._threads = threads
        self._bound = bound_shape(session, tile, n_features)
        self._lanes = deque[Lane]()
        self._helpers: WorkerThreads | None = None
        self._pid = os.getpid()

    def run(self, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        """Score rows, [count, n] of any real dtype and strides, into `results`; from any number of threads at once."""
        parts = max(1, min(self._threads, len(rows) // _WORTH_A_THREAD))
        size = min(self._tile, math.ceil(len(rows) / parts))
        if len(rows) <= size:
            self._run(rows, results)
            return
        waiting = deque(slice(start, start + size) for start in range(0, len(rows), size))

        def work() -> None:
            try:
                while (piece := _next(waiting)) is not None:
                    self._run(rows[piece], [result[piece] for result in results])
            except BaseException:
                waiting.clear()  # nobody will see the others' results
                raise

        more = min(self._threads, len(waiting)) - 1
        helpers = self._workers().start([work] * more) if more else []
        try:
            work()
        finally:
            started = [helper for helper in helpers if not helper.cancel()]  # the others wait behind another call
            wait(started)  # they write into the results
        for helper in started:
            helper.result()

    def _run(self, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        if self._bound is None or rows.shape != self._bound:
            outputs = self._session.raw.run(None, {spec.INPUT: float32(rows)})
            for result, output in zip(results, outputs, strict=True):
                result[...] = output
            return
        lane = _next(self._lanes) or open_lane(self._session, self._bound)
        lane.run(rows, results)
        self._lanes.append(lane)

    def _workers(self) -> WorkerThreads:
        if self._helpers is None or self._pid != os.getpid():  # threads do not survive a fork
            self._helpers, self._pid = WorkerThreads(self._threads - 1), os.getpid()
        return self._helpers


def _next(items: deque[T]) -> T | None:
    """Take one, if there is one: the one way that is safe among threads."""
    try:
        return items.popleft()
    except IndexError:
        return None
