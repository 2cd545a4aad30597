"""The largest scaled value with which nothing in a detector overflows float32."""

import math

import torch
from torch import Tensor, nn

from aetk.base.errors import CheckFailed
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.memory import Memory

SAFE = 1e32
"""The upper bound of sums of squares."""
_LARGEST_BOUND, _SMALLEST_BOUND = 1e9, 1e3


def safe_bound(networks: Autoencoders, memory: Memory | None, weights: Tensor, kappa: float) -> float:
    """The largest power of ten, up to 1e9, to which scaled values can be clipped so that no sum of squares overflows.

    It is found by interval arithmetic: |Wx + b| <= |W|·|x| + |b| for every layer, with BatchNorm in its folded form.

    Args:
        networks: autoencoders of scaled rows with n features.
        memory: the detector's memory, or None.
        weights: float32 [copies, n], the weights of all reconstructions.
        kappa: the anchor κ, whose square is part of the sums.

    Raises:
        CheckFailed: float32 would overflow within a thousand standard deviations.
    """
    copies, n = weights.shape
    largest_weight = max(1.0, float(weights.max()))
    bound = _LARGEST_BOUND
    while bound >= _SMALLEST_BOUND:
        reached = [bound, kappa * math.sqrt(n)]
        reached += [_reach(network, n, bound) for network in networks]
        reached += [] if memory is None else [_recalled(memory, bound)]
        largest = largest_weight * max(reached)
        if all(map(math.isfinite, reached)) and (copies * n + 1) * largest**2 < SAFE:
            return bound
        bound /= 10
    raise CheckFailed(
        "The trained network amplifies its input so much that float32 would overflow.",
        "Check the columns for extreme values, or train with the default recipe, which scales them.",
    )


def _reach(network: nn.Sequential, n: int, bound: float) -> float:
    """The largest magnitude in any layer of a network whose inputs are at most `bound`; NaN if one is NaN."""
    reach = torch.full((n,), bound, dtype=torch.float64)
    tops = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            reach = layer.weight.detach().double().abs() @ reach + layer.bias.detach().double().abs()
        elif isinstance(layer, nn.BatchNorm1d):
            assert layer.running_var is not None
            assert layer.running_mean is not None
            gain = layer.weight.detach().double().abs() / (layer.running_var.double() + layer.eps).sqrt()
            shift = layer.bias.detach().double().abs() + gain * layer.running_mean.double().abs()
            reach = gain * reach + shift
        tops.append(reach.max())
    return float(torch.stack(tops).max())


def _recalled(memory: Memory, bound: float) -> float:
    """The largest magnitude of a memory's output; infinite if comparing inputs up to `bound` could overflow float32."""
    compared = bound * memory.keys.double().abs().sum(1) + memory.bias.double().abs()
    return float(memory.prototypes.abs().max()) if float(compared.max()) < SAFE else math.inf
