"""The detector: one PyTorch module from raw feature values to a decision, evaluated and exported as it is."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from aetk.contract import spec
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.layers import WIDEST_PRODUCT, Scale, WeightedCopies
from aetk.lab.model.memory import Memory
from aetk.lab.model.overflow import SAFE, safe_bound

_PENALTY = 10 * SAFE
"""Taken from a row's scalar product for each cell that cannot be used: more than all others could add, and little
enough that a hundred thousand of them do not overflow float32."""


class Detector(nn.Module):
    """The model contract as a module.

    A row is reconstructed several times, by a memory and by autoencoders. The cosine compares as many copies of the row
    with all of them at once, each copy's features times their weights, the anchor appended.

    Args:
        networks: trained autoencoders of scaled rows, taken as they are now.
        center: float32 [n], subtracted from raw values.
        inverse_scale: float32 [n], positive, multiplied afterwards.
        fill: float32 [n], takes the place of missing and infinite values where `imputes`; where not, 0 does: the row is
            invalid whatever it be, and one number is put in faster than one per column.
        imputes: whether rows with such values are judged (True) or invalid (False).
        kappa: the anchor κ: κ·√n is appended to rows and reconstructions before the cosine.
        threshold: the decision threshold.
        memory: one more reconstruction, the first; None for none.
        weights: float32 [reconstructions, n]; None for 1 everywhere.
        compact: whether to go column by column where square matrices would be faster.
        explain: whether `forward` also returns each feature's contribution.

    Raises:
        CheckFailed: the networks amplify so much that float32 would overflow within a thousand standard deviations.
    """

    center: Tensor
    inverse_scale: Tensor
    fill: Tensor
    threshold: Tensor
    weights: Tensor
    recalled: Tensor
    penalty: Tensor | None

    def __init__(
        self,
        networks: Autoencoders,
        *,
        center: Tensor,
        inverse_scale: Tensor,
        fill: Tensor,
        imputes: bool,
        kappa: float,
        threshold: float,
        memory: Memory | None = None,
        weights: Tensor | None = None,
        compact: bool = False,
        explain: bool = False,
    ) -> None:
        super().__init__()
        self.networks = networks
        self.memory = memory
        self.n_features = len(center)
        remembered = 0 if memory is None else 1
        if weights is None:
            weights = torch.ones(remembered + len(networks), self.n_features)
        self.register_buffer("center", center)
        self.register_buffer("inverse_scale", inverse_scale)
        self.register_buffer("fill", fill)
        self.register_buffer("threshold", torch.tensor(threshold, dtype=torch.float32))
        self.register_buffer("weights", weights)
        self.imputes = imputes
        self.kappa = kappa
        self.explain = explain
        self.bound = safe_bound(networks, memory, weights, kappa)
        by_product = not compact and self.n_features <= WIDEST_PRODUCT
        self.scale = Scale(center, inverse_scale, kappa, self.bound, by_product=by_product)
        self.copies = WeightedCopies(weights, kappa, by_product=by_product)
        recalled = weights[0] if memory is None else weights[0] * memory.unit
        self.register_buffer("recalled", recalled, persistent=False)
        self._weigh_outlets(weights[remembered:])
        penalty = torch.zeros(self.n_features, weights.numel() + (1 if kappa else 0))
        penalty[:, 0] = -_PENALTY
        self.register_buffer("penalty", penalty if by_product else None, persistent=False)

    def _weigh_outlets(self, weights: Tensor) -> None:
        """Give the networks' last layers the weights of their reconstructions, and the very last one the anchor."""
        for index, (network, weight) in enumerate(zip(self.networks, weights, strict=True)):
            last = network[-1]
            assert isinstance(last, nn.Linear)
            outlet, bias = weight[:, None] * last.weight.detach(), weight * last.bias.detach()
            if self.kappa and index == len(self.networks) - 1:
                outlet, bias = F.pad(outlet, (0, 0, 0, 1)), F.pad(bias, (0, 1), value=self.copies.anchor)
            self.register_buffer(f"outlet_{index}", outlet, persistent=False)
            self.register_buffer(f"outlet_bias_{index}", bias, persistent=False)

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Judge rows.

        Args:
            features: float32 [batch, n], raw values.

        Returns:
            similarity [batch], is_anomaly (bool) [batch], is_valid (bool) [batch], and with `explain`
            contribution [batch, n].
        """
        finite = features.abs() <= spec.FINITE_LIMIT
        scaled = self.scale(torch.where(finite, features, self.fill if self.imputes else 0.0))
        row, reconstruction = self.copies(scaled), self._reconstruct(scaled)

        row_norm, reconstruction_norm = self._norm(row), self._norm(reconstruction)
        product = self._product(row, reconstruction, finite)
        similarity = (product / (row_norm * reconstruction_norm)).clamp(spec.UNJUDGED, 1.0)
        # an imputing detector judges every row, by a comparison that always holds: an output must depend on the input
        is_valid = similarity >= spec.UNJUDGED if self.imputes else product > -_PENALTY / 2
        is_anomaly = ~(similarity >= self.threshold)
        if not self.explain:
            return similarity, is_anomaly, is_valid

        difference = row / row_norm[:, None] - reconstruction / reconstruction_norm[:, None]
        squared = self._summed_over_copies(difference.square())
        total = squared.sum(1, keepdim=True)
        share = squared / torch.where(total > 0, total, 1.0) * (1.0 - similarity)[:, None]
        return similarity, is_anomaly, is_valid, torch.where(is_valid[:, None], share, 0.0)

    def _summed_over_copies(self, values: Tensor) -> Tensor:
        """The sums of each feature's copies, [batch, n], of [batch, copies * n] and perhaps the anchor."""
        n = self.n_features
        return torch.stack([values[:, start : start + n] for start in range(0, self.weights.numel(), n)]).sum(0)

    def _reconstruct(self, scaled: Tensor) -> Tensor:
        """All weighted reconstructions of scaled rows, side by side, and the anchor."""
        parts = [] if self.memory is None else [self.memory.recall(scaled) * self.recalled]
        for index, network in enumerate(self.networks):
            hidden = network[:-1](scaled)
            parts.append(F.linear(hidden, getattr(self, f"outlet_{index}"), getattr(self, f"outlet_bias_{index}")))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def _norm(self, rows: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(rows, dim=1)
        return norm if self.copies.anchor > spec.COSINE_EPSILON else norm.clamp_min(spec.COSINE_EPSILON)

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
