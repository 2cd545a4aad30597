"""Layers that scale a row of clean values, and that copy the scaled row for the cosine."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its usual name

WIDEST_PRODUCT = 32
"""The greatest width of a row for which a product with a square matrix replaces operators on columns: a tenth
faster on a single row, and within a few percent on 1,024 rows. At 64 features, the latter took a fifth longer."""

_FARTHEST = 1e30
"""A larger centre could make a difference overflow; 0 * infinity in the matrix product would then give NaN in the
other columns."""

_ROUNDING = 2.0**-23
_HARMLESS = 1e-6
"""The largest change of a cosine by rounding with which the centre is folded: a tenth of the contract's tolerance."""


class Scale(nn.Module):
    """(value - center) * inverse_scale, clipped to ±bound.

    A single row is faster with fewer operators, so this is one matrix product if possible; its sums with zeros are
    exact. Folding the centre into the bias is not exact, since x·s - c·s is rounded twice; it is done only if it
    changes no cosine by more than a tenth of the tolerance, which the anchor bounds: |δ cosine| <= max |δ row| / κ.

    Args:
        center: float32 [n].
        inverse_scale: float32 [n], positive.
        kappa: the anchor κ.
        bound: the largest magnitude of a scaled value.
        by_product: whether to use a matrix product if possible.
    """

    center: Tensor
    inverse_scale: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, center: Tensor, inverse_scale: Tensor, kappa: float, bound: float, *, by_product: bool) -> None:
        super().__init__()
        n = len(center)
        self.bound = bound
        self.is_identity = bool((center == 0).all() and (inverse_scale == 1).all())
        self.is_product = by_product and kappa > 0 and float(center.abs().max()) <= _FARTHEST
        shift = center * inverse_scale
        self.folds_center = self.is_product and float(shift.abs().max()) * _ROUNDING <= _HARMLESS * kappa
        weight = torch.diag(inverse_scale) if self.is_product else torch.zeros(0, n)
        bias = -shift if self.folds_center else torch.zeros(len(weight))
        for name, tensor in (("center", center), ("inverse_scale", inverse_scale), ("weight", weight), ("bias", bias)):
            self.register_buffer(name, tensor, persistent=False)  # all are computed from the detector's buffers

    def forward(self, clean: Tensor) -> Tensor:
        """Scale rows, float32 [batch, n] without NaN and infinity, to [batch, n]."""
        if self.is_product:
            row = F.linear(clean if self.folds_center else clean - self.center, self.weight, self.bias)
        else:
            row = clean if self.is_identity else (clean - self.center) * self.inverse_scale
        return row.clamp(-self.bound, self.bound)


class WeightedCopies(nn.Module):
    """One copy of the scaled row per reconstruction, each feature times its weight, then the anchor κ·√n.

    Args:
        weights: float32 [copies, n].
        kappa: the anchor κ; 0 for no anchor.
        by_product: whether to use a matrix product.
    """

    weight: Tensor
    bias: Tensor
    factors: Tensor

    def __init__(self, weights: Tensor, kappa: float, *, by_product: bool) -> None:
        super().__init__()
        self.count, n = weights.shape
        self.anchor = kappa * math.sqrt(n)
        self.is_identity = self.count == 1 and not self.anchor and bool((weights == 1).all())
        self.is_product = by_product
        anchors = 1 if self.anchor else 0
        matrix = torch.cat([torch.diag(row) for row in weights]) if self.is_product else weights.new_zeros(0, n)
        weight, bias = F.pad(matrix, (0, 0, 0, anchors)), weights.new_zeros(len(matrix))
        bias = F.pad(bias, (0, anchors), value=self.anchor)
        for name, tensor in (("weight", weight), ("bias", bias), ("factors", weights.flatten())):
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, row: Tensor) -> Tensor:
        """Copy rows, float32 [batch, n], to [batch, copies * n + 1], or to [batch, copies * n] if κ = 0."""
        if self.is_identity:
            return row
        if self.is_product:
            return F.linear(row, self.weight, self.bias)
        copies = torch.cat([row] * self.count, 1) * self.factors
        return torch.cat([copies, F.linear(row, self.weight, self.bias)], 1) if self.anchor else copies
