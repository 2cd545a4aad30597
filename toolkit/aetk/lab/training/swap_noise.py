"""Swap noise: cells are replaced by those of other rows, and a denoising autoencoder learns to correct them."""

from collections.abc import Sequence

import torch
from torch import Tensor


class SwapNoise:
    """Makes a version of the rows for each network, with some cells from other rows, so that it cannot copy its input.

    Source: swap noise as in Jahrer's solution of the Porto Seguro challenge (2017).

    Args:
        shares: the share of cells to swap, one for each network.
        device: the device of the rows. The noise is generated there, so that no step waits for a copy; the same seed
            gives other noise on another kind of device.
    """

    def __init__(self, shares: Sequence[float], device: torch.device) -> None:
        self._is_needed = any(shares)
        self._shares = torch.tensor(shares, device=device)[:, None]
        self._random = torch.Generator(device)

    def __call__(self, rows: Tensor, seed: int) -> Tensor:
        """Swap cells of rows, float32 [batch, n], with noise from a seed.

        Returns:
            float32 [batch, networks, n]; the unchanged rows, [batch, n], if no share is above 0.
        """
        if not self._is_needed:
            return rows
        noise, device = self._random.manual_seed(seed), rows.device
        networks = len(self._shares)
        chosen = torch.rand(len(rows), networks, rows.shape[1], generator=noise, device=device) < self._shares
        others = torch.randint(len(rows), (len(rows), networks), generator=noise, device=device)
        return torch.where(chosen, rows[others], rows[:, None])
