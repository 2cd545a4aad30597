"""A memory, which reconstructs a row from prototypes of the training rows."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from aetk.lab.model.kmeans import fit_centers

_BATCH_ROWS, _PASSES = 2048, 20
_MEASURED_ROWS = 20_000
_PRODUCT_BYTES = 2**27
"""The least address space, in bytes, that k-means needs, most of it for OpenBLAS."""
_SHARPEST = 0.01
"""The lowest temperature per feature: a tenth of a standard deviation, squared. Below it, runtimes would disagree in
float32 on which of two prototypes is nearer."""


ROWS_AT_ONCE = 2**14
"""The number of rows to pass to a memory at a time; it compares each with all prototypes, which takes space."""


class Memory(nn.Module):
    """Reconstructs a row as the mean of prototypes, weighted by softmax(-distance² / temperature).

    A row between prototypes is reconstructed well, and a row far from all of them is not, as with k nearest neighbours,
    but in two matrix products. The squared norm of the row is the same for all prototypes, so the softmax does not
    need it: -|x - p|² / τ reduces to x·(2p/τ) - |p|²/τ. The keys 2p/τ, times τ/2, are also the values.

    Source: attention over a memory of ordinary patterns, as in Gong et al., "Memorizing Normality to Detect Anomaly"
    (2019); here the memory is filled by k-means instead of by gradients.

    Args:
        prototypes: float32 [k, n], scaled rows.
        temperature: τ, float32 scalar, in units of squared distance.
    """

    prototypes: Tensor
    temperature: Tensor
    keys: Tensor
    bias: Tensor

    def __init__(self, prototypes: Tensor, temperature: Tensor) -> None:
        super().__init__()
        self.register_buffer("prototypes", prototypes)
        self.register_buffer("temperature", temperature)
        self.register_buffer("keys", prototypes * (2 / temperature), persistent=False)
        self.register_buffer("bias", -prototypes.square().sum(1) / temperature, persistent=False)

    @property
    def unit(self) -> Tensor:
        """The factor that turns the result of `recall` into values of a row, scalar."""
        return self.temperature / 2

    def recall(self, rows: Tensor) -> Tensor:
        """The weighted mean of the keys, float32 [batch, n], for scaled rows, [batch, n]."""
        return F.linear(rows, self.keys, self.bias).softmax(1) @ self.keys

    def forward(self, rows: Tensor) -> Tensor:
        """Reconstruct scaled rows, float32 [batch, n], to [batch, n]."""
        return self.recall(rows) * self.unit


def fit_memory(rows: Tensor, size: int, seed: int, *, keeps_rows: bool = False, temperature: float = 1.0) -> Memory:
    """Fit a memory of at most `size` prototypes, and at most half as many as there are rows.

    The temperature is the median squared distance of a row to its second nearest prototype, so that a few prototypes
    determine most reconstructions. With `keeps_rows`, rows that are no more than `size` are themselves the prototypes,
    and none of them counts as its own neighbour; of more rows, there are `size` clusters.

    Args:
        rows: float32 [rows, n], scaled, on the CPU.
        size: the maximum number of prototypes.
        seed: the seed of k-means.
        keeps_rows: whether the memory may hold the rows themselves.
        temperature: the factor of the temperature.

    Raises:
        MemoryError: there is not enough memory to begin.
    """
    np.empty(_PRODUCT_BYTES, np.uint8)  # without memory for its buffer, OpenBLAS would hang in k-means
    are_rows = keeps_rows and len(rows) <= size
    if are_rows:
        centers = rows.numpy()
    else:
        count = size if keeps_rows else max(1, min(size, len(rows) // 2))
        centers = fit_centers(rows.numpy(), count, seed, batch_rows=_BATCH_ROWS, passes=_PASSES)
    prototypes = torch.from_numpy(np.unique(centers, axis=0))
    sharpest = torch.tensor(_SHARPEST * rows.shape[1])
    neighbour = 3 if are_rows else 2
    if len(prototypes) < neighbour:
        return Memory(prototypes, sharpest)
    nearest = torch.cdist(rows[:_MEASURED_ROWS], prototypes).topk(neighbour, dim=1, largest=False).values[:, -1]
    return Memory(prototypes, torch.maximum(temperature * nearest.square().median(), sharpest))
