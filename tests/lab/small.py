"""A small detector with random weights, quick to export."""

import torch
from torch import nn

from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.detector import Detector
from aetk.lab.model.memory import Memory


def small_networks(n, shapes=((4,),)):
    """Autoencoders with random weights and batch statistics."""
    networks = Autoencoders(n, shapes)
    for layer in networks.modules():
        if isinstance(layer, nn.BatchNorm1d):
            nn.init.uniform_(layer.running_mean, -1, 1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.uniform_(layer.bias, -1, 1)
    return networks


def small_detector(
    n=1, *, threshold=0.5, kappa=0.5, imputes=False, explain=True, seed=0, shapes=((4,),), memory=0, compact=False
):
    """A detector of `n` features; a memory makes it weigh its reconstructions too."""
    torch.manual_seed(seed)
    networks = small_networks(n, shapes)
    return Detector(
        networks, center=torch.randn(n), inverse_scale=torch.rand(n) + 0.5, fill=torch.randn(n), imputes=imputes,
        kappa=kappa, threshold=threshold, explain=explain, compact=compact,
        memory=Memory(torch.randn(memory, n), torch.tensor(0.5 * n)) if memory else None,
        weights=torch.rand(len(shapes) + 1, n) + 0.5 if memory else None,
    ).eval()  # fmt: skip
