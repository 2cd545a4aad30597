"""Leaves out the training rows that differ most from the others, because they may be unlabelled anomalies."""

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.lab.model.expansion import Expansion


def trim(rows: NDArray[np.float64], share: float, seed: int, expansion: Expansion) -> NDArray[np.float64]:
    """Leave out the `share` of the rows that an isolation forest isolates the soonest; keep the order of the others.

    An isolation forest needs neither scaled rows nor rows without anomalies, so it can run before training.

    Source: Liu, Ting and Zhou, "Isolation Forest" (2008).

    Args:
        rows: float64 [rows, n]; missing and infinite values count as `spec.FINITE_LIMIT`.
        share: the share of the rows to leave out, below 1; with 0 all are kept.
        seed: the seed of the forest.
        expansion: which columns are categories; the forest looks at the expanded rows.
    """
    dropped = int(len(rows) * share)
    if not dropped:
        return rows
    from sklearn.ensemble import IsolationForest  # takes as long to import as PyTorch

    expanded = expansion.expand(rows)
    finite = np.abs(expanded) <= spec.FINITE_LIMIT
    forest = IsolationForest(random_state=seed).fit(np.where(finite, expanded, spec.FINITE_LIMIT))
    strangeness = -forest.score_samples(np.where(finite, expanded, spec.FINITE_LIMIT))
    kept = np.argsort(strangeness, kind="stable")[: len(rows) - dropped]
    return rows[np.sort(kept)]
