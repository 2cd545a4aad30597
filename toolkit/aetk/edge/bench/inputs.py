"""The rows that a benchmark runs on: like those that the model was made for."""

import numpy as np
from numpy.typing import NDArray

from aetk.contract.card import QUANTILE_LEVELS, Card, between_quantiles


def ordinary_rows(card: Card, count: int) -> NDArray[np.float32]:
    """Rows drawn from the card's quantiles, float32 [count, n], the same each time."""
    levels = np.random.default_rng(0).uniform(QUANTILE_LEVELS[0], QUANTILE_LEVELS[-1], (count, len(card.features)))
    return np.ascontiguousarray(between_quantiles(card.features, levels), np.float32)
