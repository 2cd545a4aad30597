"""What a detector answers where some of its features are categories."""

import numpy as np
import pytest
import torch

from aetk.lab.model.detector import Detector
from aetk.lab.model.expansion import Expansion
from aetk.lab.model.memory import Memory
from lab.small import small_networks

LEVELS = (0, 3, 0, 2)
NAN, INF = float("nan"), float("inf")


def detector(levels=LEVELS, *, kappa=1.0, imputes=False, compact=False, memory=4):
    torch.manual_seed(0)
    expansion = Expansion(tuple(levels))
    m = expansion.width
    networks = small_networks(m)
    return Detector(
        networks, center=torch.randn(m), inverse_scale=torch.rand(m) + 0.5,
        fill=torch.from_numpy(expansion.fill(np.arange(len(levels)) / 2)).float(), imputes=imputes,
        kappa=kappa, threshold=0.5, explain=True, compact=compact, expansion=expansion,
        memory=Memory(torch.randn(memory, m), torch.tensor(0.5 * m)) if memory else None,
        weights=torch.rand(1 + bool(memory), m) + 0.5,
    ).eval()  # fmt: skip


def answers(of, *rows):
    with torch.no_grad():
        return of(torch.tensor(rows, dtype=torch.float32))


KINDS = pytest.mark.parametrize("compact", [False, True], ids=["by product", "by slices"])


@KINDS
@pytest.mark.parametrize("value", [4.0, -1.0, 0.5, 1e20, 3.4e38, NAN, INF, -INF])
def test_whatever_is_no_level_is_the_last_index_and_valid(value, compact):
    of = detector(compact=compact)
    similarity, is_anomaly, is_valid, contribution = answers(of, [1.0, value, -0.5, 1.0], [1.0, 3.0, -0.5, 1.0])
    assert is_valid.tolist() == [True, True]
    assert similarity[0] == similarity[1] > -1
    assert is_anomaly[0] == is_anomaly[1]
    assert (contribution[0] == contribution[1]).all()


@KINDS
@pytest.mark.parametrize("value", [NAN, INF, 3.402e38])
def test_a_number_that_cannot_be_used_makes_the_row_invalid_as_before(value, compact):
    similarity, is_anomaly, is_valid, contribution = answers(detector(compact=compact), [value, 1.0, 0.0, NAN])
    assert (similarity.item(), is_anomaly.item(), is_valid.item()) == (-1.0, True, False)
    assert contribution.tolist() == [[0, 0, 0, 0]]


@KINDS
def test_with_imputation_the_median_fills_numbers_and_the_other_level_categories(compact):
    of = detector(imputes=True, compact=compact)
    similarity, _, is_valid, _ = answers(of, [NAN, NAN, INF, NAN], [0.0, 3.0, 1.0, 2.0])
    assert similarity[0] == similarity[1]
    assert is_valid.all()


@KINDS
def test_each_level_is_another_row(compact):
    found = answers(detector(compact=compact), *([1.0, k, 0.0, 0.0] for k in range(4)))[0]
    assert len(set(found.tolist())) == 4


@KINDS
@pytest.mark.parametrize("kappa", [0.0, 1.0])
def test_the_contributions_of_the_n_columns_sum_to_1_minus_the_similarity(kappa, compact):
    rows = [[x, k, -x, j] for x in (0.0, 2.0, -30.0) for k in (0, 1, 2, 3, NAN) for j in (0, 1, 2)]
    similarity, _, is_valid, contribution = answers(detector(kappa=kappa, compact=compact), *rows)
    assert contribution.shape == (len(rows), 4)
    assert is_valid.all()
    torch.testing.assert_close(contribution.sum(1), 1 - similarity, atol=1e-5, rtol=0)


def test_both_kinds_of_arithmetic_agree():
    rows = [[x, k, -x, j] for x in (0.0, 2.0, 1e20, NAN) for k in (0, 1, 2, 3, NAN) for j in (0, 1, 2)]
    for one, other in zip(answers(detector(), *rows), answers(detector(compact=True), *rows), strict=True):
        torch.testing.assert_close(one, other, atol=2e-6, rtol=0)


@KINDS
@pytest.mark.parametrize("imputes", [False, True])
def test_rows_of_categories_alone_are_always_valid(imputes, compact):
    of = detector((2, 3), imputes=imputes, compact=compact)
    similarity, _, is_valid, _ = answers(of, [0.0, 1.0], [NAN, INF], [2.0, 3.0])
    assert is_valid.all()
    assert similarity[1] == similarity[2]


def test_no_state_beside_that_of_a_detector_of_the_expanded_width_is_saved():
    assert set(detector().state_dict()) == {
        *(name for name in detector((0,) * 9).state_dict()),
    }
