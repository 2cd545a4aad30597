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

_NETWORKS_SHARE = 0.3
"""How much the networks' errors together count, where the memory's count 1. Of 0.1, 0.3, 1 and 3, it had the best mean
over the sets of benchmarks/folds.py; 0.1 and 1 were within a few tenths of a point."""


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


def part_weights(reconstructions: Tensor, rows: Tensor, spread: Tensor, *, has_memory: bool) -> Tensor:
    """Weights that measure each reconstruction as a whole in units of its usual error, all of its features alike.

    The squared errors of the networks together count `_NETWORKS_SHARE` as much as those of the memory.

    Args:
        reconstructions: float32 [rows, copies, n], reconstructions of `rows`; the first is the memory's, if any.
        rows: float32 [rows, n], ordinary rows that nothing was fitted to.
        spread: float32 [n], standard deviations of the training rows; 0 counts as 1.
        has_memory: whether the first reconstruction is a memory's.

    Returns:
        float32 [copies, n], scaled like `error_weights`.
    """
    spread = torch.where(spread > 0, spread, 1.0)
    copies, n = reconstructions.shape[1:]
    error = (reconstructions - rows[:, None]).square().mean((0, 2)).sqrt()
    share = torch.full((copies,), 1.0)
    if has_memory and copies > 1:
        share[1:] = _NETWORKS_SHARE / (copies - 1)
    weights = share.sqrt() / error.clamp_min(_SMALLEST_ERROR * float(spread.square().mean().sqrt()))
    norm: Tensor = torch.linalg.vector_norm(weights[:, None] * spread)
    return (weights * (math.sqrt(n) / norm))[:, None].repeat(1, n)


@torch.no_grad()
def held_out_weights(
    networks: Autoencoders,
    memory: Memory | None,
    rows: Tensor,
    ordinary: Tensor,
    expansion: Expansion,
    *,
    by_part: bool = False,
) -> Tensor:
    """Compute weights from the errors on `ordinary`, rows that nothing was fitted to; `rows` are the fitted ones.

    Both are expanded and scaled, float32 [rows, m]. With `by_part`, one weight for each reconstruction; without it, one
    for each feature of each.
    """
    reconstructions = networks(ordinary)
    if memory is not None:
        remembered = torch.cat([memory(part) for part in ordinary.split(ROWS_AT_ONCE)])
        reconstructions = torch.cat([remembered[:, None], reconstructions], 1)
    spread = rows.std(0, correction=0)
    if by_part:
        return part_weights(reconstructions, ordinary, spread, has_memory=memory is not None)
    return error_weights(reconstructions, ordinary, spread, expansion)
