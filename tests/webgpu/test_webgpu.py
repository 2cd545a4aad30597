"""On a device that copies its inputs when they are bound, every row is judged by its own values."""

import csv
import json

import numpy as np
import pytest

from aetk.contract import spec
from aetk.edge.model import load
from aetk.edge.scoring.scorer import Scorer

from .conftest import MODEL

PROVIDER = "WebGpuExecutionProvider"
SINGLE = """
import sys
import numpy as np
from aetk.edge.scoring.scorer import Scorer

scorer = Scorer(sys.argv[1], providers=["webgpu"])
answers = [scorer.score(row) for row in np.load("rows.npy")]
np.savez("scores.npz", **{name: np.concatenate([getattr(one, name) for one in answers]) for name in sys.argv[2:]})
"""


@pytest.fixture(scope="module")
def expected(rows):
    """The answers of the CPU."""
    return Scorer(MODEL).score(rows)


def check(expected, similarity, flags, valid):
    """Hold answers to the CPU's for as many rows: decisions too, but for near ties."""
    count = len(similarity)
    known = expected.similarity[:count]
    assert np.abs(similarity.astype(np.float64) - known).max() <= spec.TOLERANCE
    assert np.array_equal(valid, expected.is_valid[:count])
    ties = np.abs(known - np.float32(load(MODEL).graph.threshold)) <= spec.TOLERANCE
    assert np.array_equal(flags[~ties], expected.is_anomaly[:count][~ties])


def test_every_path_decides_as_the_golden_rows_say(device):
    (check,) = json.loads(device.run("aetk", "verify", MODEL, "--provider", "webgpu", "--json"))["checks"]
    assert check["provider"] == "webgpu"
    assert check["placement"].keys() == {PROVIDER}  # by a profile: this build leaves the assignment record empty
    assert [path["path"] for path in check["paths"]] == ["one row", "a tile", "tiles and a last row"]
    assert all(path["golden"]["passed"] for path in check["paths"])


@pytest.mark.parametrize("count", [1, 2049, 10_000])
def test_a_file_is_scored_as_on_the_cpu(device, rows, expected, count):
    with (device.folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([load(MODEL).card.feature_names, *rows[:count].tolist()])
    device.run("aetk", "score", MODEL, "table.csv", "--provider", "webgpu")
    scores = np.genfromtxt(device.folder / "table.scores.csv", delimiter=",", names=True, ndmin=1)
    assert len(scores) == count
    check(expected, scores["similarity"], scores["is_anomaly"] == 1, scores["is_valid"] == 1)


def test_single_rows_in_a_row_are_scored_as_on_the_cpu(device, rows, expected):
    np.save(device.folder / "rows.npy", rows[:102])
    device.run("python", "-c", SINGLE, MODEL, *spec.OUTPUTS)
    with np.load(device.folder / "scores.npz") as scores:
        check(expected, *(scores[name] for name in spec.OUTPUTS))
    assert len(np.unique(expected.similarity[:102])) > 90
