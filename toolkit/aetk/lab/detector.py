"""The detector: one PyTorch module from raw feature values to a decision, evaluated and exported as it is."""

import math

import torch
from torch import Tensor, nn

from aetk.contract import spec
from aetk.contract.errors import CheckFailed

_LARGEST_BOUND, _SMALLEST_BOUND = 1e9, 1e3
_SAFE = 1e37
"""Sums of squares stay below this, an order of magnitude under float32's largest number."""


def autoencoder(n_features: int, hidden: tuple[int, ...]) -> nn.Sequential:
    """Linear, BatchNorm and LeakyReLU per hidden layer, then Linear back to float32 [batch, n_features]."""
    layers: list[nn.Module] = []
    width = n_features
    for next_width in hidden:
        layers += [nn.Linear(width, next_width), nn.BatchNorm1d(next_width), nn.LeakyReLU()]
        width = next_width
    return nn.Sequential(*layers, nn.Linear(width, n_features))


class Detector(nn.Module):
    """The model contract as a module.

    Args:
        network: an autoencoder on scaled values, [batch, n] to [batch, n].
        center: float32 [n], subtracted from raw values.
        inverse_scale: float32 [n], positive, multiplied afterwards.
        fill: float32 [n], takes the place of missing and infinite values.
        imputes: whether rows with such values are judged (True) or invalid (False).
        kappa: the anchor κ: κ·√n is appended to row and reconstruction before the cosine.
        threshold: the decision threshold.
        explain: whether `forward` also returns each feature's contribution.

    Raises:
        CheckFailed: the network amplifies so much that float32 would overflow within a thousand standard deviations.
    """

    center: Tensor
    inverse_scale: Tensor
    fill: Tensor
    threshold: Tensor

    def __init__(
        self,
        network: nn.Sequential,
        *,
        center: Tensor,
        inverse_scale: Tensor,
        fill: Tensor,
        imputes: bool,
        kappa: float,
        threshold: float,
        explain: bool = False,
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("center", center)
        self.register_buffer("inverse_scale", inverse_scale)
        self.register_buffer("fill", fill)
        self.register_buffer("threshold", torch.tensor(threshold, dtype=torch.float32))
        self.imputes = imputes
        self.kappa = kappa
        self.explain = explain
        self.n_features = len(center)
        self.bound = safe_bound(network, self.n_features)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Judge rows.

        Args:
            features: float32 [batch, n], raw values.

        Returns:
            similarity [batch], is_anomaly (bool) [batch], is_valid (bool) [batch], and with `explain`
            contribution [batch, n].
        """
        finite = features.abs() <= spec.FINITE_LIMIT
        clean = torch.where(finite, features, self.fill)
        row = ((clean - self.center) * self.inverse_scale).clamp(-self.bound, self.bound)
        reconstruction = self.network(row)

        anchor = self.kappa**2 * self.n_features
        smallest = spec.COSINE_EPSILON**2
        row_norm = ((row * row).sum(1) + anchor).clamp_min(smallest).sqrt()
        reconstruction_norm = ((reconstruction * reconstruction).sum(1) + anchor).clamp_min(smallest).sqrt()
        cosine = ((row * reconstruction).sum(1) + anchor) / (row_norm * reconstruction_norm)

        if self.imputes:  # every row, by a comparison that always holds: an output must depend on the input
            is_valid = cosine.abs() <= 2.0
        else:  # a sum of 0 and 1 instead of a logical reduction, which opset 17 lacks
            is_valid = finite.to(features.dtype).sum(1) > self.n_features - 0.5
        similarity = torch.where(is_valid, cosine.clamp(-1.0, 1.0), spec.UNJUDGED)
        is_anomaly = ~(similarity >= self.threshold)
        if not self.explain:
            return similarity, is_anomaly, is_valid

        difference = row / row_norm[:, None] - reconstruction / reconstruction_norm[:, None]
        squared = difference * difference
        total = squared.sum(1, keepdim=True)
        share = squared / torch.where(total > 0, total, 1.0) * (1.0 - similarity)[:, None]
        return similarity, is_anomaly, is_valid, torch.where(is_valid[:, None], share, 0.0)


def safe_bound(network: nn.Sequential, n_features: int) -> float:
    """The largest power of ten, up to 1e9, to which scaled values can be clipped so that no sum of squares overflows.

    By interval arithmetic: |Wx + b| <= |W|·|x| + |b| for every layer, in the form that BatchNorm takes when folded.
    """
    bound = _LARGEST_BOUND
    while bound >= _SMALLEST_BOUND:
        reach = torch.full((n_features,), bound, dtype=torch.float64)
        largest = bound
        for layer in network:
            if isinstance(layer, nn.Linear):
                reach = layer.weight.detach().double().abs() @ reach + layer.bias.detach().double().abs()
            elif isinstance(layer, nn.BatchNorm1d):
                assert layer.running_var is not None
                assert layer.running_mean is not None
                gain = layer.weight.detach().double().abs() / (layer.running_var.double() + layer.eps).sqrt()
                shift = layer.bias.detach().double().abs() + gain * layer.running_mean.double().abs()
                reach = gain * reach + shift
            top = float(reach.max())
            largest = largest if top <= largest else top  # NaN wins
        if math.isfinite(largest) and n_features * largest**2 < _SAFE:
            return bound
        bound /= 10
    raise CheckFailed(
        "The trained network amplifies its input so much that float32 would overflow.",
        "Check the columns for extreme values, or train with the default recipe, which scales them.",
    )
