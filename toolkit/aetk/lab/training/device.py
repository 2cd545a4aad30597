"""Chooses the device to train on."""

import torch

from aetk.base.errors import BadInput, Unavailable

DEVICES = ("auto", "cpu", "cuda", "mps")


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
