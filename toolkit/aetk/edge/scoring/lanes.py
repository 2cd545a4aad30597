"""Runs a session on memory that is bound to it once (a lane), which saves a fifth of the time of a single row.

All inputs and outputs must lie in that memory: otherwise the runtime copies an input when it is bound, and never sees
what is written there later. Only one thread at a time uses a lane. In the processor's memory a lane has one row. In a
device's memory the sizes of lanes are powers of two, and a call takes the smallest that holds its rows: the lane's
other rows are scored too, and their answers are ignored.
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
"""The bytes of inputs that the unused lanes of one size may hold; one lane for each thread is kept in any case."""


class Lane(Protocol):
    """A session with its own memory for a fixed number of rows."""

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
    """A lane in a device's memory, for its number of rows or fewer: one copy in, one copy out for each output.

    Every run has its own stream, so that one lane can copy while another computes.
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
    """The lanes of a session by size; any number of threads may use them at once.

    If memory cannot be bound permanently, there are no lanes, and the runtime gets new arrays in every run.

    Args:
        session: the session whose memory is bound.
        tile: the largest number of rows in a run.
        n_features: the number of columns.
        threads: the number of threads that are expected to run at a time.
    """

    def __init__(self, session: Session, tile: int, n_features: int, threads: int) -> None:
        self._session, self._n_features = session, n_features
        self.is_on_device = session.memory not in (None, "cpu") and session.memory == session.provider.device
        sizes = [1] if session.memory == "cpu" else powers_of_two(tile) if self.is_on_device else []
        self._idle = {size: deque[Lane]() for size in sizes}
        self._most = {size: max(threads, _IDLE_BYTES // (4 * size * n_features)) for size in sizes}

    def size(self, rows: int) -> int | None:
        """The size of the lane for this number of rows; None for a run without a lane."""
        size = 1 << (rows - 1).bit_length() if rows and self.is_on_device else rows
        return size if size in self._idle else None

    def run(self, size: int, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        """Score at most `size` rows in a lane of that size; a lane that fails is not used again."""
        idle = self._idle[size]
        lane = next_of(idle) or open_lane(self._session, (size, self._n_features))
        lane.run(rows, results)
        if len(idle) < self._most[size]:
            idle.append(lane)


def powers_of_two(largest: int) -> list[int]:
    """1, 2, 4, ... up to the power of two that is at least `largest`."""
    return [1 << exponent for exponent in range((largest - 1).bit_length() + 1)]


def open_lane(session: Session, shape: tuple[int, int]) -> Lane:
    """Make a lane for rows of a shape, in the memory that holds the session's inputs."""
    return HostLane(session, shape) if session.memory == "cpu" else DeviceLane(session, shape)


def next_of(items: deque[T]) -> T | None:
    """Take the first item, None if there is none, in the one way that is safe with several threads."""
    try:
        return items.popleft()
    except IndexError:
        return None


def float32(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Convert rows to C-contiguous float32, as the model takes them; copy them only if necessary."""
    if rows.dtype == np.float32:
        return np.ascontiguousarray(rows)
    with np.errstate(over="ignore"):  # a value beyond float32 becomes infinite, which the model can judge
        return rows.astype(np.float32, order="C")
