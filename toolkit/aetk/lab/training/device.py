"""The device to train on: choosing it, copying to it, and what makes training on it repeatable."""

import contextlib
import os
from collections.abc import Iterator

import torch
from torch import Tensor

from aetk.base.errors import BadInput, Unavailable

DEVICES = ("auto", "cpu", "cuda", "mps")

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_REPEATABLE = (":4096:8", ":16:8")
"""The values of that variable with which cuBLAS gives the same bits again."""


def find_device(name: str) -> torch.device:
    """The device of a name; `auto` is CUDA, else Apple's MPS, else the CPU.

    Raises:
        Unavailable: a device that PyTorch cannot reach here.
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
    """Check that mixed precision can be had on a device.

    Raises:
        BadInput: another device than CUDA.
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
    """A tensor of the CPU on a device; to CUDA through pinned memory, so that nobody waits for the copy."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def reset_peak(device: torch.device) -> None:
    """Begin to watch how much memory PyTorch holds on a device."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int | None:
    """The most bytes that PyTorch held on a device since `reset_peak`; None where that is not counted (CPU, MPS).

    What the CUDA driver and its libraries take for themselves comes on top.
    """
    return torch.cuda.max_memory_reserved(device) if device.type == "cuda" else None


@contextlib.contextmanager
def repeatable_cublas(device: torch.device) -> Iterator[None]:
    """Let cuBLAS give the same bits each time; the block is to hold all of the work on the device, its start included.

    Afterwards the environment is as it was before.

    Raises:
        Unavailable: this process has used cuBLAS before the block, without this setting, which cuBLAS reads only once.
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
