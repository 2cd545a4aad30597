"""I/O binding: runs of a model whose inputs and outputs stay on a device, so that nothing is copied.

On CUDA this is a run without the copies. The same code runs with the CPU as the device, and that is how it is tested
where there is no CUDA device; the lines below have not been run on one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract.errors import BadInput
from aetk.edge.runtime import onnxruntime

DEVICES = {"cpu": "cpu", "cuda": "cuda"}
"""ONNX Runtime's name of the memory that a provider computes in, by the provider's short name."""

_DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(bool)": np.bool_,
    "tensor(int64)": np.int64,
}


class Binding:
    """A session bound to values that lie on a device for good.

    Args:
        raw: ONNX Runtime's session.
        inputs: every input by name; each is copied to the device once, here.
        device: a value of `DEVICES`.

    Raises:
        BadInput: an output whose size does not follow from the batch, or whose type has no place here.
    """

    def __init__(self, raw: Any, inputs: Mapping[str, NDArray[np.float32]], device: str) -> None:
        self._raw = raw
        self._bound = raw.io_binding()
        values = onnxruntime().OrtValue
        for name, array in inputs.items():
            self._bound.bind_ortvalue_input(name, values.ortvalue_from_numpy(array, device, 0))
        rows = len(next(iter(inputs.values())))
        for output in raw.get_outputs():
            shape = [rows, *output.shape[1:]]
            if output.type not in _DTYPES or not all(isinstance(dim, int) for dim in shape):
                raise BadInput(f"The output {output.name}, {output.type} {output.shape}, cannot be bound to a device.")
            value = values.ortvalue_from_shape_and_type(shape, _DTYPES[output.type], device, 0)
            self._bound.bind_ortvalue_output(output.name, value)

    def run(self) -> None:
        """One run, waited for: a device works on after the call has returned."""
        self._raw.run_with_iobinding(self._bound)
        self._bound.synchronize_outputs()

    def outputs(self) -> dict[str, NDArray[Any]]:
        """Copies of the outputs of the last run, by name."""
        names = [output.name for output in self._raw.get_outputs()]
        return dict(zip(names, self._bound.copy_outputs_to_cpu(), strict=True))

    def devices(self) -> set[str]:
        """Where the outputs lie, in ONNX Runtime's words."""
        return {value.device_name().lower() for value in self._bound.get_outputs()}
