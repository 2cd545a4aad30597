"""Three stages of work at the same time."""

import contextlib
from collections.abc import Callable, Generator, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_WAITING = 2
"""Items between two stages: one is enough to keep both busy, another for their uneven paces."""
_NAP = 1.0
"""Seconds after which a wait looks up: a signal that came just before it began would not end it."""


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
        except BaseException as fault:  # noqa: BLE001 - it is raised again where all stages are watched
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
        is_over.append(True)  # a thread that begins from here on does nothing
        end()
        raise
    finally:
        wait_until(lambda: len(ended) == len(begun), wake)
        source.close()
    if faults:
        raise faults[0]


def wait_until(is_met: Callable[[], bool], wake: "SimpleQueue[None]") -> None:
    """Wait until a condition is met, at which `wake` is put.

    Not by `Thread.join`: where Ctrl-C ends it, Python 3.11 takes a thread that still runs for one that has ended.
    """
    while not is_met():
        with contextlib.suppress(Empty):
            wake.get(timeout=_NAP)


def _next(queue: "SimpleQueue[A]") -> A:
    """The next item of a queue, as soon as there is one."""
    while True:
        with contextlib.suppress(Empty):
            return queue.get(timeout=_NAP)


class _Channel(Generic[A]):
    """A bounded queue from one thread to another, which either may end.

    Only of queues that are one step of the interpreter: Ctrl-C within `Condition` would leave its lock held for ever.
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
        """No more items will come."""
        self._items.put(_End())

    def stop(self) -> None:
        """Nobody needs the items any more, waiting ones included."""
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
    """Stands behind the last item."""
