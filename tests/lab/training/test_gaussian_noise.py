"""Gaussian noise of many levels."""

import torch

from aetk.lab.training.gaussian_noise import GaussianNoise

CPU = torch.device("cpu")


def rows(count=4000):
    """float32 [count, 3]: a column of deviation 1, one of 10, and a constant one."""
    values = torch.randn(count, 3, generator=torch.Generator().manual_seed(0))
    return values * torch.tensor([1.0, 10.0, 0.0])


def test_noise_is_measured_in_each_columns_deviation_and_spares_a_constant_one():
    given = rows()
    added = GaussianNoise(1.0, CPU)(given, given, 3) - given
    assert (added[:, 2] == 0).all()
    assert torch.isclose(added[:, 1].std() / added[:, 0].std(), torch.tensor(10.0), rtol=0.1)


def test_each_row_has_its_own_level_between_a_twentieth_of_the_largest_and_the_largest():
    given = torch.randn(2000, 400, generator=torch.Generator().manual_seed(1))
    level = (GaussianNoise(2.0, CPU)(given, given, 3) - given).std(1)
    assert 0.08 < float(level.min()) < 0.12
    assert 1.8 < float(level.max()) < 2.2
    assert 0.35 < float(level.median()) < 0.55  # the geometric mean of 0.1 and 2 is 0.45


def test_the_same_seed_gives_the_same_noise_and_each_network_its_own():
    given = rows(100)
    noise = GaussianNoise(1.0, CPU)
    versions = given[:, None].expand(-1, 2, -1)
    first = noise(given, versions, 7)
    assert torch.equal(first, noise(given, versions, 7))
    assert not torch.equal(first, noise(given, versions, 8))
    assert not torch.equal(first[:, 0], first[:, 1])


def test_without_noise_rows_stay_what_they_are():
    given = rows(10)
    assert GaussianNoise(0.0, CPU)(given, given, 7) is given
