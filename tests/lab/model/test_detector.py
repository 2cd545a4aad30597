"""The detector against an independent float64 implementation of the contract in NumPy."""

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity

from aetk.base.errors import CheckFailed
from aetk.lab.model.autoencoders import Autoencoders
from aetk.lab.model.detector import Detector
from aetk.lab.model.memory import Memory
from aetk.lab.model.overflow import safe_bound
from lab.float64 import contract
from lab.small import small_networks

N = 6
SPECIAL = np.float32([0.0, 1e20, -1e20, 1e30, 3.4e38, -3.4e38, 3.402e38, 1e-40, -1e-45, np.nan, np.inf, -np.inf])


KINDS = {
    "plain": {},
    "joint": {"shapes": ((16, 8), (5,)), "memory": 7},
    "compact": {"shapes": ((16, 8), (5,)), "memory": 7, "compact": True},
}


def make(kappa=1.0, imputes=False, threshold=0.5, explain=True, seed=0, *, shapes=((16, 8),), memory=0, compact=False):
    """A detector with random weights, batch statistics, scaling (whose products float32 holds exactly) and fill."""
    torch.manual_seed(seed)
    networks = small_networks(N, shapes)
    return Detector(
        networks, center=torch.randint(-8, 9, (N,)) / 8, inverse_scale=torch.randint(4, 13, (N,)) / 8,
        fill=torch.randn(N), imputes=imputes, kappa=kappa, threshold=threshold, explain=explain, compact=compact,
        # powers of two and eighths, which the module can fold into one another without rounding
        memory=Memory(torch.randint(-16, 17, (memory, N)) / 8, torch.tensor(4.0)) if memory else None,
        weights=2.0 ** torch.randint(-2, 2, (len(shapes) + 1, N)) if memory else None,
    ).eval()  # fmt: skip


def rows(seed=0):
    """Ordinary rows, then every special value in every column, alone and together."""
    random = np.random.default_rng(seed)
    ordinary = random.normal(size=(100, N))
    alone = np.concatenate([np.where(np.eye(N, dtype=bool), value, ordinary[:N]) for value in SPECIAL])
    together = np.repeat(SPECIAL[:, None], N, axis=1)
    return np.concatenate([ordinary, 1e-3 * ordinary, 1e4 * ordinary, alone, together]).astype(np.float32)


def answer(detector, features):
    with torch.no_grad():
        return [output.numpy() for output in detector(torch.from_numpy(features))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kappa", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("imputes", [False, True])
def test_float64_answers_are_the_contracts(kappa, imputes, kind):
    detector, features = make(kappa, imputes, **KINDS[kind]), rows()
    precise = copy.deepcopy(detector).double()
    with torch.no_grad():
        found = [output.numpy() for output in precise(torch.from_numpy(features).double())]
    for name, one, other in zip(
        ("similarity", "anomaly", "valid", "share"), found, contract(detector, features), strict=True
    ):
        assert np.allclose(one, other, rtol=0, atol=1e-12), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kappa", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("imputes", [False, True])
def test_float32_answers_keep_the_tolerance(kappa, imputes, kind):
    detector, features = make(kappa, imputes, **KINDS[kind]), rows()
    similarity, anomaly, valid, share = answer(detector, features)
    expected = contract(detector, features)
    assert np.abs(similarity - expected[0]).max() < 1e-5
    clear = np.abs(expected[0] - 0.5) > 1e-5
    assert np.array_equal(anomaly[clear], expected[1][clear])
    assert np.array_equal(valid, expected[2])
    assert np.abs(share - expected[3]).max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kappa", [0.0, 1.0])
@pytest.mark.parametrize("imputes", [False, True])
def test_no_input_whatever_gives_nan_and_the_rule_holds_for_every_row(kappa, imputes, kind):
    similarity, anomaly, valid, share = answer(make(kappa, imputes, **KINDS[kind]), rows())
    assert np.isfinite(similarity).all()
    assert np.isfinite(share).all()
    assert (np.abs(similarity) <= 1).all()
    assert np.array_equal(anomaly, ~(similarity >= np.float32(0.5)))
    assert (similarity[~valid] == -1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_shares_of_a_valid_row_sum_to_one_minus_its_similarity_and_those_of_others_are_zero(kind):
    similarity, _, valid, share = answer(make(**KINDS[kind]), rows())
    assert np.allclose(share.sum(axis=1)[valid], 1 - similarity[valid], atol=1e-5)
    assert (share >= 0).all()
    assert (share[~valid] == 0).all()
    assert 0 < valid.sum() < len(valid)


def test_without_anchor_and_scaling_it_is_the_references_cosine():
    networks = make().networks
    detector = Detector(
        networks, center=torch.zeros(N), inverse_scale=torch.ones(N), fill=torch.zeros(N), imputes=False, kappa=0.0,
        threshold=0.5,
    ).eval()  # fmt: skip
    features = torch.from_numpy(
        np.concatenate([rows()[:200], np.full((1, N), 1e-8), np.zeros((1, N))]).astype(np.float32)
    )
    with torch.no_grad():
        expected = cosine_similarity(features, networks(features)[:, 0], dim=1, eps=1e-6)
        assert torch.allclose(detector(features)[0], expected, rtol=0, atol=1e-6)


def test_a_perfect_reconstruction_has_similarity_one_and_no_shares():
    networks = Autoencoders(N, ((), ()))
    with torch.no_grad():
        for (layer,) in networks:
            layer.weight.copy_(torch.eye(N))
            layer.bias.zero_()
    detector = Detector(
        networks, center=torch.zeros(N), inverse_scale=torch.ones(N), fill=torch.zeros(N), imputes=False, kappa=1.0,
        threshold=0.5, explain=True,
    ).eval()  # fmt: skip
    similarity, anomaly, valid, share = answer(detector, rows()[:100])
    assert np.allclose(similarity, 1, atol=1e-6)
    assert valid.all()
    assert not anomaly.any()
    assert np.abs(share).max() < 1e-6


def test_an_imputing_detector_judges_a_row_of_nothing_as_its_fill():
    detector = make(imputes=True)
    nothing = np.full((1, N), np.nan, np.float32)
    outputs = zip(answer(detector, nothing), answer(detector, detector.fill.numpy()[None]), strict=True)
    assert all(np.array_equal(one, other) for one, other in outputs)


def test_contribution_is_answered_only_where_asked_for():
    assert len(answer(make(explain=False), rows())) == 3


def amplifying(factor):
    networks = Autoencoders(N, ((8,),)).eval()
    with torch.no_grad():
        networks[0][0].weight.mul_(factor)
    return networks


def bound_of(networks, memory=None, kappa=0.0):
    return safe_bound(networks, memory, torch.ones(len(networks) + (memory is not None), N), kappa)


def test_a_tame_network_gets_the_widest_bound():
    assert bound_of(amplifying(1)) == 1e9


@pytest.mark.parametrize("factor", [1e9, 1e12])
def test_an_amplifying_network_gets_a_bound_at_which_nothing_overflows(factor):
    networks = amplifying(factor)
    bound = bound_of(networks)
    assert 1e3 <= bound < 1e9
    corners = bound * torch.sign(torch.randn(1000, N, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        assert (networks(corners)[:, 0] ** 2).sum(1).isfinite().all()


@pytest.mark.parametrize("factor", [1e25, 1e38, math.inf, math.nan])
def test_a_network_that_overflows_within_ordinary_values_is_refused(factor):
    with pytest.raises(CheckFailed, match="overflow"):
        bound_of(amplifying(factor))


def test_a_sharp_memory_bounds_what_it_can_compare_in_float32():
    memory = Memory(torch.full((3, N), 1e3), torch.tensor(1e-24))
    bound = bound_of(amplifying(1), memory)
    assert 1e3 <= bound < 1e9
    assert memory.recall(torch.full((1, N), bound)).isfinite().all()
