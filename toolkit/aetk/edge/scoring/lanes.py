"""Runs a session through memory that is bound to it once, which spares a single row a fifth of its time.

Only where all inputs and outputs lie in that memory: from anywhere else the runtime copies an input when it is bound,
and never sees what is written there later. A lane serves one thread at a time. In the processor's memory lanes are for
single rows. In a device's they are for powers of two, and a call takes the smallest that holds its rows: what lies in
the lane's other rows is scored too, and its answers are not looked at.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.edge.runtime.io_binding import Binding
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.session import Session

T = TypeVar("T")

_IDLE_BYTES = 2**25
"""Of inputs in lanes of one size that nobody uses at the moment; one for each thread of the session may be kept too."""


class Lane(Protocol):
    """A session with memory of its own for so many rows."""

    def run(self, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        """Score rows of any real dtype and strides, into one array for each of the model's outputs."""


class HostLane:
    """A lane in the processor's memory."""

    def __init__(self, session: Session, shape: tuple[int, int]) -> None:
        value = onnxruntime().OrtValue.ortvalue_from_numpy
        self._raw = session.raw
        self._binding = session.raw.io_binding()
        self._features = np.empty(shape, np.float32)
        self._binding.bind_ortvalue_input(spec.INPUT, value(self._features))
        self._outputs: list[NDArray[Any]] = []
        for output in session.raw.get_outputs():
            dtype = np.float32 if output.type == "tensor(float)" else np.bool_
            self._outputs.append(np.empty([shape[0], *output.shape[1:]], dtype))
            self._binding.bind_ortvalue_output(output.name, value(self._outputs[-1]))

    def run(self, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        """See `Lane`."""
        self._features[...] = float32(rows)
        self._raw.run_with_iobinding(self._binding)
        for result, output in zip(results, self._outputs, strict=True):
            result[...] = output


class DeviceLane:
    """A lane in a device's memory, for as many rows as it has or fewer: one copy in, one copy for each output.

    Every run has a stream of its own, so that the copies of one lane overlap with the computing of another.
    """

    def __init__(self, session: Session, shape: tuple[int, int]) -> None:
        self._rows = np.zeros(shape, np.float32)
        self._binding = Binding(session, {spec.INPUT: self._rows})

    def run(self, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        """See `Lane`."""
        count, written = len(rows), float32(rows)
        if count < len(self._rows):
            self._rows[:count] = written
            written = self._rows
        self._binding.write(spec.INPUT, written)
        self._binding.run()
        for result, output in zip(results, self._binding.outputs().values(), strict=True):
            result[...] = output[:count]


class Lanes:
    """The lanes of a session, by their size; for any number of threads at once.

    Where nothing may be bound for good there are none: every run then hands its rows over anew.

    Args:
        session: whose memory is bound.
        tile: the most rows of a run.
        n_features: columns of a row.
        threads: that are expected to run at a time.
    """

    def __init__(self, session: Session, tile: int, n_features: int, threads: int) -> None:
        self._session, self._n_features = session, n_features
        self.is_on_device = session.memory not in (None, "cpu") and session.memory == session.provider.device
        sizes = [1] if session.memory == "cpu" else powers_of_two(tile) if self.is_on_device else []
        self._idle = {size: deque[Lane]() for size in sizes}
        self._most = {size: max(threads, _IDLE_BYTES // (4 * size * n_features)) for size in sizes}

    def size(self, rows: int) -> int | None:
        """How large a lane so many rows go through; None for a plain run."""
        size = 1 << (rows - 1).bit_length() if rows and self.is_on_device else rows
        return size if size in self._idle else None

    def run(self, size: int, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        """Score at most so many rows through a lane of a size; one that fails is not used again."""
        idle = self._idle[size]
        lane = next_of(idle) or open_lane(self._session, (size, self._n_features))
        lane.run(rows, results)
        if len(idle) < self._most[size]:
            idle.append(lane)


def powers_of_two(largest: int) -> list[int]:
    """1, 2, 4, ... up to the power of two that is at least `largest`."""
    return [1 << exponent for exponent in range((largest - 1).bit_length() + 1)]


def open_lane(session: Session, shape: tuple[int, int]) -> Lane:
    """A lane for rows of a shape, in the memory that the session's rows lie in."""
    return HostLane(session, shape) if session.memory == "cpu" else DeviceLane(session, shape)


def next_of(items: deque[T]) -> T | None:
    """Take one, if there is one: the one way that is safe among threads."""
    try:
        return items.popleft()
    except IndexError:
        return None


def float32(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Rows as the model takes them, C-contiguous; copied only where they are not."""
    if rows.dtype == np.float32:
        return np.ascontiguousarray(rows)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which the model knows how to judge
        return rows.astype(np.float32, order="C")
