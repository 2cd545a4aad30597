"""The weight of each feature in each reconstruction."""

import math

import torch
from torch import Tensor

from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.expansion import Expansion
from aetk.lab.model.memory import ROWS_AT_ONCE, Memory

_SMALLEST_ERROR = 0.05
"""The smallest error that is counted, as a share of the feature's standard deviation. Without it, a column that is
nearly always reconstructed to the last digit would outweigh all others."""


def error_weights(reconstructions: Tensor, rows: Tensor, spread: Tensor, expansion: Expansion | None = None) -> Tensor:
    """Weights that measure each error in units of its usual size, as a standardised residual does.

    The usual size is the root mean square, in which rare large errors count; without them, a column that is nearly
    always 0 would get a weight as if it were predicted well.

    Args:
        reconstructions: float32 [rows, copies, n], reconstructions of `rows`.
        rows: float32 [rows, n], ordinary rows that nothing was fitted to.
        spread: float32 [n], standard deviations of the training rows; 0 counts as 1.
        expansion: that of the rows, if they are expanded ones. A category's copy that no training row varies in is then
            left out of the norm, in which it would take the weight of all other columns.

    Returns:
        float32 [copies, n]: 1 / root mean square error, scaled so that the mean squared norm of training rows is n, as
        without weights; the anchor κ·√n therefore keeps its meaning.
    """
    is_unseen = spread == 0
    spread = torch.where(spread > 0, spread, 1.0)
    error = (reconstructions - rows[:, None]).square().mean(0).sqrt()
    weights = torch.maximum(error, _SMALLEST_ERROR * spread).reciprocal()
    counted = weights * spread
    if expansion is not None and not expansion.is_plain:
        is_unseen[: len(expansion.numbers)] = False
        counted = torch.where(is_unseen, 0.0, counted)
    norm: Tensor = torch.linalg.vector_norm(counted)
    return weights * (math.sqrt(rows.shape[1]) / norm)


@torch.no_grad()
def held_out_weights(
    networks: Autoencoders, memory: Memory | None, rows: Tensor, ordinary: Tensor, expansion: Expansion
) -> Tensor:
    """Compute weights from the errors on `ordinary`, rows that nothing was fitted to; `rows` are the fitted ones.

    Both are expanded and scaled, float32 [rows, m].
    """
    reconstructions = networks(ordinary)
    if memory is not None:
        remembered = torch.cat([memory(part) for part in ordinary.split(ROWS_AT_ONCE)])
        reconstructions = torch.cat([remembered[:, None], reconstructions], 1)
    return error_weights(reconstructions, ordinary, rows.std(0, correction=0), expansion)
