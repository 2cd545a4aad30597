"""I/O binding: runs of a model whose inputs and outputs lie on a device, so that a run copies and allocates nothing.

The same code runs with the CPU as the device, which is how it is tested
if there is no CUDA device; the lines below have not been run on one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput, Unavailable
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.session import Session

_DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(bool)": np.bool_,
    "tensor(int64)": np.int64,
}


class Binding:
    """A session whose inputs and outputs are bound once, to memory of its provider's device.

    Args:
        session: a session that keeps its inputs and outputs in that memory.
        inputs: every input by name; each is copied to the device once, here.

    Raises:
        BadInput: the size of an output does not follow from the batch, or its type is not supported.
        Unavailable: the runtime keeps inputs or outputs elsewhere, or does not say where: it would not see a `write`.
    """

    def __init__(self, session: Session, inputs: Mapping[str, NDArray[np.float32]]) -> None:
        raw, device, number = session.raw, session.provider.device, session.device_id
        if session.memory != device:
            found = f"in the memory of {session.memory}" if session.memory else "in a memory that is not known"
            raise Unavailable(
                f"{session.provider.name} keeps inputs and outputs {found}; expected that of {device}.",
                "Pass the rows to every run.",
            )
        self._raw = raw
        self._bound = raw.io_binding()
        values = onnxruntime().OrtValue
        self._inputs = {name: values.ortvalue_from_numpy(array, device, number) for name, array in inputs.items()}
        for name, value in self._inputs.items():
            self._bound.bind_ortvalue_input(name, value)
        rows = len(next(iter(inputs.values())))
        for output in raw.get_outputs():
            shape = [rows, *output.shape[1:]]
            if output.type not in _DTYPES or not all(isinstance(dim, int) for dim in shape):
                raise BadInput(f"The output {output.name}, {output.type} {output.shape}, cannot be bound to a device.")
            value = values.ortvalue_from_shape_and_type(shape, _DTYPES[output.type], device, number)
            self._bound.bind_ortvalue_output(output.name, value)

    def write(self, name: str, array: NDArray[np.float32]) -> None:
        """Copy new values of the same shape, C-contiguous, into an input."""
        self._inputs[name].update_inplace(array)

    def run(self) -> None:
        """Run the model and wait for the device, which may still work when the runtime's call returns."""
        self._raw.run_with_iobinding(self._bound)
        self._bound.synchronize_outputs()

    def outputs(self) -> dict[str, NDArray[Any]]:
        """Copies of the outputs of the last run, by name."""
        names = [output.name for output in self._raw.get_outputs()]
        return dict(zip(names, self._bound.copy_outputs_to_cpu(), strict=True))

    def devices(self) -> set[str]:
        """The devices that hold the outputs, as ONNX Runtime names them."""
        return {value.device_name().lower() for value in self._bound.get_outputs()}
