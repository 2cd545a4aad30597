"""Makes golden rows: synthetic inputs over the whole range, answered by PyTorch in float32 and float64."""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.card import QUANTILE_LEVELS, Feature, all_indices, between_quantiles, categories
from aetk.contract.golden import Golden, Similarity, rows_near
from aetk.lab.model.detector import Detector
from aetk.lab.model.threads import threads_for

_SEED = 0
_ORDINARY = 1e6
"""Golden inputs of a larger magnitude test the arithmetic, not the decision."""
_CLIMB = 2000
"""The most gradient steps towards the other side of the threshold."""


def answers(detector: Detector, rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Compute similarity and validity, each [rows], of rows, float32 [rows, n], with PyTorch in float32."""
    with torch.no_grad():
        similarity, _, is_valid = detector(torch.from_numpy(rows))[:3]
    return similarity.numpy(), is_valid.numpy()


def in_float64(detector: Detector) -> Similarity:
    """Return a function that computes the similarity of float32 rows entirely in float64."""
    precise = copy.deepcopy(detector).double()
    parameters = sum(tensor.numel() for tensor in (*precise.parameters(), *precise.buffers()))

    def similarity(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.no_grad(), threads_for(len(rows) * parameters):
            result: NDArray[np.float64] = precise(torch.from_numpy(rows).double())[0].numpy()
        return result

    return similarity


def make_golden(detector: Detector, features: Sequence[Feature]) -> Golden:
    """Make golden rows for a detector, without near ties with its threshold.

    They are sampled from the card's quantiles alone, so that they contain no row of the training data.
    """
    similarity64 = in_float64(detector)
    rows = synthetic_rows(features)
    golden = _answered(detector, similarity64, np.concatenate([rows, _beyond(detector, similarity64(rows), rows)]))
    near = rows_near(golden, similarity64, float(detector.threshold), spec.TOLERANCE, categories(features))
    answered = _answered(detector, similarity64, np.concatenate([golden.inputs, near]))
    return answered.select(~answered.near_ties(float(detector.threshold), spec.TOLERANCE))


def _beyond(detector: Detector, similarity: NDArray[np.floating], rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Find a row on the other side of the threshold if all ordinary rows lie on one side; otherwise return no rows.

    Without such a row, no golden row could be placed close to the threshold, and a changed threshold would not be
    noticed. The search follows the gradient from the nearest row, whose categories stay as they are, since they have no
    gradient; if it fails, no rows are returned.
    """
    if not detector.expansion.numbers:
        return rows[:0]
    threshold = float(detector.threshold)
    ordinary = np.flatnonzero(np.isfinite(rows).all(axis=1) & (np.abs(rows) < _ORDINARY).all(axis=1))
    above = similarity[ordinary] > threshold
    if above.any() and not above.all():
        return rows[:0]
    sign = -1.0 if above.all() else 1.0
    start = ordinary[np.argmax(sign * similarity[ordinary])]
    precise = copy.deepcopy(detector).double()
    spread = torch.from_numpy(np.abs(rows[ordinary]).mean(axis=0)).double().clamp_min(1e-6)
    steps = torch.zeros(rows.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([steps], lr=0.02)
    furthest, best = 20 * spec.TOLERANCE, rows[:0]
    for _ in range(_CLIMB):
        row = torch.from_numpy(rows[start]).double() + spread * steps
        reached = precise(row[None])[0][0]
        beyond = sign * (reached.item() - threshold)
        if beyond > furthest:
            furthest, best = beyond, row.detach().float().numpy()[None]
        if beyond > 200 * spec.TOLERANCE:
            break
        optimizer.zero_grad()
        (-sign * reached).backward()
        optimizer.step()
    return best


def _answered(detector: Detector, similarity64: Similarity, rows: NDArray[np.float32]) -> Golden:
    similarity, is_valid = answers(detector, rows)
    precise = similarity64(rows).astype(np.float64)
    return Golden(rows, similarity, precise, is_valid, ((f"torch {torch.__version__}", len(rows)),))


def synthetic_rows(features: Sequence[Feature]) -> NDArray[np.float32]:
    """Make rows, float32 [rows, n], that are ordinary, stretched, constant, huge, tiny or invalid.

    A category has whole indices in all of them; more rows have each of its indices, and values that are no index.
    """
    random = np.random.default_rng(_SEED)
    n, indices = len(features), categories(features)
    numbers = [position for position in range(n) if position not in indices] or indices
    median = between_quantiles(features, np.full((1, n), 0.5))[0]

    def draws(count: int) -> NDArray[np.float64]:
        return between_quantiles(features, random.uniform(QUANTILE_LEVELS[0], QUANTILE_LEVELS[-1], (count, n)))

    stretch = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1.5, 2, 3, 5, 10, 30, 100])[:, None]
    special = []
    for value in (1e20, -1e20, 1e30, 3.4e38, 1e-40):  # in one column of an ordinary row
        row = draws(1)[0]
        row[numbers[int(random.integers(len(numbers)))]] = value
        special.append(row)
    for value in (np.nan, np.inf, -np.inf, 3.402e38):  # beyond 3.4e38 counts as infinite
        row = draws(1)[0]
        row[numbers[int(random.integers(len(numbers)))]] = value
        special.append(row)
    ordinary = draws(len(stretch))
    stretched = median + stretch * (ordinary - median)
    stretched[:, indices] = ordinary[:, indices]
    whole = [np.full(n, value) for value in (0.0, 1.0, 1e20, 1e-40, np.nan)]
    rows = np.concatenate([stretched, special, whole, _every_index(features, draws)])
    return rows.astype(np.float32)


def _every_index(features: Sequence[Feature], draws: Callable[[int], NDArray[np.float64]]) -> NDArray[np.float64]:
    """Rows, float64 [rows, n], in which every category has each of its indices, and values that are no index.

    All categories change from row to row, each from another place on, so that the rows are many combinations of few.
    """
    tried = {position: all_indices(len(features[position].levels)) for position in categories(features)}
    rows = draws(max(map(len, tried.values()), default=0))
    for turn, (position, values) in enumerate(tried.items()):
        rows[:, position] = np.resize(np.roll(values, turn), len(rows))
    return rows
