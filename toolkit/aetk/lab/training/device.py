"""The device to train on: choosing it, copying to it, and making training on it repeatable."""

import contextlib
import os
from collections.abc import Iterator

import torch
from torch import Tensor

from aetk.base.errors import BadInput, Unavailable

DEVICES = ("auto", "cpu", "cuda", "mps")

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_REPEATABLE = (":4096:8", ":16:8")
"""The values of that variable with which cuBLAS results are repeatable to the bit."""


def find_device(name: str) -> torch.device:
    """Find a device by name; `auto` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        BadInput: an unknown name.
        Unavailable: a device that PyTorch cannot use on this machine.
    """
    if name not in DEVICES:
        raise BadInput(f"No device is called '{name}'.", f"Known: {', '.join(DEVICES)}.")
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, works in here.items() if works))
    if not here[name]:
        raise Unavailable(
            f"PyTorch {torch.__version__} finds no {name} device here.", "Use --device auto or --device cpu."
        )
    return torch.device(name)


def check_amp(device: torch.device) -> None:
    """Check that a device supports mixed precision.

    Raises:
        BadInput: the device is not a CUDA device.
        Unavailable: a GPU without bfloat16.
    """
    if device.type != "cuda":
        found = f"Mixed precision (--amp) is for CUDA; this run trains on {device.type}."
        raise BadInput(found, "Leave it out, or use --device cuda.")
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        raise Unavailable(
            f"{torch.cuda.get_device_name(device)} does not compute in bfloat16, which --amp needs.", "Leave it out."
        )


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """Copy a CPU tensor to a device; to CUDA through pinned memory, without waiting for the copy."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def reset_peak(device: torch.device) -> None:
    """Start to measure the peak memory that PyTorch holds on a device."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int | None:
    """The most bytes that PyTorch held on a device since `reset_peak`; None for CPU and MPS, which do not count them.

    The memory that the CUDA driver and its libraries need for themselves is not included.
    """
    return torch.cuda.max_memory_reserved(device) if device.type == "cuda" else None


@contextlib.contextmanager
def repeatable_cublas(device: torch.device) -> Iterator[None]:
    """Make cuBLAS repeatable to the bit within the block, which must contain all work on the device from its start.

    Afterwards the environment is restored.

    Raises:
        Unavailable: this process used cuBLAS before the block without this setting, which cuBLAS reads only once.
    """
    if device.type != "cuda":
        yield
        return
    before = os.environ.get(_CUBLAS)
    if before not in _REPEATABLE:
        os.environ[_CUBLAS] = _REPEATABLE[0]
    try:
        yield
    except RuntimeError as error:
        if _CUBLAS not in str(error):
            raise
        raise Unavailable(
            f"This process used CUDA before without {_CUBLAS}, so that training here would not be repeatable.",
            f"Train in a new process, or set {_CUBLAS}={_REPEATABLE[0]} before Python starts.",
        ) from None
    finally:
        if before is None:
            del os.environ[_CUBLAS]
        else:
            os.environ[_CUBLAS] = before
