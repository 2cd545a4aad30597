"""Worker threads that help a calling thread, on processors other than its own.

A kernel often wakes a thread on the processor of the thread that wakes it, and notices only some milliseconds later
that the two compete while another processor is idle. By then a call of some thousand rows has ended, in twice the time.
So helpers may run on every processor except the one that the caller is on at the time.
"""

import contextlib
import ctypes
import os
import sys
import threading
import weakref
from _thread import start_new_thread
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

Work = Callable[[], None]


def _getcpu() -> Callable[[], int] | None:
    """The C library's sched_getcpu; None on systems without it."""
    return getattr(ctypes.CDLL(None), "sched_getcpu", None) if sys.platform.startswith("linux") else None


_current_cpu = _getcpu()


class WorkerThreads:
    """Threads, started when they are first needed, that end with this object.

    `ThreadPoolExecutor` and `threading.Thread` are not used: Ctrl-C within one of their `Condition`s leaves a lock held
    for ever, or raises RuntimeError instead. The calls used here are one step of the interpreter, which Ctrl-C cannot
    interrupt.

    Args:
        count: the number of threads; at least 1.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._begun = 0
        self._works = SimpleQueue[Work | None]()
        self._threads = list[int]()
        self._kept_off: tuple[int, int] | None = None
        weakref.finalize(self, self._works.put, None).atexit = False

    def start(self, works: Sequence[Work]) -> None:
        """Run each of these on the next free thread, not on the caller's processor. They must not raise."""
        if _current_cpu is not None:
            self._keep_off(_current_cpu())
        while self._begun < min(self._count, len(works)):
            # without a reference to this object, which would keep the threads alive after it
            start_new_thread(_serve, (self._works, self._threads))
            self._begun += 1
        for work in works:
            self._works.put(work)

    def _keep_off(self, cpu: int) -> None:
        state = (cpu, len(self._threads))
        if state == self._kept_off:
            return
        self._kept_off = state
        others: set[Any] = os.sched_getaffinity(0) - {cpu}
        for thread in self._threads if others else ():
            with contextlib.suppress(OSError):  # a speed-up is not worth a failure
                os.sched_setaffinity(thread, others)


def _serve(works: "SimpleQueue[Work | None]", threads: list[int]) -> None:
    """Do each work that arrives, until None arrives."""
    threads.append(threading.get_native_id())
    while (work := works.get()) is not None:
        work()
        del work  # or it would keep its rows alive until the next one comes
    works.put(None)  # for the next thread
