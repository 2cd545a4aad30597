"""The Python app reads rows in memory by aetk's own rule."""

import json
import subprocess

import pytest

from .conftest import ENVIRONMENT

SCRIPT = """
import json
import numpy as np
from detector import Detector, Problem
detector = Detector("model/detector.onnx")
rng = np.random.default_rng(0)
values = rng.normal(size=(40, len(detector.features))).astype(np.float32)
expected = detector.score(values)
order = detector.features[::-1]
cells = dict(zip(detector.features, values.T))
records = [dict(zip(order, row[::-1].tolist())) for row in values]
structured = np.zeros(40, [(name, "f4") for name in order])
for name in order:
    structured[name] = cells[name]
same = [np.array_equal(detector.score(rows).similarity, expected.similarity)
        for rows in ({name: cells[name] for name in order}, records, structured, list(structured))]
masked = np.ma.masked_array(values, mask=False)
masked[:, 3] = np.ma.masked
refused = []
wrong = (np.full((2, len(order)), "NaT", "m8[ns]"), [["1_0"] * len(order)], values[:, 1:],
         records[0] | {order[0]: "1"}, {name: cells[name] for name in order[:-1]})
for rows in wrong:
    try:
        detector.score(rows)
        refused.append("")
    except Problem as problem:
        refused.append(str(problem))
print(json.dumps({"same": same, "valid": int(detector.score(masked).is_valid.sum()), "refused": refused}))
"""


@pytest.fixture
def folder(build):
    built, done = build("python")
    assert done.returncode == 0, done.stdout + done.stderr
    return built / "app"


def test_rows_are_read_by_name_masked_cells_are_missing_and_no_text_is_a_number(folder):
    done = subprocess.run(
        [folder / ".venv/bin/python", "-c", SCRIPT],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["same"] == [True] * 4
    assert found["valid"] == 0
    words = ["are durations", "are text", "expected [rows, 30]", "found '1' (str), expected a number", "no column 'V1'"]
    for message, expected in zip(found["refused"], words, strict=True):
        assert expected in message
