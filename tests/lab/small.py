"""A small detector with random weights, quick to export."""

import torch
from torch import nn

from aetk.lab.detector import Detector, autoencoder


def small_detector(n=1, *, threshold=0.5, kappa=0.5, imputes=False, explain=True, seed=0):
    """A detector of `n` features and one hidden layer of four."""
    torch.manual_seed(seed)
    network = autoencoder(n, (4,))
    nn.init.uniform_(network[1].running_mean, -1, 1)
    nn.init.uniform_(network[1].running_var, 0.5, 2)
    return Detector(
        network, center=torch.randn(n), inverse_scale=torch.rand(n) + 0.5, fill=torch.randn(n), imputes=imputes,
        kappa=kappa, threshold=threshold, explain=explain,
    ).eval()  # fmt: skip
