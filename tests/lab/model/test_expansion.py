"""The expansion of categories into copies, in NumPy and in the graph."""

import numpy as np
import pytest
import torch

from aetk.contract.reading import Encoding
from aetk.lab.model.expansion import Expansion
from aetk.lab.model.one_hot import OneHot

MIXED = Expansion((0, 2, 0, 0, 3, 1, 0))
ONLY = Expansion((2, 3))
OUTSIDE = (-1.0, 0.5, 7.0, -0.3, 1.26, 3e38)


def rows_of(expansion, count=40, seed=0):
    """float32 rows with every index, and with values that are none."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(count, len(expansion.levels))) * 10
    for position in expansion.categories:
        values = [*range(expansion.levels[position] + 1), *OUTSIDE]
        rows[:, position] = np.resize(values, count)
    return rows.astype(np.float32)


def test_numbers_come_first_then_the_levels_then_the_other_copies():
    expanded = Expansion((2, 0, 3)).expand(np.array([[0.0, 9.5, 1.0], [1.0, -2.0, 3.0], [2.0, 0.0, 0.0]]))
    assert expanded.tolist() == [
        [9.5, 1, 0, 0, 1, 0, 0, 0],
        [-2.0, 0, 1, 0, 0, 0, 0, 1],
        [0.0, 0, 0, 1, 0, 0, 1, 0],
    ]
    assert Expansion((2, 0, 3)).owners.tolist() == [1, 0, 0, 2, 2, 2, 0, 2]


@pytest.mark.parametrize("value", [-1.0, 5.0, 0.5, 1e38, np.nan, np.inf, -np.inf])
def test_what_is_no_index_of_a_level_is_the_other_level(value):
    assert Expansion((2,)).expand(np.array([[value]])).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize("value", [0.75, 1.0, 1.25])
def test_an_index_is_that_of_the_level_within_a_quarter(value):
    assert Expansion((3,)).expand(np.array([[value]])).tolist() == [[0, 1, 0, 0]]


def test_rows_without_categories_stay_as_they_are():
    expansion, rows = Expansion.of((), 3), np.random.default_rng(0).normal(size=(5, 3))
    assert expansion.is_plain
    assert expansion.width == 3
    assert expansion.expand(rows) is rows
    assert (expansion.with_copies(rows) == rows).all()
    assert Expansion.of((Encoding("a"), Encoding("b", truths=("no", "yes"))), 2).is_plain


def test_the_copies_follow_the_rows_at_the_places_that_in_copies_names():
    rows = rows_of(MIXED).astype(np.float64)
    assert (MIXED.with_copies(rows)[:, MIXED.in_copies] == MIXED.expand(rows)).all()
    assert (MIXED.with_copies(rows)[:, :7] == rows).all()


@pytest.mark.parametrize("by_product", [True, False])
@pytest.mark.parametrize("expansion", [MIXED, ONLY], ids=["mixed", "only categories"])
def test_the_graph_expands_as_the_fit_does_to_the_last_bit(expansion, by_product):
    rows = rows_of(expansion)
    found = OneHot(expansion, by_product=by_product)(torch.from_numpy(rows)).numpy()
    assert (found == expansion.expand(rows, np.float32)).all()


@pytest.mark.parametrize("by_product", [True, False])
@pytest.mark.parametrize("expansion", [MIXED, ONLY], ids=["mixed", "only categories"])
def test_the_copies_of_a_category_are_summed_to_its_column(expansion, by_product):
    values = torch.randn(9, expansion.width, generator=torch.Generator().manual_seed(0))
    found = OneHot(expansion, by_product=by_product).summed(values)
    expected = torch.zeros(9, len(expansion.levels)).index_add_(1, torch.from_numpy(expansion.owners), values)
    torch.testing.assert_close(found, expected)


def test_all_64_indices_of_the_largest_category_are_told_apart_in_both_precisions():
    expansion = Expansion((63, 0))
    rows = np.column_stack([np.arange(64), np.full(64, 3e38)]).astype(np.float32)
    layer = OneHot(expansion, by_product=False)
    assert (layer(torch.from_numpy(rows)).numpy()[:, 1:] == np.eye(64)).all()
    assert (layer.double()(torch.from_numpy(rows).double()).numpy()[:, 1:] == np.eye(64)).all()
