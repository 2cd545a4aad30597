"""Mini-batch k-means in NumPy, with the same centers as scikit-learn's `MiniBatchKMeans`, bit for bit.

Importing scikit-learn takes as long as importing PyTorch; this module has no such cost, and the centers of a seed do
not change with the version of scikit-learn.

Sources: Sculley, "Web-Scale K-Means Clustering" (2010); Arthur and Vassilvitskii, "k-means++: The Advantages of Careful
Seeding" (2007), with several candidates for each center; stopping and reassigning as in scikit-learn 1.9.
"""

import math

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

Rows = NDArray[np.float32]

_CHUNK_ROWS = 256
"""The number of rows whose distances to all centers are in memory at a time."""
_INIT_BATCHES = 3
"""The number of rows that the first centers are chosen from, in batches."""
_NO_IMPROVEMENT = 10
"""The number of batches without a lower smoothed error after which the centers are final."""
_RARE = 0.01
"""A center is moved to a random row if it has less than this share of the rows of the most frequent center."""


def fit_centers(rows: Rows, count: int, seed: int, *, batch_rows: int, passes: int) -> Rows:
    """Find the centers of clusters, float32 [count, n].

    Args:
        rows: float32 [rows, n], finite, at least `count` rows.
        count: the number of clusters.
        seed: the seed of the random choices.
        batch_rows: the maximum number of rows in a batch.
        passes: the maximum number of passes over the rows.
    """
    random = np.random.RandomState(seed)
    total, batch_rows = len(rows), min(batch_rows, len(rows))
    init_rows = _INIT_BATCHES * (batch_rows if _INIT_BATCHES * batch_rows >= count else count)
    init_rows = min(init_rows, total)
    random.randint(0, total, init_rows)  # scikit-learn draws rows here to compare several sets of first centers
    candidates = rows if init_rows == total else rows[random.randint(0, total, init_rows)]
    with threadpool_limits(1, "blas"):  # the order of a sum, and with it the last bit, depends on the number of threads
        centers = _first_centers(candidates, count, random)
        return _Clusters(centers, batch_rows).fit(rows, passes, random)


def _first_centers(rows: Rows, count: int, random: np.random.RandomState) -> Rows:
    """Choose centers by k-means++: each is the best of a few rows, sampled by squared distance to earlier centers."""
    ones = np.ones(len(rows), np.float32)
    tries = 2 + int(np.log(count))
    wide = rows.astype(np.float64)
    norms = np.einsum("ij,ij->i", wide, wide)[None, :]

    def distances(chosen: NDArray[np.intp]) -> Rows:
        some = wide[chosen]
        squared = -2 * (some @ wide.T)
        squared += np.einsum("ij,ij->i", some, some)[:, None]
        squared += norms
        return np.maximum(squared.astype(np.float32), np.float32(0))

    centers = np.empty((count, rows.shape[1]), np.float32)
    first = random.choice(len(rows), p=ones / ones.sum())
    centers[0] = rows[first]
    closest = distances(np.array([first]))
    potential = closest @ ones
    for index in range(1, count):
        drawn = np.searchsorted(np.cumsum(ones * closest), random.uniform(size=tries) * potential)
        drawn = np.minimum(drawn, closest.size - 1)
        nearer = np.minimum(closest, distances(drawn))
        potentials = nearer @ ones.reshape(-1, 1)
        best = int(np.argmin(potentials))
        potential, closest = potentials[best], nearer[best]
        centers[index] = rows[drawn[best]]
    return centers


class _Clusters:
    """Centers, float32 [count, n], which each batch of rows moves."""

    def __init__(self, centers: Rows, batch_rows: int) -> None:
        self.centers, self.batch_rows = centers, batch_rows
        self.weights = np.zeros(len(centers), np.float32)
        self.since_reassigned = 0
        self.error: float | None = None
        self.least_error = math.inf
        self.unimproved = 0

    def fit(self, rows: Rows, passes: int, random: np.random.RandomState) -> Rows:
        ones = np.ones(len(rows), np.float32)
        share = ones / np.sum(ones)
        for step in range(passes * len(rows) // self.batch_rows):
            batch = rows[random.choice(len(rows), self.batch_rows, p=share, replace=True)]
            reassigns = self._reassigns()
            labels = self._labels(batch)
            error = _inertia(batch, self.centers[labels]) / self.batch_rows
            self._move(batch, labels)
            if reassigns:
                self._reassign(batch, random)
            if step and self._is_final(error, len(rows)):  # the first error is that of the first centers
                break
        return self.centers

    def _labels(self, rows: Rows) -> NDArray[np.intp]:
        """The nearest center of each row, int [rows]; the row's norm is left out, being equal for all centers."""
        norms = np.einsum("ij,ij->i", self.centers, self.centers)
        starts = range(0, len(rows), _CHUNK_ROWS)
        chunks = (rows[start : start + _CHUNK_ROWS] for start in starts)
        return np.concatenate([(np.float32(-2) * (chunk @ self.centers.T) + norms).argmin(1) for chunk in chunks])

    def _move(self, rows: Rows, labels: NDArray[np.intp]) -> None:
        """Move each center to the mean of all rows, of this batch and earlier ones, that were nearest to it."""
        counts = np.bincount(labels, minlength=len(self.centers)).astype(np.float32)
        moved = counts > 0
        sums = self.centers * self.weights[:, None]
        np.add.at(sums, labels, rows)  # adds row by row, since the order of a sum affects its last bit
        self.weights += counts
        self.centers = self.centers.copy()
        self.centers[moved] = sums[moved] * (np.float32(1) / self.weights[moved])[:, None]

    def _reassigns(self) -> bool:
        """Whether rare centers are to be moved after this batch."""
        self.since_reassigned += self.batch_rows
        if (self.weights == 0).any() or self.since_reassigned >= 10 * len(self.centers):
            self.since_reassigned = 0
            return True
        return False

    def _reassign(self, rows: Rows, random: np.random.RandomState) -> None:
        """Move rare centers, at most half as many as the batch has rows, to rows of the batch."""
        rare = self.weights < _RARE * self.weights.max()
        most = int(0.5 * len(rows))
        if rare.sum() > 0.5 * len(rows):
            rare[np.argsort(self.weights)[most:]] = False
        if rare.any():
            self.centers[rare] = rows[random.choice(len(rows), replace=False, size=rare.sum())]
        self.weights[rare] = np.min(self.weights[~rare])  # with less, they would be rare again at once

    def _is_final(self, error: float, total: int) -> bool:
        """Whether the exponentially smoothed error has not improved for `_NO_IMPROVEMENT` batches."""
        alpha = min(self.batch_rows * 2.0 / (total + 1), 1)
        self.error = error if self.error is None else self.error * (1 - alpha) + error * alpha
        if self.error < self.least_error:
            self.unimproved, self.least_error = 0, self.error
        else:
            self.unimproved += 1
        return self.unimproved >= _NO_IMPROVEMENT


def _inertia(rows: Rows, centers: Rows) -> float:
    """The sum of squared distances in float32, added four columns at a time and row by row."""
    squared = np.square(rows - centers)
    whole = squared.shape[1] // 4 * 4
    distances = np.zeros(len(rows), np.float32)
    for start in range(0, whole, 4):
        a, b, c, d = squared[:, start : start + 4].T
        distances += a + b + c + d
    for column in range(whole, squared.shape[1]):
        distances += squared[:, column]
    return float(np.cumsum(distances, dtype=np.float32)[-1])
