"""Leaves out training rows that look least like the others, against anomalies that nobody labelled."""

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec


def trim(rows: NDArray[np.float64], share: float, seed: int) -> NDArray[np.float64]:
    """The rows without those `share` of them that an isolation forest isolates the soonest, in their order.

    An isolation forest asks for no scale and no clean rows, which is what there is before training.

    Source: Liu, Ting and Zhou, "Isolation Forest" (2008).

    Args:
        rows: float64 [rows, n]; missing and infinite values count as the largest there is.
        share: of the rows, below 1; with 0 all are kept.
        seed: of the forest.
    """
    dropped = int(len(rows) * share)
    if not dropped:
        return rows
    from sklearn.ensemble import IsolationForest  # takes as long to import as PyTorch

    finite = np.abs(rows) <= spec.FINITE_LIMIT
    forest = IsolationForest(random_state=seed).fit(np.where(finite, rows, spec.FINITE_LIMIT))
    strangeness = -forest.score_samples(np.where(finite, rows, spec.FINITE_LIMIT))
    kept = np.argsort(strangeness, kind="stable")[: len(rows) - dropped]
    return rows[np.sort(kept)]
