"""Three stages of work at the same time."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterator
from threading import Condition, Thread
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_WAITING = 2
"""Items between two stages: one is enough to keep both busy, another for their uneven paces."""


def overlap(
    source: Generator[A, None, None],
    work: Callable[[A], B],
    sink: Callable[[B], None],
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Take items from a source, work on each, and hand the results to a sink, in order.

    The source and the sink run on a thread each, the work on the caller's. When this returns or raises, both threads
    have ended and the source is closed. An exception of the work or the sink, or Ctrl-C, ends all of them, each after
    the item that it has in hand; `stop` is called then, to end what source or sink wait for. An exception of the source
    is raised when all that came before it has reached the sink.

    Raises:
        Whatever a stage raised first.
    """
    taken, done = _Channel[A](), _Channel[B]()
    faults: list[BaseException] = []

    def take() -> None:
        with contextlib.closing(source):
            for item in source:
                if not taken.put(item):
                    return
        taken.end()

    def give() -> None:
        for item in done:
            sink(item)

    def end() -> None:
        taken.stop()
        done.stop()
        stop()

    def run(stage: Callable[[], None], and_then: Callable[[], None]) -> None:
        try:
            stage()
        except BaseException as fault:  # noqa: BLE001 - it is raised again where all stages are watched
            faults.append(fault)
            and_then()

    threads = list[Thread]()
    try:
        for stage, on_fault in ((take, taken.end), (give, end)):
            thread = Thread(target=run, args=(stage, on_fault))
            thread.start()
            threads.append(thread)
        for item in taken:
            if not done.put(work(item)):
                break
        done.end()
        for thread in threads:
            thread.join()
    except BaseException:
        end()
        raise
    finally:
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


class _Channel(Generic[A]):
    """A bounded queue between two threads, which either may end."""

    def __init__(self) -> None:
        self._items = deque[A]()
        self._changed = Condition()
        self._ended = self._stopped = False

    def put(self, item: A) -> bool:
        """Add an item as soon as there is room; False if nobody will take it."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._items) < _WAITING or self._stopped)
            self._items.append(item)
            self._changed.notify_all()
            return not self._stopped

    def end(self) -> None:
        """No more items will come."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Nobody needs the items any more, waiting ones included."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[A]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items or self._ended or self._stopped)
                if self._stopped or not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
