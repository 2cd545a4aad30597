"""Swap noise: cells of a row taken from other rows, for a denoising autoencoder to put right."""

from collections.abc import Sequence

import torch
from torch import Tensor


class SwapNoise:
    """Gives each network its own version of the rows, some cells taken from other rows: it cannot just copy its input.

    Source: swap noise as in Jahrer's solution of the Porto Seguro challenge (2017).

    Args:
        shares: of the cells that are swapped, one for each network.
        device: of the rows. The noise is drawn there, so that no step waits for a copy; another kind of device draws
            other noise from the same seed.
    """

    def __init__(self, shares: Sequence[float], device: torch.device) -> None:
        self._is_needed = any(shares)
        self._shares = torch.tensor(shares, device=device)[:, None]
        self._random = torch.Generator(device)

    def __call__(self, rows: Tensor, seed: int) -> Tensor:
        """Swap cells of rows, float32 [batch, n], by the noise of a seed.

        Returns:
            float32 [batch, networks, n]; the rows themselves, [batch, n], where no share is above 0.
        """
        if not self._is_needed:
            return rows
        noise, device = self._random.manual_seed(seed), rows.device
        networks = len(self._shares)
        chosen = torch.rand(len(rows), networks, rows.shape[1], generator=noise, device=device) < self._shares
        others = torch.randint(len(rows), (len(rows), networks), generator=noise, device=device)
        return torch.where(chosen, rows[others], rows[:, None])
