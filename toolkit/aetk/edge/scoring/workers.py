"""Worker threads that help a calling thread, on processors other than its own.

A kernel likes to wake a thread on the processor of the one that wakes it, and notices only some milliseconds later that
the two compete while another processor is idle. A call of some thousand rows is over by then, in twice the time. So
helpers are kept off the processor that the caller is on, wherever that is; they are bound to none.
"""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


def _getcpu() -> Callable[[], int] | None:
    """The C library's sched_getcpu; None on systems without it."""
    return getattr(ctypes.CDLL(None), "sched_getcpu", None) if sys.platform.startswith("linux") else None


_current_cpu = _getcpu()


class WorkerThreads:
    """Threads, started when they are first needed.

    Args:
        count: how many; at least 1.
    """

    def __init__(self, count: int) -> None:
        threads = self._threads = list[int]()
        # without a reference to this object, which would keep the threads alive after it
        self._pool = ThreadPoolExecutor(count, "aetk", lambda: threads.append(threading.get_native_id()))
        self._kept_off: tuple[int, int] | None = None

    def start(self, works: list[Callable[[], None]]) -> list[Future[None]]:
        """Have each done by a thread, off the caller's processor."""
        if _current_cpu is not None:
            self._keep_off(_current_cpu())
        return [self._pool.submit(work) for work in works]

    def _keep_off(self, cpu: int) -> None:
        state = (cpu, len(self._threads))
        if state == self._kept_off:
            return
        self._kept_off = state
        others: set[Any] = os.sched_getaffinity(0) - {cpu}
        for thread in self._threads if others else ():
            with contextlib.suppress(OSError):  # a speed-up is not worth a failure
                os.sched_setaffinity(thread, others)
