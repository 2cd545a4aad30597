"""Gaussian noise of many levels, which a denoising autoencoder learns to remove."""

import math

import torch
from torch import Tensor

_QUIETEST = 0.05
"""The lowest level of the noise, as a share of the highest."""


class GaussianNoise:
    """Adds noise to rows, with a level for each row, so that one network learns to remove weak and strong noise.

    The level is drawn log-uniformly between a twentieth of the largest and the largest, and multiplies the standard
    deviation that each column has in the batch. Without noise, a wide network learns to copy its input.

    Source: denoising at many levels at once, as in Song and Ermon, "Generative Modeling by Estimating Gradients of the
    Data Distribution" (2019), without telling the network the level.

    Args:
        largest: the highest level; 0 for no noise.
        device: the device of the rows; the same seed gives other noise on another kind of device.
    """

    def __init__(self, largest: float, device: torch.device) -> None:
        self._largest = largest
        self._random = torch.Generator(device)

    def __call__(self, rows: Tensor, versions: Tensor, seed: int) -> Tensor:
        """Add noise to the networks' versions of the rows.

        Args:
            rows: float32 [batch, n], which the columns' standard deviations come from.
            versions: float32 [batch, n] or [batch, networks, n].
            seed: the seed of the noise.

        Returns:
            float32, of the shape of `versions`; these themselves if the largest level is 0.
        """
        if not self._largest:
            return versions
        noise, device = self._random.manual_seed(seed), rows.device
        shape = (len(versions), *[1] * (versions.dim() - 1))
        level = self._largest * torch.exp(torch.rand(shape, generator=noise, device=device) * math.log(_QUIETEST))
        normal = torch.randn(versions.shape, generator=noise, device=device)
        return versions + level * rows.std(0, correction=0) * normal
