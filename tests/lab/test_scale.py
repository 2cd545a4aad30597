"""Scaling with the anchor, by whichever way is the fastest, is the same scaling."""

import numpy as np
import pytest
import torch

from aetk.lab.scale import Scale


def rows_and_scale(n, offset, kappa=2.0, identity=False, bound=1e6):
    """Rows that spread by one or two around centres that lie `offset` away from 0."""
    random = np.random.default_rng(n)
    center = np.zeros(n) if identity else offset + random.normal(size=n)
    inverse = np.ones(n) if identity else random.uniform(0.5, 1, n)
    rows = (center + 2 * random.normal(size=(200, n))).astype(np.float32)
    rows[0] = 3.4e38
    rows[1, 0] = -3.4e38
    return rows, Scale(*(torch.from_numpy(v.astype(np.float32)) for v in (center, inverse)), kappa, bound)


CASES = {
    "folded": (30, 3.0, {}),
    "far from zero": (30, 1e5, {}),
    "farther than a difference can reach": (30, 3e38, {}),
    "wide": (65, 3.0, {}),
    "wide and raw": (65, 0.0, {"identity": True}),
    "raw": (30, 0.0, {"identity": True}),
    "without anchor": (30, 3.0, {"kappa": 0.0}),
    "raw without anchor": (30, 0.0, {"kappa": 0.0, "identity": True}),
}


@pytest.mark.parametrize("case", CASES)
def test_every_way_scales_clips_and_appends_the_anchor(case):
    n, offset, options = CASES[case]
    rows, scale = rows_and_scale(n, offset, **options)
    with np.errstate(over="ignore"):
        expected = np.clip((rows - scale.center.numpy()) * scale.inverse_scale.numpy(), -1e6, 1e6)
    found = scale(torch.from_numpy(rows)).numpy()
    assert np.isfinite(found).all()
    kappa = options.get("kappa", 2.0)
    assert found.shape == (200, n + (kappa > 0))
    assert (found[:, n:] == np.float32(kappa * n**0.5)).all()
    assert np.array_equal(found[:, :n], expected) or case == "folded"
    assert np.abs(found[:, :n] - expected).max() <= 1e-6 * kappa


@pytest.mark.parametrize(("offset", "kappa", "folds"), [(3.0, 2.0, True), (3.0, 0.1, False), (100.0, 2.0, False)])
def test_the_centre_is_folded_only_where_rounding_cannot_move_a_cosine(offset, kappa, folds):
    assert rows_and_scale(30, offset, kappa)[1].folds_center is folds
