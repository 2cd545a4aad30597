"""Makes golden rows: synthetic inputs over the whole range, answered by PyTorch in float32 and float64."""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.card import QUANTILE_LEVELS, Feature, between_quantiles
from aetk.contract.golden import Golden, Similarity, rows_near
from aetk.lab.detector import Detector

_SEED = 0


def answers(detector: Detector, rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """PyTorch's float32 similarity and validity, each [rows], of rows, float32 [rows, n]."""
    with torch.no_grad():
        similarity, _, is_valid = detector(torch.from_numpy(rows))[:3]
    return similarity.numpy(), is_valid.numpy()


def in_float64(detector: Detector) -> Similarity:
    """The similarity of float32 rows computed throughout in float64."""
    precise = copy.deepcopy(detector).double()

    def similarity(rows: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.no_grad():
            result: NDArray[np.float64] = precise(torch.from_numpy(rows).double())[0].numpy()
        return result

    return similarity


def make_golden(detector: Detector, features: Sequence[Feature]) -> Golden:
    """Golden rows for a detector, none of them a near tie of its threshold.

    Drawn from the card's quantiles alone, so that no row of the training data is among them.
    """
    similarity64 = in_float64(detector)
    golden = _answered(detector, similarity64, synthetic_rows(features))
    near = rows_near(golden, similarity64, float(detector.threshold), spec.TOLERANCE)
    answered = _answered(detector, similarity64, np.concatenate([golden.inputs, near]))
    return answered.select(~answered.near_ties(float(detector.threshold), spec.TOLERANCE))


def _answered(detector: Detector, similarity64: Similarity, rows: NDArray[np.float32]) -> Golden:
    similarity, is_valid = answers(detector, rows)
    precise = similarity64(rows).astype(np.float64)
    return Golden(rows, similarity, precise, is_valid, ((f"torch {torch.__version__}", len(rows)),))


def synthetic_rows(features: Sequence[Feature]) -> NDArray[np.float32]:
    """float32 [rows, n]: ordinary, stretched, empty, huge, tiny, and not judgeable."""
    random = np.random.default_rng(_SEED)
    n = len(features)
    median = between_quantiles(features, np.full((1, n), 0.5))[0]

    def draws(count: int) -> NDArray[np.float64]:
        return between_quantiles(features, random.uniform(QUANTILE_LEVELS[0], QUANTILE_LEVELS[-1], (count, n)))

    stretch = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1.5, 2, 3, 5, 10, 30, 100])[:, None]
    special = []
    for value in (1e20, -1e20, 1e30, 3.4e38, 1e-40):  # in a single column, on an ordinary row
        row = draws(1)[0]
        row[int(random.integers(n))] = value
        special.append(row)
    for value in (np.nan, np.inf, -np.inf, 3.402e38):  # beyond 3.4e38 counts as infinite
        row = draws(1)[0]
        row[int(random.integers(n))] = value
        special.append(row)
    whole = [np.full(n, value) for value in (0.0, 1.0, 1e20, 1e-40, np.nan)]
    rows = np.concatenate([median + stretch * (draws(len(stretch)) - median), special, whole])
    return rows.astype(np.float32)
