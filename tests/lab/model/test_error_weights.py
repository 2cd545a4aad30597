"""Errors in units of their ordinary size."""

import math

import torch

from aetk.lab.model.error_weights import error_weights, part_weights

N, ROWS = 4, 2000


def weights_of(errors, spread=None):
    """Weights of one reconstruction whose features err by so much, up and down in turn."""
    rows = torch.randn(ROWS, N, generator=torch.Generator().manual_seed(0))
    signs = torch.where(torch.arange(ROWS) % 2 == 0, 1.0, -1.0)[:, None]
    spread = torch.ones(N) if spread is None else spread
    return error_weights((rows + signs * torch.tensor(errors))[:, None], rows, spread)[0]


def test_a_feature_weighs_the_more_the_better_it_is_reconstructed():
    weights = weights_of([0.1, 0.2, 0.4, 0.8])
    assert torch.allclose(weights / weights[3], torch.tensor([8.0, 4.0, 2.0, 1.0]), rtol=1e-4)


def test_an_error_that_is_rare_and_large_counts_by_its_square():
    rows = torch.zeros(100, 2)
    reconstructions = rows.clone()
    reconstructions[:, 0] = 0.2
    reconstructions[:4, 1] = 1.0  # 0.04 on average, 0.2 in the root mean square
    weights = error_weights(reconstructions[:, None], rows, torch.ones(2))[0]
    assert torch.allclose(weights[0], weights[1], rtol=1e-5)


def test_no_feature_outweighs_the_others_for_being_reconstructed_to_the_last_digit():
    weights = weights_of([0.0, 1e-6, 0.05, 0.5])
    assert torch.allclose(weights / weights[3], torch.tensor([10.0, 10.0, 10.0, 1.0]), rtol=1e-3)


def test_what_counts_as_the_last_digit_goes_by_a_features_spread_and_a_constant_one_counts_as_1():
    weights = weights_of([0.0, 0.0, 0.0, 0.0], spread=torch.tensor([1.0, 2.0, 4.0, 0.0]))
    assert torch.allclose(weights / weights[0], torch.tensor([1.0, 0.5, 0.25, 1.0]), rtol=1e-4)


def test_a_training_rows_squared_norm_is_the_number_of_features_on_average():
    spread = torch.tensor([1.0, 0.5, 2.0, 1.5])
    rows = spread * torch.randn(ROWS, N, generator=torch.Generator().manual_seed(1))
    reconstructions = torch.stack([rows + 0.3, rows - torch.tensor([0.1, 0.2, 0.3, 0.4])], 1)
    weights = error_weights(reconstructions, rows, rows.std(0, correction=0))
    centred = rows - rows.mean(0)
    norms = (centred[:, None] * weights).square().sum((1, 2))
    assert weights.shape == (2, N)
    assert math.isclose(norms.mean(), N, rel_tol=1e-4)


def parts(errors, **options):
    """Weights by part of reconstructions that miss every feature by so much."""
    rows = torch.randn(ROWS, N, generator=torch.Generator().manual_seed(0))
    return part_weights(torch.stack([rows + error for error in errors], 1), rows, torch.ones(N), **options)


def test_by_part_all_features_weigh_alike_and_the_networks_count_less_than_the_memory():
    weights = parts([0.5, 0.5, 0.25], has_memory=True)
    assert weights.shape == (3, N)
    assert torch.equal(weights, weights[:, :1].expand(-1, N))
    counted = (weights[:, 0] * torch.tensor([0.5, 0.5, 0.25])).square()
    assert torch.allclose(counted / counted[0], torch.tensor([1.0, 0.15, 0.15]), rtol=1e-4)
    assert math.isclose(weights.square().sum(), N, rel_tol=1e-4)


def test_by_part_networks_without_a_memory_count_alike():
    counted = parts([0.5, 0.25], has_memory=False)[:, 0] * torch.tensor([0.5, 0.25])
    assert torch.allclose(counted[0], counted[1], rtol=1e-4)


def test_by_part_a_reconstruction_to_the_last_digit_does_not_silence_the_others():
    weights = parts([0.5, 0.0], has_memory=False)[:, 0]
    assert torch.allclose(weights[1] / weights[0], torch.tensor(10.0), rtol=1e-4)
