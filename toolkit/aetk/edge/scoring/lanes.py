"""Runs a session through memory that is bound to it once, which spares a single row a fifth of its time.

Only where all inputs and outputs lie in that memory: from anywhere else the runtime copies an input when it is bound,
and never sees what is written there later. A lane serves one thread at a time.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.edge.runtime.io_binding import Binding
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.session import Session


class Lane(Protocol):
    """A session with memory of its own for a fixed number of rows."""

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
    """A lane in a device's memory: one copy in, one copy for each output.

    Every run has a stream of its own, so that the copies of one lane overlap with the computing of another.
    """

    def __init__(self, session: Session, shape: tuple[int, int]) -> None:
        self._binding = Binding(session, {spec.INPUT: np.zeros(shape, np.float32)})

    def run(self, rows: NDArray[Any], results: Sequence[NDArray[Any]]) -> None:
        """See `Lane`."""
        self._binding.write(spec.INPUT, float32(rows))
        self._binding.run()
        for result, output in zip(results, self._binding.outputs().values(), strict=True):
            result[...] = output


def bound_shape(session: Session, tile: int, n_features: int) -> tuple[int, int] | None:
    """The rows that lanes of a session are for: single ones in the processor's memory, whole tiles in a device's.

    None where nothing may be bound for good: every run then hands its rows over anew.
    """
    if session.memory == "cpu":
        return 1, n_features
    return (tile, n_features) if session.memory == session.provider.device else None


def open_lane(session: Session, shape: tuple[int, int]) -> Lane:
    """A lane for rows of the `bound_shape` of a session."""
    return HostLane(session, shape) if session.memory == "cpu" else DeviceLane(session, shape)


def float32(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Rows as the model takes them, C-contiguous; copied only where they are not."""
    if rows.dtype == np.float32:
        return np.ascontiguousarray(rows)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which the model knows how to judge
        return rows.astype(np.float32, order="C")
