"""The neural networks that reconstruct scaled rows."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn


def autoencoder(n_features: int, hidden: Sequence[int]) -> nn.Sequential:
    """Build a network: Linear, BatchNorm and LeakyReLU per hidden layer, then Linear back to [batch, n_features]."""
    layers: list[nn.Module] = []
    width = n_features
    for next_width in hidden:
        layers += [nn.Linear(width, next_width), nn.BatchNorm1d(next_width), nn.LeakyReLU()]
        width = next_width
    return nn.Sequential(*layers, nn.Linear(width, n_features))


class Autoencoders(nn.ModuleList):
    """Independent autoencoders that are trained together: their losses are added, and they share no weights.

    Networks of different shapes make different errors, so that together they miss fewer anomalies than each alone.
    """

    def __init__(self, n_features: int, shapes: Sequence[Sequence[int]]) -> None:
        super().__init__(autoencoder(n_features, hidden) for hidden in shapes)

    def __iter__(self) -> Iterator[nn.Sequential]:
        return super().__iter__()  # type: ignore[return-value]

    def forward(self, rows: Tensor) -> Tensor:
        """Reconstruct scaled rows, [batch, n], or one version of them for each network, [batch, networks, n].

        Returns:
            float32 [batch, networks, n].
        """
        versions = rows.unbind(1) if rows.dim() == 3 else [rows] * len(self)
        return torch.stack([network(version) for network, version in zip(self, versions, strict=True)], 1)
