"""Runs three stages of work at the same time."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_WAITING = 2
"""Items that wait between two stages: one keeps both stages busy, another evens out their speeds."""
_NAP = 1.0
"""Seconds after which a wait is interrupted: a signal that came just before it began would not end it."""


def overlap(
    source: Generator[A, None, None],
    work: Callable[[A], B],
    sink: Callable[[B], None],
    stop: Callable[[], None] = lambda: None,
) -> None:
    """Take items from a source, work on each, and pass the results to a sink, in order.

    The source and the sink each have a thread, the work runs on the caller's. When this returns or raises, both threads
    have ended and the source is closed. An exception of the work or the sink, or Ctrl-C, ends all stages, each after
    its present item; `stop` is then called, to end what the source or the sink waits for. An exception of the source is
    raised after all earlier items have reached the sink.

    Raises:
        The first exception of a stage.
    """
    taken, done = _Channel[A](), _Channel[B]()
    faults: list[BaseException] = []
    is_over, begun, ended, wake = (
        list[bool](),
        list[Callable[[], None]](),
        list[Callable[[], None]](),
        SimpleQueue[None](),
    )

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
        begun.append(stage)
        try:
            if not is_over:
                stage()
        except BaseException as fault:  # noqa: BLE001 - it is raised again when all stages have ended
            faults.append(fault)
            and_then()
        finally:
            ended.append(stage)
            wake.put(None)

    stages = ((take, taken.end), (give, end))
    try:
        for stage in stages:
            Thread(target=run, args=stage).start()
        for item in taken:
            if not done.put(work(item)):
                break
        done.end()
        wait_until(lambda: len(ended) == len(stages), wake)
    except BaseException:
        is_over.append(True)  # a thread that begins later does nothing
        end()
        raise
    finally:
        wait_until(lambda: len(ended) == len(begun), wake)
        source.close()
    if faults:
        raise faults[0]


def wait_until(is_met: Callable[[], bool], wake: "SimpleQueue[None]") -> None:
    """Wait until a condition is met; each item in `wake` makes it check.

    `Thread.join` is not used: if Ctrl-C interrupts it, Python 3.11 regards a thread that still runs as ended.
    """
    while not is_met():
        with contextlib.suppress(Empty):
            wake.get(timeout=_NAP)


def _next(queue: "SimpleQueue[A]") -> A:
    """Wait for the next item of a queue."""
    while True:
        with contextlib.suppress(Empty):
            return queue.get(timeout=_NAP)


class _Channel(Generic[A]):
    """A bounded queue from one thread to another, which either of them may end.

    It uses only `SimpleQueue`, whose calls are one step of the interpreter: Ctrl-C within `Condition` would leave its
    lock held for ever.
    """

    def __init__(self) -> None:
        self._items = SimpleQueue[A | _End]()
        self._room = SimpleQueue[None]()
        for _ in range(_WAITING):
            self._room.put(None)
        self._is_stopped = False

    def put(self, item: A) -> bool:
        """Add an item as soon as there is room; False if nobody will take it."""
        _next(self._room)
        if self._is_stopped:
            return False
        self._items.put(item)
        return True

    def end(self) -> None:
        """Say that no more items will come."""
        self._items.put(_End())

    def stop(self) -> None:
        """Say that no more items are needed, waiting ones included."""
        self._is_stopped = True
        self._items.put(_End())
        self._room.put(None)

    def __iter__(self) -> Iterator[A]:
        while True:
            item = _next(self._items)
            if self._is_stopped or isinstance(item, _End):
                return
            self._room.put(None)
            yield item


class _End:
    """Marks the end, after the last item."""
