"""Scaling, and copying with the anchor, by whichever way is the fastest, is the same scaling and copying."""

import numpy as np
import pytest
import torch

from aetk.lab.model.layers import Scale, WeightedCopies


def rows_and_scale(n, offset, kappa=2.0, identity=False, bound=1e6, by_product=True):
    """Rows that spread by one or two around centres that lie `offset` away from 0."""
    random = np.random.default_rng(n)
    center = np.zeros(n) if identity else offset + random.normal(size=n)
    inverse = np.ones(n) if identity else random.uniform(0.5, 1, n)
    rows = (center + 2 * random.normal(size=(200, n))).astype(np.float32)
    rows[0] = 3.4e38
    rows[1, 0] = -3.4e38
    tensors = (torch.from_numpy(v.astype(np.float32)) for v in (center, inverse))
    return rows, Scale(*tensors, kappa, bound, by_product=by_product)


CASES = {
    "folded": (30, 3.0, {}),
    "far from zero": (30, 1e5, {}),
    "farther than a difference can reach": (30, 3e38, {}),
    "column by column": (65, 3.0, {"by_product": False}),
    "raw, column by column": (65, 0.0, {"identity": True, "by_product": False}),
    "raw": (30, 0.0, {"identity": True}),
    "without anchor": (30, 3.0, {"kappa": 0.0}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_way_scales_and_clips(case):
    n, offset, options = CASES[case]
    rows, scale = rows_and_scale(n, offset, **options)
    with np.errstate(over="ignore"):
        expected = np.clip((rows - scale.center.numpy()) * scale.inverse_scale.numpy(), -1e6, 1e6)
    found = scale(torch.from_numpy(rows)).numpy()
    assert np.isfinite(found).all()
    assert np.array_equal(found, expected) or case == "folded"
    assert np.abs(found - expected).max() <= 1e-6 * options.get("kappa", 2.0)


@pytest.mark.parametrize(("offset", "kappa", "folds"), [(3.0, 2.0, True), (3.0, 0.1, False), (100.0, 2.0, False)])
def test_the_centre_is_folded_only_where_rounding_cannot_move_a_cosine(offset, kappa, folds):
    assert rows_and_scale(30, offset, kappa)[1].folds_center is folds


@pytest.mark.parametrize("by_product", [True, False])
@pytest.mark.parametrize("kappa", [0.0, 2.0])
@pytest.mark.parametrize("count", [1, 3])
def test_copies_are_weighted_and_followed_by_the_anchor(count, kappa, by_product):
    weights, row = torch.rand(count, 5) + 0.5, torch.randn(20, 5)
    found = WeightedCopies(weights, kappa, by_product=by_product)(row)
    assert found.shape == (20, count * 5 + (kappa > 0))
    for index, weight in enumerate(weights):
        assert torch.equal(found[:, index * 5 : index * 5 + 5], row * weight)
    assert (found[:, count * 5 :] == np.float32(kappa * 5**0.5)).all()


def test_a_single_copy_without_weights_and_anchor_is_the_row_itself():
    row = torch.randn(20, 5)
    assert WeightedCopies(torch.ones(1, 5), 0.0, by_product=True)(row) is row
