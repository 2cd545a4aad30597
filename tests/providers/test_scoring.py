"""On another execution provider, from a build or a plugin, every row is judged by its own values as on the CPU."""

import csv
import json

import numpy as np
import pytest

from aetk.contract import spec
from aetk.edge.model import load
from aetk.edge.scoring.scorer import Scorer

from .conftest import MODEL

OPENVINO, WEBGPU = "OpenVINOExecutionProvider", "WebGpuExecutionProvider"
NAMES = {"openvino": OPENVINO, "webgpu": WEBGPU}
EVERYWHERE = pytest.mark.parametrize(
    ("environment", "provider"), [("openvino", "openvino"), ("webgpu", "webgpu"), ("plugins", "webgpu")],
    indirect=["environment"], ids=["openvino", "webgpu", "webgpu as a plugin"],
)  # fmt: skip
TOLERANCE = 1e-6
"""Of similarity, from the CPU's."""
SINGLE = """
import sys
import numpy as np
from aetk import Scorer

scorer = Scorer(sys.argv[1], providers=[sys.argv[2]])
answers = [scorer.score(row) for row in np.load("rows.npy")]
np.savez("scores.npz", **{name: np.concatenate([getattr(one, name) for one in answers]) for name in sys.argv[3:]})
"""


@pytest.fixture(scope="module")
def expected(rows):
    """The answers of the CPU."""
    return Scorer(MODEL).score(rows)


def check(expected, similarity, flags, valid):
    """Hold answers to the CPU's for as many rows."""
    count = len(similarity)
    assert np.abs(similarity.astype(np.float64) - expected.similarity[:count]).max() <= TOLERANCE
    assert np.array_equal(valid, expected.is_valid[:count])
    assert np.array_equal(flags, expected.is_anomaly[:count])


@EVERYWHERE
def test_the_doctor_says_that_it_works(environment, provider):
    states = json.loads(environment.run("aetk", "doctor", "--json"))["providers"]
    assert [state["works"] for state in states if state["provider"] == provider] == [True]


@EVERYWHERE
def test_every_path_decides_as_the_golden_rows_say(environment, provider):
    (check,) = json.loads(environment.run("aetk", "verify", MODEL, "--provider", provider, "--json"))["checks"]
    assert check["provider"] == provider
    assert check["placement"].keys() == {NAMES[provider]}
    assert [path["path"] for path in check["paths"]] == ["one row", "a tile", "tiles and a last row"]
    assert all(path["golden"]["passed"] for path in check["paths"])


@EVERYWHERE
def test_a_file_is_scored_as_on_the_cpu(environment, provider, rows, expected):
    with (environment.folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([load(MODEL).card.feature_names, *rows.tolist()])
    environment.run("aetk", "score", MODEL, "table.csv", "--provider", provider)
    scores = np.genfromtxt(environment.folder / "table.scores.csv", delimiter=",", names=True, ndmin=1)
    assert len(scores) == len(rows)
    check(expected, scores["similarity"].astype(np.float32), scores["is_anomaly"] == 1, scores["is_valid"] == 1)


@EVERYWHERE
def test_single_rows_in_a_row_are_scored_as_on_the_cpu(environment, provider, rows, expected):
    np.save(environment.folder / "rows.npy", rows[:102])
    environment.run("python", "-c", SINGLE, MODEL, provider, *spec.OUTPUTS)
    with np.load(environment.folder / "scores.npz") as scores:
        check(expected, *(scores[name] for name in spec.OUTPUTS))
    assert len(np.unique(expected.similarity[:102])) > 90


@pytest.mark.parametrize(
    ("environment", "provider", "evidence"),
    [
        ("openvino", "openvino", "assignment"),
        ("webgpu", "webgpu", "profile"),  # this build leaves the assignment record empty
    ],
    indirect=["environment"],
)
def test_a_benchmark_that_requires_it_knows_where_the_nodes_are(environment, provider, evidence):
    asked = ("--provider", provider, "--require", provider, "--batch", 1, "--seconds", 40, "--json")
    (row,) = json.loads(environment.run("aetk", "bench", MODEL, *asked))["measured"]
    assert (row["evidence"], row["placement"].keys()) == (evidence, {NAMES[provider]})
