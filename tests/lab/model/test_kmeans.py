"""Mini-batch k-means: scikit-learn's centers, bit for bit."""

import numpy as np
import pytest
from sklearn.cluster import MiniBatchKMeans
from threadpoolctl import threadpool_limits

from aetk.lab.model.kmeans import fit_centers


def expected(rows, count, seed, batch_rows=2048, passes=20):
    with threadpool_limits(1):
        means = MiniBatchKMeans(count, random_state=seed, batch_size=batch_rows, n_init=1, max_iter=passes)
        return means.fit(rows).cluster_centers_


def rows_of(kind, rows, columns):
    """float32 [rows, columns]."""
    random = np.random.default_rng(rows + columns)
    values = random.normal(size=(rows, columns))
    if kind == "whole numbers":  # with many ties
        values = values.round()
    if kind == "uneven":
        values *= np.exp(3 * random.normal(size=columns))
    if kind == "half of them alike":
        values[: rows // 2] = values[0]
    return values.astype(np.float32)


@pytest.mark.parametrize("kind", ["normal", "whole numbers", "uneven", "half of them alike"])
@pytest.mark.parametrize(
    ("rows", "columns", "count"), [(2, 1, 1), (5, 3, 2), (242, 30, 121), (700, 2, 350), (3000, 7, 512), (9000, 30, 32)]
)
def test_the_centers_are_scikit_learns(kind, rows, columns, count):
    values = rows_of(kind, rows, columns)
    for seed in (0, 41):
        found = fit_centers(values, count, seed, batch_rows=2048, passes=20)
        assert found.dtype == np.float32
        assert np.array_equal(found, expected(values, count, seed))


def test_more_centers_than_a_batch_has_rows():
    values = rows_of("normal", 2000, 4)
    found = fit_centers(values, 400, 3, batch_rows=64, passes=4)
    assert np.array_equal(found, expected(values, 400, 3, batch_rows=64, passes=4))


def test_it_stops_once_the_error_improves_no_more():
    values = rows_of("half of them alike", 400, 3)
    found = fit_centers(values, 2, 0, batch_rows=32, passes=1000)
    assert np.array_equal(found, expected(values, 2, 0, batch_rows=32, passes=1000))
