"""Rows in pinned (page-locked) host memory, which a device reads directly, without a copy by the driver.

ONNX Runtime provides such memory for a provider that is registered as a plugin, as the CUDA provider of newer builds
is (`OrtEpDevice.memory_info` with `HOST_ACCESSIBLE`). This has not been tried on a CUDA device.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import Unavailable, first_line
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.providers import Provider


def copy_to_pinned(provider: Provider, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy rows, float32 [batch, n], to pinned memory, which lives as long as the returned array.

    Raises:
        Unavailable: the runtime has no pinned memory for this provider.
    """
    ort = onnxruntime()
    memory = _pinned_memory(ort, provider)
    if memory is None:
        version = f"onnxruntime {ort.__version__}"
        raise Unavailable(f"{version} does not provide pinned host memory for {provider.name}.")
    try:
        owner = ort.OrtValue.ortvalue_from_shape_and_type(list(rows.shape), np.float32, memory_info=memory)
        pinned: NDArray[np.float32] = owner.numpy()
    except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types
        raise Unavailable(f"No pinned host memory for {provider.name}: {first_line(error, 300)}") from None
    if pinned.ctypes.data != owner.data_ptr():
        raise Unavailable(f"onnxruntime {ort.__version__} copies pinned host memory instead of showing it.")
    pinned[:] = rows
    return pinned


def _pinned_memory(ort: Any, provider: Provider) -> Any:
    kinds = getattr(ort, "OrtDeviceMemoryType", None)
    if kinds is None or not hasattr(ort, "get_ep_devices"):  # an older runtime
        return None
    mine = [device for device in ort.get_ep_devices() if device.ep_name == provider.name]
    found = [device.memory_info(kinds.HOST_ACCESSIBLE) for device in mine if hasattr(device, "memory_info")]
    return next((memory for memory in found if memory is not None), None)
