"""How much each reconstruction of each feature counts."""

import math

import torch
from torch import Tensor

from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.memory import ROWS_AT_ONCE, Memory

_SMALLEST_ERROR = 0.05
"""Of a feature's standard deviation. Errors below it count as if they were that large, lest a column that is nearly
always reconstructed to the last digit outweigh all others."""


def error_weights(reconstructions: Tensor, rows: Tensor, spread: Tensor) -> Tensor:
    """Weights that measure every error in units of its ordinary size, as a standardised residual does.

    The size is the root mean square, to which rare large errors count: a column that is nearly always 0 and sometimes
    not would otherwise weigh as if it were predicted well.

    Args:
        reconstructions: float32 [rows, copies, n], of `rows`.
        rows: float32 [rows, n], ordinary rows that nothing was fitted to.
        spread: float32 [n], standard deviations of the training rows; 0 counts as 1.

    Returns:
        float32 [copies, n]: 1 / root mean square error, scaled so that a training row's squared norm is n on average,
        as it is without weights: the anchor κ·√n means the same.
    """
    spread = torch.where(spread > 0, spread, 1.0)
    error = (reconstructions - rows[:, None]).square().mean(0).sqrt()
    weights = torch.maximum(error, _SMALLEST_ERROR * spread).reciprocal()
    norm: Tensor = torch.linalg.vector_norm(weights * spread)
    return weights * (math.sqrt(rows.shape[1]) / norm)


@torch.no_grad()
def held_out_weights(networks: Autoencoders, memory: Memory | None, rows: Tensor, ordinary: Tensor) -> Tensor:
    """Weights by the errors on ordinary rows that nothing was fitted to; `rows` are those that it was."""
    reconstructions = networks(ordinary)
    if memory is not None:
        remembered = torch.cat([memory(part) for part in ordinary.split(ROWS_AT_ONCE)])
        reconstructions = torch.cat([remembered[:, None], reconstructions], 1)
    return error_weights(reconstructions, ordinary, rows.std(0, correction=0))
