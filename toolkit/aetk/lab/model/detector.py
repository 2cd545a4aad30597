"""The detector: a PyTorch module from raw feature values to a decision, which is evaluated and exported as it is."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

from aetk.contract import spec
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.expansion import Expansion
from aetk.lab.model.layers import WIDEST_PRODUCT, Scale, WeightedCopies
from aetk.lab.model.memory import Memory
from aetk.lab.model.one_hot import OneHot
from aetk.lab.model.overflow import SAFE, safe_bound

_PENALTY = 10 * SAFE
"""Subtracted from a row's scalar product for each unusable cell: more than the other cells can add, and small enough
that a hundred thousand such cells do not overflow float32."""


class Detector(nn.Module):
    """The model contract as a module.

    A memory and autoencoders each reconstruct a row. The cosine compares all reconstructions, concatenated, with as
    many copies of the row; in both, each feature is multiplied by its weight, and the anchor is appended.

    Categories are expanded into copies of 0 and 1 first, see `Expansion`: the n columns of a row become m. Without
    categories, m is n. An index that is not one of a level, NaN and infinities included, is the other level: it never
    makes a row invalid.

    Args:
        networks: trained autoencoders of scaled rows, with their final weights.
        center: float32 [m], subtracted from raw values.
        inverse_scale: float32 [m], positive, which the difference is multiplied by.
        fill: float32 [n], replaces missing and infinite values if `imputes`, and in categories, where it is the number
            of levels; otherwise 0 does: the row is invalid with any value, and one number is faster to insert than one
            per column.
        imputes: whether rows with such values are judged (True) or invalid (False).
        kappa: the anchor κ: κ·√n is appended to rows and reconstructions before the cosine.
        threshold: the decision threshold.
        memory: makes one more reconstruction, the first; None for networks alone.
        weights: float32 [reconstructions, m]; None for weights of 1.
        compact: whether to compute column by column even if square matrices are faster.
        explain: whether `forward` also returns each feature's contribution.
        expansion: which columns are categories; None if none is.

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
        expansion: Expansion | None = None,
    ) -> None:
        super().__init__()
        self.networks = networks
        self.memory = memory
        self.n_features, self.width = len(fill), len(center)
        remembered = 0 if memory is None else 1
        if weights is None:
            weights = torch.ones(remembered + len(networks), self.width)
        self.register_buffer("center", center)
        self.register_buffer("inverse_scale", inverse_scale)
        self.register_buffer("fill", fill)
        self.register_buffer("threshold", torch.tensor(threshold, dtype=torch.float32))
        self.register_buffer("weights", weights)
        self.imputes = imputes
        self.kappa = kappa
        self.explain = explain
        self.bound = safe_bound(networks, memory, weights, kappa)
        by_product = not compact and self.width <= WIDEST_PRODUCT
        self.expansion = expansion or Expansion((0,) * self.n_features)
        self.one_hot = None if self.expansion.is_plain else OneHot(self.expansion, by_product=by_product)
        self.scale = Scale(center, inverse_scale, kappa, self.bound, by_product=by_product)
        self.copies = WeightedCopies(weights, kappa, by_product=by_product)
        recalled = weights[0] if memory is None else weights[0] * memory.unit
        self.register_buffer("recalled", recalled, persistent=False)
        self._weigh_outlets(weights[remembered:])
        self.register_buffer("penalty", self._penalties(by_product), persistent=False)

    def _penalties(self, by_product: bool) -> Tensor | None:
        """What an unusable cell of each column subtracts, none of a category; None if it is the same for all columns.

        By product it is a matrix [n, copies * m], with a column for the anchor if there is one; otherwise float32 [n].
        """
        numbers = [_PENALTY * (count == 0) for count in self.expansion.levels]
        if not by_product:
            return None if self.one_hot is None else torch.tensor(numbers)
        penalty = torch.zeros(self.n_features, self.weights.numel() + (1 if self.kappa else 0))
        penalty[:, 0] = -torch.tensor(numbers)
        return penalty

    def _weigh_outlets(self, weights: Tensor) -> None:
        """Multiply the weights into each network's last layer, and add the anchor to that of the last network."""
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
        clean = torch.where(finite, features, self.fill if self.imputes or self.one_hot is not None else 0.0)
        scaled = self.scale(clean if self.one_hot is None else self.one_hot(clean))
        row, reconstruction = self.copies(scaled), self._reconstruct(scaled)

        row_norm, reconstruction_norm = self._norm(row), self._norm(reconstruction)
        product = self._product(row, reconstruction, finite)
        similarity = (product / (row_norm * reconstruction_norm)).clamp(spec.UNJUDGED, 1.0)
        # with imputation every row is valid; the comparison is always true, but an output must depend on the input
        is_valid = similarity >= spec.UNJUDGED if self.imputes else product > -_PENALTY / 2
        is_anomaly = ~(similarity >= self.threshold)
        if not self.explain:
            return similarity, is_anomaly, is_valid

        difference = row / row_norm[:, None] - reconstruction / reconstruction_norm[:, None]
        squared = self._summed_over_copies(difference.square())
        if self.one_hot is not None:
            squared = self.one_hot.summed(squared)
        total = squared.sum(1, keepdim=True)
        share = squared / torch.where(total > 0, total, 1.0) * (1.0 - similarity)[:, None]
        return similarity, is_anomaly, is_valid, torch.where(is_valid[:, None], share, 0.0)

    def _summed_over_copies(self, values: Tensor) -> Tensor:
        """Sum each column's copies: [batch, copies * m], with or without the anchor, to [batch, m]."""
        m = self.width
        return torch.stack([values[:, start : start + m] for start in range(0, self.weights.numel(), m)]).sum(0)

    def _reconstruct(self, scaled: Tensor) -> Tensor:
        """Concatenate all weighted reconstructions of scaled rows, and the anchor."""
        parts = [] if self.memory is None else [self.memory.recall(scaled) * self.recalled]
        for index, network in enumerate(self.networks):
            hidden = network[:-1](scaled)
            parts.append(F.linear(hidden, getattr(self, f"outlet_{index}"), getattr(self, f"outlet_bias_{index}")))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)

    def _norm(self, rows: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(rows, dim=1)
        return norm if self.copies.anchor > spec.COSINE_EPSILON else norm.clamp_min(spec.COSINE_EPSILON)

    def _product(self, row: Tensor, reconstruction: Tensor, finite: Tensor) -> Tensor:
        """The scalar product of each row and its reconstruction, made strongly negative if a cell cannot be used.

        This one number then shows that the row is invalid and gives a similarity of -1 after clipping. If every cell
        can be used, only zeros are subtracted. The penalty of a narrow row is a matrix product, the fastest operator
        for a single row.
        """
        products = row * reconstruction
        if self.imputes:
            return products.sum(1)
        unusable = (~finite).to(row.dtype)
        if self.penalty is None:
            return products.sum(1) - _PENALTY * unusable.sum(1)
        if self.penalty.dim() == 1:
            return products.sum(1) - (unusable * self.penalty).sum(1)
        return torch.addmm(products, unusable, self.penalty).sum(1)
