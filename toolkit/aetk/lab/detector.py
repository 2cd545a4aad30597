"""The detector: one PyTorch module from raw feature values to a decision, evaluated and exported as it is."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from aetk.contract import spec
from aetk.contract.errors import CheckFailed
from aetk.lab.scale import WIDEST_PRODUCT, Scale

_LARGEST_BOUND, _SMALLEST_BOUND = 1e9, 1e3
_SAFE = 1e32
"""Sums of squares stay below this."""
_PENALTY = 10 * _SAFE
"""Taken from a row's scalar product for each cell that cannot be used: more than all others could add, and little
enough that a hundred thousand of them do not overflow float32."""


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
        network: a trained autoencoder on scaled values, [batch, n] to [batch, n], taken as it is now.
        center: float32 [n], subtracted from raw values.
        inverse_scale: float32 [n], positive, multiplied afterwards.
        fill: float32 [n], takes the place of missing and infinite values where `imputes`; where not, 0 does: the row is
            invalid whatever it be, and one number is put in faster than one per column.
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
    inlet: Tensor
    inlet_bias: Tensor
    outlet: Tensor
    outlet_bias: Tensor
    penalty: Tensor | None

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
        self.bound = safe_bound(network, self.n_features, kappa)
        self.scale = Scale(center, inverse_scale, kappa, self.bound)
        self._pass_the_anchor()
        penalty = torch.zeros(self.n_features, self.outlet.shape[0])
        penalty[:, 0] = -_PENALTY
        self.register_buffer("penalty", penalty if self.n_features <= WIDEST_PRODUCT else None, persistent=False)

    def _pass_the_anchor(self) -> None:
        """Widen the outer layers by the anchor's column: the first does not see it, the last answers with it."""
        first, last = self.network[0], self.network[-1]
        assert isinstance(first, nn.Linear)
        assert isinstance(last, nn.Linear)
        added = 1 if self.kappa else 0
        layers = {
            "inlet": F.pad(first.weight.detach(), (0, added)),
            "inlet_bias": first.bias.detach(),
            "outlet": F.pad(last.weight.detach(), (0, 0, 0, added)),
            "outlet_bias": F.pad(last.bias.detach(), (0, added), value=self.scale.anchor),
        }
        for name, tensor in layers.items():
            self.register_buffer(name, tensor, persistent=False)  # all follow from the network

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Judge rows.

        Args:
            features: float32 [batch, n], raw values.

        Returns:
            similarity [batch], is_anomaly (bool) [batch], is_valid (bool) [batch], and with `explain`
            contribution [batch, n].
        """
        finite = features.abs() <= spec.FINITE_LIMIT
        row = self.scale(torch.where(finite, features, self.fill if self.imputes else 0.0))
        reconstruction = self._reconstruct(row)

        row_norm, reconstruction_norm = self._norm(row), self._norm(reconstruction)
        product = self._product(row, reconstruction, finite)
        similarity = (product / (row_norm * reconstruction_norm)).clamp(spec.UNJUDGED, 1.0)
        # an imputing detector judges every row, by a comparison that always holds: an output must depend on the input
        is_valid = similarity >= spec.UNJUDGED if self.imputes else product > -_PENALTY / 2
        is_anomaly = ~(similarity >= self.threshold)
        if not self.explain:
            return similarity, is_anomaly, is_valid

        difference = row / row_norm[:, None] - reconstruction / reconstruction_norm[:, None]
        squared = difference[:, : self.n_features].square()
        total = squared.sum(1, keepdim=True)
        share = squared / torch.where(total > 0, total, 1.0) * (1.0 - similarity)[:, None]
        return similarity, is_anomaly, is_valid, torch.where(is_valid[:, None], share, 0.0)

    def _reconstruct(self, row: Tensor) -> Tensor:
        """The network's answer to scaled rows, the anchor passing by it."""
        hidden = F.linear(row, self.inlet, self.inlet_bias)
        for layer in list(self.network)[1:-1]:
            hidden = layer(hidden)
        return F.linear(hidden, self.outlet, self.outlet_bias)

    def _norm(self, rows: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(rows, dim=1)
        return norm if self.scale.anchor > spec.COSINE_EPSILON else norm.clamp_min(spec.COSINE_EPSILON)

    def _product(self, row: Tensor, reconstruction: Tensor, finite: Tensor) -> Tensor:
        """The scalar product of each row and its reconstruction, hopelessly negative where a cell cannot be used.

        So this one number tells the similarity, -1 after clipping, and that the row is not valid. Where every cell can
        be used, nothing but zeros is taken away. A narrow row's penalty comes with a matrix product, the cheapest
        operator that a single row can have.
        """
        products = row * reconstruction
        if self.imputes:
            return products.sum(1)
        unusable = (~finite).to(row.dtype)
        if self.penalty is not None:
            return torch.addmm(products, unusable, self.penalty).sum(1)
        return products.sum(1) - _PENALTY * unusable.sum(1)


def safe_bound(network: nn.Sequential, n_features: int, kappa: float = 0.0) -> float:
    """The largest power of ten, up to 1e9, to which scaled values can be clipped so that no sum of squares overflows.

    By interval arithmetic: |Wx + b| <= |W|·|x| + |b| for every layer, in the form that BatchNorm takes when folded.
    Nor may it clip the anchor κ·√n.
    """
    bound = _LARGEST_BOUND
    while bound >= max(_SMALLEST_BOUND, kappa * math.sqrt(n_features)):
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
        if math.isfinite(largest) and (n_features + 1) * largest**2 < _SAFE:
            return bound
        bound /= 10
    raise CheckFailed(
        "The trained network amplifies its input so much that float32 would overflow.",
        "Check the columns for extreme values, or train with the default recipe, which scales them.",
    )
