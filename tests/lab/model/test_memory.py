"""The memory: a mixture of prototypes, and prototypes of the training rows."""

import numpy as np
import pytest
import torch

from aetk.lab.model.memory import Memory, fit_memory


def clusters(rows=400, seed=0):
    """float32 [rows, 3] around four corners, a tenth apart within, ten apart between; and the corners."""
    random = np.random.default_rng(seed)
    corners = 10.0 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    points = corners[random.integers(4, size=rows)] + random.normal(scale=0.1, size=(rows, 3))
    return torch.from_numpy(points.astype(np.float32)), torch.from_numpy(corners.astype(np.float32))


def test_a_row_is_answered_by_the_prototypes_in_proportion_to_their_nearness():
    prototypes, temperature = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0]]), 1.5
    row = torch.tensor([[0.5, 1.0]])
    nearness = np.exp(-np.array([0.25 + 1, 2.25 + 1, 0.25 + 9]) / temperature)
    expected = nearness @ prototypes.numpy() / nearness.sum()
    assert np.allclose(Memory(prototypes, torch.tensor(temperature))(row)[0].numpy(), expected, atol=1e-6)


def test_answers_stay_among_the_prototypes_however_far_the_row_is():
    memory = fit_memory(clusters()[0], 16, 0)
    low, high = memory.prototypes.amin(0), memory.prototypes.amax(0)
    answers = memory(1e9 * torch.randn(100, 3, generator=torch.Generator().manual_seed(0)))
    assert ((low - 1e-3 <= answers) & (answers <= high + 1e-3)).all()


def test_prototypes_lie_where_the_rows_are():
    rows, corners = clusters()
    memory = fit_memory(rows, 4, 0)
    assert torch.cdist(corners, memory.prototypes).amin(1).max() < 0.1


def test_what_lies_between_clusters_is_reconstructed_badly_and_what_lies_in_one_well():
    rows, corners = clusters()
    memory = fit_memory(rows, 64, 0)
    between = corners.mean(0, keepdim=True)
    assert (memory(rows) - rows).norm(dim=1).median() < 0.2
    assert (memory(between) - between).norm() > 3


@pytest.mark.parametrize(("size", "rows", "most"), [(512, 100, 50), (8, 100, 8), (512, 2, 1), (512, 3, 1)])
def test_there_are_never_more_prototypes_than_half_the_rows(size, rows, most):
    assert len(fit_memory(clusters(rows)[0], size, 0).prototypes) <= most


@pytest.mark.parametrize(("size", "rows", "expected"), [(512, 100, 100), (100, 100, 100), (64, 100, 64), (512, 1, 1)])
def test_a_memory_that_keeps_rows_holds_them_all_where_they_are_few_enough(size, rows, expected):
    given = clusters(rows)[0]
    memory = fit_memory(given, size, 0, keeps_rows=True)
    assert len(memory.prototypes) == expected
    if rows <= size:
        assert torch.equal(memory.prototypes.unique(dim=0), given.unique(dim=0))


def test_a_kept_row_is_not_its_own_neighbour_when_the_temperature_is_chosen():
    rows = 10 * torch.arange(6.0)[:, None]
    assert float(fit_memory(rows, 6, 0, keeps_rows=True).temperature) == 10.0**2
    assert float(fit_memory(rows, 6, 0, keeps_rows=True, temperature=0.5).temperature) == 10.0**2 / 2


def test_rows_that_repeat_give_no_prototype_twice_and_no_temperature_of_nothing():
    rows = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(100, 1)
    memory = fit_memory(rows, 50, 0)
    assert len(memory.prototypes) == len(memory.prototypes.unique(dim=0)) <= 50
    assert memory.temperature >= 0.01 * 2
    assert memory(rows).isfinite().all()


def test_the_same_seed_remembers_the_same_and_another_seed_something_else():
    rows = clusters(3000)[0]
    one, again, other = (fit_memory(rows, 32, seed) for seed in (1, 1, 2))
    assert torch.equal(one.prototypes, again.prototypes)
    assert torch.equal(one.temperature, again.temperature)
    assert not torch.equal(one.prototypes, other.prototypes)


def test_a_memory_says_that_there_is_too_little_memory_before_openblas_waits_for_it_for_ever(monkeypatch):
    from aetk.lab.model import memory

    monkeypatch.setattr(memory, "_PRODUCT_BYTES", 2**60)
    with pytest.raises(MemoryError):
        memory.fit_memory(torch.zeros(10, 2), 3, 1)
