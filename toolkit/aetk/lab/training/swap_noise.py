"""Swap noise: cells of a row taken from other rows, for a denoising autoencoder to put right."""

from collections.abc import Sequence

import torch
from torch import Tensor


def swapped(rows: Tensor, shares: Sequence[float], seed: int) -> Tensor:
    """The rows for each network, some cells taken from other rows of the batch: it cannot just copy its input.

    Source: swap noise as in Jahrer's solution of the Porto Seguro challenge (2017).

    Args:
        rows: float32 [batch, n], on any device.
        shares: of the cells that are swapped, one for each network.
        seed: of the noise, which is drawn on the CPU.

    Returns:
        float32 [batch, networks, n]; the rows themselves, [batch, n], where no share is above 0.
    """
    if not any(shares):
        return rows
    noise = torch.Generator().manual_seed(seed)
    networks = len(shares)
    chosen = torch.rand(len(rows), networks, rows.shape[1], generator=noise) < torch.tensor(shares)[:, None]
    others = torch.randint(len(rows), (len(rows), networks), generator=noise)
    return torch.where(chosen.to(rows.device), rows[others.to(rows.device)], rows[:, None])
