"""A folder of Parquet files made of the built-in table, and an engine that works in this process."""

import contextlib
import json
import pickle
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetk.edge.scorer import Scorer
from aetk.fleet.engine import attempt, outcome

SIZES = {"a.parquet": 3000, "day=1/b.parquet": 2500, "day=1/empty.parquet": 0, "day=2/c.pq": 4001}


@pytest.fixture(scope="session")
def parts(model, breast_cancer, tmp_path_factory):
    """A folder of four files of rows like the built-in table's, a few of them with a missing value."""
    folder = tmp_path_factory.mktemp("fleet") / "data"
    names, random, first = Scorer(model).feature_names, np.random.default_rng(7), 0
    for name, size in SIZES.items():
        rows = breast_cancer.data[random.integers(0, len(breast_cancer.data), size)]
        rows = rows * random.normal(1, 0.02, rows.shape)
        rows[random.random(size) < 0.01, 4] = np.nan
        columns = {name: rows[:, i] for i, name in enumerate(names)}
        ids = [f"id-{i}" for i in range(first, first + size)]
        labels = (random.random(size) < 0.1).astype(np.int64)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": pa.array(ids, pa.string()), **columns, "label": labels}), folder / name)
        first += size
    return folder


@dataclass
class Here:
    """An engine that works here, one task after the other, and remembers which."""

    name = "here"
    threads = 1
    tasks: list = field(default_factory=list)

    def connected(self):
        return contextlib.nullcontext(1)

    def run(self, work, tasks):
        for task in tasks:
            self.tasks.append(task["name"])
            yield outcome(attempt(pickle.loads(pickle.dumps(work)), json.dumps(task)))


@pytest.fixture
def here():
    return Here()
