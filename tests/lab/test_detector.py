"""The detector against an independent float64 implementation of the contract in NumPy."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from aetk.contract.errors import CheckFailed
from aetk.lab.detector import Detector, autoencoder, safe_bound

N = 6
SPECIAL = np.float32([0.0, 1e20, -1e20, 1e30, 3.4e38, -3.4e38, 3.402e38, 1e-40, -1e-45, np.nan, np.inf, -np.inf])


def make(kappa=1.0, imputes=False, threshold=0.5, explain=True, seed=0):
    """A detector with random weights, batch statistics, scaling (whose products float32 holds exactly) and fill."""
    torch.manual_seed(seed)
    network = autoencoder(N, (16, 8))
    for layer in network:
        if isinstance(layer, nn.BatchNorm1d):
            nn.init.uniform_(layer.running_mean, -1, 1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.uniform_(layer.bias, -1, 1)
    return Detector(
        network, center=torch.randint(-8, 9, (N,)) / 8, inverse_scale=torch.randint(4, 13, (N,)) / 8,
        fill=torch.randn(N), imputes=imputes, kappa=kappa, threshold=threshold, explain=explain,
    ).eval()  # fmt: skip


def rows(seed=0):
    """Ordinary rows, then every special value in every column, alone and together."""
    random = np.random.default_rng(seed)
    ordinary = random.normal(size=(100, N))
    alone = np.concatenate([np.where(np.eye(N, dtype=bool), value, ordinary[:N]) for value in SPECIAL])
    together = np.repeat(SPECIAL[:, None], N, axis=1)
    return np.concatenate([ordinary, 1e-3 * ordinary, 1e4 * ordinary, alone, together]).astype(np.float32)


def contract(detector, features):
    """similarity, is_anomaly, is_valid, contribution as the contract defines them, in float64 NumPy."""
    value = {name: tensor.numpy().astype(np.float64) for name, tensor in detector.state_dict().items()}
    x = features.astype(np.float64)
    finite = np.isfinite(x) & (np.abs(x) <= np.float64(np.float32(3.4e38)))
    with np.errstate(invalid="ignore"):
        u = (np.where(finite, x, value["fill"]) - value["center"]) * value["inverse_scale"]
    u = np.clip(u, -detector.bound, detector.bound)
    v = u
    for index, layer in enumerate(detector.network):
        if isinstance(layer, nn.Linear):
            v = v @ value[f"network.{index}.weight"].T + value[f"network.{index}.bias"]
        elif isinstance(layer, nn.BatchNorm1d):
            mean, variance = value[f"network.{index}.running_mean"], value[f"network.{index}.running_var"]
            scaled = (v - mean) / np.sqrt(variance + 1e-5)
            v = scaled * value[f"network.{index}.weight"] + value[f"network.{index}.bias"]
        else:
            v = np.where(v >= 0, v, 0.01 * v)
    anchor = np.full((len(x), 1), np.float32(detector.kappa * math.sqrt(N)), np.float64)
    whole_u, whole_v = np.hstack([u, anchor]), np.hstack([v, anchor])
    whole_u /= np.maximum(np.linalg.norm(whole_u, axis=1, keepdims=True), 1e-6)
    whole_v /= np.maximum(np.linalg.norm(whole_v, axis=1, keepdims=True), 1e-6)
    is_valid = np.full(len(x), True) if detector.imputes else finite.all(axis=1)
    similarity = np.where(is_valid, np.clip((whole_u * whole_v).sum(axis=1), -1, 1), -1)
    d = ((whole_u - whole_v) ** 2)[:, :-1]
    total = d.sum(axis=1, keepdims=True)
    share = np.where(total > 0, d / np.where(total > 0, total, 1), 0) * (1 - similarity)[:, None]
    return similarity, ~(similarity >= float(detector.threshold)), is_valid, np.where(is_valid[:, None], share, 0)


def answer(detector, features):
    with torch.no_grad():
        return [output.numpy() for output in detector(torch.from_numpy(features))]


@pytest.mark.parametrize("kappa", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("imputes", [False, True])
def test_float64_answers_are_the_contracts(kappa, imputes):
    detector, features = make(kappa, imputes), rows()
    precise = copy.deepcopy(detector).double()
    with torch.no_grad():
        found = [output.numpy() for output in precise(torch.from_numpy(features).double())]
    for name, one, other in zip(
        ("similarity", "anomaly", "valid", "share"), found, contract(detector, features), strict=True
    ):
        assert np.allclose(one, other, rtol=0, atol=1e-12), name


@pytest.mark.parametrize("kappa", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("imputes", [False, True])
def test_float32_answers_keep_the_tolerance(kappa, imputes):
    detector, features = make(kappa, imputes), rows()
    similarity, anomaly, valid, share = answer(detector, features)
    expected = contract(detector, features)
    assert np.abs(similarity - expected[0]).max() < 1e-5
    clear = np.abs(expected[0] - 0.5) > 1e-5
    assert np.array_equal(anomaly[clear], expected[1][clear])
    assert np.array_equal(valid, expected[2])
    assert np.abs(share - expected[3]).max() < 1e-5


@pytest.mark.parametrize("kappa", [0.0, 1.0])
@pytest.mark.parametrize("imputes", [False, True])
def test_no_input_whatever_gives_nan_and_the_rule_holds_for_every_row(kappa, imputes):
    similarity, anomaly, valid, share = answer(make(kappa, imputes), rows())
    assert np.isfinite(similarity).all()
    assert np.isfinite(share).all()
    assert (np.abs(similarity) <= 1).all()
    assert np.array_equal(anomaly, ~(similarity >= np.float32(0.5)))
    assert (similarity[~valid] == -1).all()


def test_shares_of_a_valid_row_sum_to_one_minus_its_similarity_and_those_of_others_are_zero():
    similarity, _, valid, share = answer(make(), rows())
    assert np.allclose(share.sum(axis=1)[valid], 1 - similarity[valid], atol=1e-5)
    assert (share >= 0).all()
    assert (share[~valid] == 0).all()
    assert 0 < valid.sum() < len(valid)


def test_without_anchor_and_scaling_it_is_the_references_cosine():
    network = make().network
    detector = Detector(
        network, center=torch.zeros(N), inverse_scale=torch.ones(N), fill=torch.zeros(N), imputes=False, kappa=0.0,
        threshold=0.5,
    ).eval()  # fmt: skip
    features = torch.from_numpy(
        np.concatenate([rows()[:200], np.full((1, N), 1e-8), np.zeros((1, N))]).astype(np.float32)
    )
    with torch.no_grad():
        expected = cosine_similarity(features, detector.network(features), dim=1, eps=1e-6)
        assert torch.allclose(detector(features)[0], expected, rtol=0, atol=1e-6)


def test_a_perfect_reconstruction_has_similarity_one_and_no_shares():
    network = nn.Sequential(nn.Linear(N, N), nn.Linear(N, N))
    with torch.no_grad():
        for layer in network:
            layer.weight.copy_(torch.eye(N))
            layer.bias.zero_()
    detector = Detector(
        network, center=torch.zeros(N), inverse_scale=torch.ones(N), fill=torch.zeros(N), imputes=False, kappa=1.0,
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
    network = autoencoder(N, (8,)).eval()
    with torch.no_grad():
        network[0].weight.mul_(factor)
    return network


def test_a_tame_network_gets_the_widest_bound():
    assert safe_bound(amplifying(1), N) == 1e9


@pytest.mark.parametrize("factor", [1e9, 1e12])
def test_an_amplifying_network_gets_a_bound_at_which_nothing_overflows(factor):
    network = amplifying(factor)
    bound = safe_bound(network, N)
    assert 1e3 <= bound < 1e9
    corners = bound * torch.sign(torch.randn(1000, N, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        assert (network(corners) ** 2).sum(1).isfinite().all()


@pytest.mark.parametrize("factor", [1e25, 1e38, math.inf, math.nan])
def test_a_network_that_overflows_within_ordinary_values_is_refused(factor):
    with pytest.raises(CheckFailed, match="overflow"):
        safe_bound(amplifying(factor), N)
