"""A large table in 64 files, scored by `aetk score`, and a Ray cluster of two nodes that outlives its drivers.

Skipped where Ray or Spark is not installed; with AETK_SCALE=required they fail instead, and with AETK_SCALE=full they
take the full size and keep what they measured in docs/scale.json.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from patience import PATIENCE

from aetk.edge.model import load

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "exports/reference/breast-cancer.onnx"
ASKED = os.environ.get("AETK_SCALE", "")
FULL = ASKED == "full"
ROWS = 20_000_000 if FULL else 2_000_000
FILES = 64
TOLERANCE = load(MODEL).card.similarity.tolerance


@pytest.fixture(scope="session", autouse=True)
def engines():
    """Skip, or fail where they are asked for, without the engines."""
    missing = [name for name in ("ray", "pyspark", "duckdb") if find_spec(name) is None]
    missing += [] if shutil.which("java") else ["Java 17 or newer, which Spark needs"]
    if missing:
        (pytest.fail if ASKED else pytest.skip)(f"not installed: {', '.join(missing)} (make test-scale installs them)")


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A folder for all of it."""
    return tmp_path_factory.mktemp("scale")


def write_rows(folder, rows, files):
    """Write `rows` rows like the built-in table's into files of equal size; one cell in a thousand is missing."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer().data.astype(np.float32)
    names, random = load(MODEL).card.feature_names, np.random.default_rng(11)
    jitter = random.normal(1, 0.02, (1 << 20) + len(names)).astype(np.float32)
    folder.mkdir()
    for index, size in enumerate(np.diff(np.linspace(0, rows, files + 1).astype(int))):
        chosen, offsets = table[random.integers(0, len(table), size)], random.integers(0, 1 << 20, size)
        columns = {name: chosen[:, i] * jitter[offsets + i] for i, name in enumerate(names)}
        missing = random.random(size) < 0.001
        columns[names[3]] = pa.array(columns[names[3]], mask=missing)
        pq.write_table(pa.table(columns), folder / f"part-{index:03}.parquet")
    return folder


@pytest.fixture(scope="session")
def data(place):
    """The large table."""
    return write_rows(place / "data", ROWS, FILES)


def command(*arguments):
    """The command line of `aetk ... --json`."""
    return [sys.executable, "-m", "aetk", *map(str, arguments), "--json"]


def aetk(*arguments, environment=os.environ):
    """The report of a command that ends well."""
    done = subprocess.run(command(*arguments), capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rows_per_second(report):
    """Of a report that leaves the division to its readers."""
    return report["rows"] / report["seconds"]


@dataclass(frozen=True)
class Whole:
    """What `aetk score` says of a table, on this machine and all its processors."""

    report: dict
    scores: pa.Table

    @property
    def rows_per_second(self):
        """Read, scored and written."""
        return rows_per_second(self.report)

    def holds(self, folder):
        """The largest difference of similarities, and the near ties that differ, of the scores in a folder.

        Every row is there once, in order; validity is the same everywhere, and the decision outside near ties.
        """
        files = sorted(folder.glob("[!._]*.parquet"))
        found = pa.concat_tables(pq.read_table(path) for path in files)
        assert found.schema == self.scores.schema
        assert found["row"].to_numpy().tolist() == list(range(1, self.scores.num_rows + 1))
        assert found["is_valid"].equals(self.scores["is_valid"])
        here, there = found["similarity"].to_numpy(), self.scores["similarity"].to_numpy()
        largest = float(np.abs(here - there).max())
        assert largest <= TOLERANCE
        differs = found["is_anomaly"].to_numpy() != self.scores["is_anomaly"].to_numpy()
        assert (np.abs(there[differs] - self.report["threshold"]) <= TOLERANCE).all()
        return {"largest_difference": largest, "near_ties_that_differ": int(differs.sum())}


@pytest.fixture(scope="session")
def whole(data, place):
    """The table scored by `aetk score`."""
    out = place / "whole.parquet"
    report = aetk("score", MODEL, data, "--out", out)
    return Whole(report, pq.read_table(out))


@pytest.fixture(scope="session")
def cluster():
    """The environment that leads a driver to a Ray cluster of two nodes, each with half of the processors."""
    half = max(1, (os.cpu_count() or 2) // 2)
    code = f"""
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={{"num_cpus": {half}, "include_dashboard": False}})
cluster.add_node(num_cpus={half})
print("address", cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""
    silent = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    arguments = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        arguments, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=silent
    ) as nodes:
        address = next(line.split()[1] for line in nodes.stdout if line.startswith("address"))
        yield {**silent, "RAY_ADDRESS": address}
        nodes.stdin.close()
        nodes.wait(PATIENCE)


class Workers:
    """The processes of a Ray cluster that score, and the most memory that one of them has held."""

    def __init__(self):
        self.most = 0

    def seen(self):
        """Their process ids now."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "cmdline").read_bytes().startswith(b"ray::MapWorker"):
                    found.append(int(process.name))
                    status = (process / "status").read_text()
                    self.most = max(self.most, int(status.split("VmHWM:")[1].split()[0]) * 1024)
            except (OSError, IndexError):
                continue
        return found

    def gone(self):
        """Wait until none is left."""
        until = time.monotonic() + PATIENCE
        while self.seen():
            assert time.monotonic() < until, "workers outlive their driver"
            time.sleep(0.1)


@pytest.fixture
def workers():
    """Those that score; none is left of an earlier driver."""
    found = Workers()
    found.gone()
    return found


@pytest.fixture(scope="session")
def figures():
    """What was measured, by name; kept in docs/scale.json at full size."""
    found = {}
    yield found
    if FULL:
        from .report import keep

        keep(found)
