"""Runs many rows in tiles that fit a core's cache, on worker threads that share one session.

One large run leaves most of a machine unused: its intermediate results go through main memory, layer by layer, and the
threads wait for one another in each. Tiles of some hundred rows keep the results in the cache, and need not wait.
"""

import math
import os
from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any

from numpy.typing import NDArray

from aetk.base.cpus import cache_bytes
from aetk.contract import spec
from aetk.contract.gate import Model
from aetk.edge.runtime.session import Session
from aetk.edge.scoring.lanes import Lanes, float32, next_of
from aetk.edge.scoring.pipeline import wait_until
from aetk.edge.scoring.workers import WorkerThreads

_SMALLEST, _LARGEST = 64, 4096
_DEVICE_TILE, _DEVICE_BYTES = 65_536, 2**25
"""The largest number of rows in a run on a device, and of their bytes; several lanes hold as many each."""
_WORTH_A_THREAD = 512
"""Rows: passing fewer to another thread took longer than scoring them (a 30-64-128-64-30 network on two cores)."""


def rows_per_tile(graph: Model, device: str = "cpu") -> int:
    """The number of rows that go through the network at once: a power of two.

    On the CPU the widest pair of layers should fit the cache; on a device the rows take at most 32 MiB.
    """
    n_features = graph.n_features
    if device != "cpu":
        return min(_DEVICE_TILE, 1 << (max(1, _DEVICE_BYTES // (4 * n_features)).bit_length() - 1))
    widest = max((sum(i.shape) for i in graph.initializers if len(i.shape) == 2), default=n_features)
    fitting = max(1, cache_bytes() // (4 * (widest + n_features)))
    return min(_LARGEST, max(_SMALLEST, 1 << (fitting.bit_length() - 1)))


class Tiles:
    """A session's lanes and worker threads.

    Args:
        session: the session that runs the tiles.
        n_features: the number of columns.
        tile: the largest number of rows in a run.
        threads: the number of threads that work on one call, the caller's included.
    """

    def __init__(self, session: Session, n_features: int, tile: int, threads: int) -> None:
        self._session = session
        self._tile = tile
        self._threads = threads
        self._lanes = Lanes(session, tile, n_features, threads)
        self._helpers: WorkerThreads | None = None
        self._pid = os.getpid()

    def run(self, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        """Score rows, [count, n] of any real dtype and strides, into `results`; any number of threads may call it."""
        parts = max(1, min(self._threads, len(rows) // _WORTH_A_THREAD))
        size = math.ceil(len(rows) / parts)
        if self._lanes.is_on_device and parts > 1:
            size = 1 << (size - 1).bit_length()  # all pieces but the last fill a lane
        size = min(self._tile, size)
        if len(rows) <= size:
            self._run(rows, results)
            return
        waiting = deque(slice(start, start + size) for start in range(0, len(rows), size))
        begun, ended, faults, is_over = list[None](), list[None](), list[BaseException](), list[bool]()
        wake = SimpleQueue[None]()

        def work() -> None:
            try:
                while (piece := next_of(waiting)) is not None:
                    self._run(rows[piece], [result[piece] for result in results])
            except BaseException:
                waiting.clear()  # the other results are no longer needed
                raise

        def help_out() -> None:
            begun.append(None)
            try:
                if not is_over:  # it may have waited behind another call for longer than this one took
                    work()
            except BaseException as fault:  # noqa: BLE001 - it is raised again by the call
                faults.append(fault)
            finally:
                ended.append(None)
                wake.put(None)

        try:
            more = min(self._threads, len(waiting)) - 1
            if more:
                self._workers().start([help_out] * more)
            work()
        finally:
            is_over.append(True)
            waiting.clear()  # in case Ctrl-C came before the work began
            wait_until(lambda: len(ended) == len(begun), wake)  # since the helpers write into the results
        if faults:
            raise faults[0]

    def _run(self, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        size = self._lanes.size(len(rows))
        if size is not None:
            self._lanes.run(size, rows, results)
            return
        outputs = self._session.raw.run(None, {spec.INPUT: float32(rows)})
        for result, output in zip(results, outputs, strict=True):
            result[...] = output

    def _workers(self) -> WorkerThreads:
        if self._helpers is None or self._pid != os.getpid():  # threads do not survive a fork
            self._helpers, self._pid = WorkerThreads(self._threads - 1), os.getpid()
        return self._helpers
