"""Copies of columns and numbers of rows are found, whole or piece by piece, and nothing else is taken for them."""

import numpy as np
import pytest

from aetk.lab.data.redundancy import Redundancy, find_redundancy


def table(rows=1000):
    """Columns 1 and 4 copy 0 and 2, 5 and 6 count the rows, 3, 7 and 8 nearly do one or the other."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=rows), (random.random(rows) < 0.01).astype(float)
    nearly = a.copy()
    nearly[-1] += 1e-12
    count = np.arange(rows, dtype=float)
    skipping = count + (count > rows / 2)
    return np.column_stack([a, a, b, nearly, b, count, count + 7122, skipping, count / 2])


def in_pieces(values, sizes, world=1):
    """The redundancy as processes see it that share the rows out in turn, piece by piece."""
    found, start = [Redundancy(values.shape[1]) for _ in range(world)], 0
    for index, size in enumerate(sizes):
        found[index % world].see(values[start : start + size], np.arange(start, start + size))
        start += size
    assert start == len(values)
    for other in found[1:]:
        found[0].merge(other.state())
    return found[0]


SPLITS = {
    "whole": ([1000], 1),
    "one row at a time at first": ([1, 1, 998], 1),
    "two processes": ([500, 500], 2),
    "three processes in turn": ([100] * 10, 3),
    "a process without rows": ([400, 0, 600], 3),
    "the first process without rows": ([0, 1000], 2),
}


@pytest.mark.parametrize(("sizes", "world"), SPLITS.values(), ids=SPLITS)
def test_copies_and_row_numbers_are_found_however_the_rows_come(sizes, world):
    found = in_pieces(table(), sizes, world)
    assert found.same_as.tolist() == [0, 0, 2, 3, 2, 5, 6, 7, 8]
    assert np.flatnonzero(~np.isnan(found.start)).tolist() == [5, 6]
    assert found.start[[5, 6]].tolist() == [0, 7122]
    assert found.rows == 1000


@pytest.mark.parametrize("at", [0, 1, 15, 16, 17, 500, 999])
def test_a_single_differing_cell_makes_a_column_no_copy_and_no_row_number(at):
    values = np.repeat(np.arange(1000.0)[:, None], 3, 1)
    values[at, 1] += 1
    values[at, 2] = np.nan
    found = find_redundancy(values)
    assert found.same_as.tolist() == [0, 1, 2]
    assert (~np.isnan(found.start)).tolist() == [True, False, False]


def test_copies_have_the_same_missing_values_and_zeros_of_either_sign():
    column = np.array([0.0, np.nan, 1.5] * 10)
    zeros = np.where(column == 0, -0.0, column)
    filled = np.nan_to_num(column)
    assert find_redundancy(np.column_stack([column, column, zeros, filled])).same_as.tolist() == [0, 0, 0, 3]


@pytest.mark.parametrize(
    "column",
    [
        np.arange(100)[::-1],
        np.arange(100) * 60,
        np.arange(100) / 10,
        np.arange(100) + 0.5,
        np.sort(np.random.default_rng(0).integers(0, 90, 100)),
        np.random.default_rng(0).permutation(100),
        np.full(100, 3),
    ],
    ids=["downwards", "by sixties", "by tenths", "halves", "with repeats", "in no order", "constant"],
)
def test_what_does_not_go_up_by_one_from_a_whole_number_is_no_row_number(column):
    assert np.isnan(find_redundancy(column[:, None].astype(float)).start).all()


def test_as_many_equal_columns_as_a_model_takes_or_none_are_no_trouble():
    assert set(find_redundancy(np.zeros((3, 16_384))).same_as.tolist()) == {0}
    assert find_redundancy(np.empty((3, 0))).same_as.tolist() == []
    assert find_redundancy(np.empty((0, 2))).rows == 0
