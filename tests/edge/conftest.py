import json
import math
from pathlib import Path

import pandas as pd
import pytest

AWKWARD = Path(__file__).resolve().parents[1] / "tables" / "awkward.json"


def pytest_generate_tests(metafunc):
    """A test that takes `awkward` runs once for every awkward table; `awkward_body`, for those with rows below."""
    cases = json.loads(AWKWARD.read_text(encoding="utf-8"))["cases"]
    chosen = {
        "awkward": cases,
        "awkward_body": [case for case in cases if case["body"] and "\0" not in case["header"]],
    }
    for name in chosen.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(name, chosen[name], ids=[case["name"] for case in chosen[name]])


@pytest.fixture(scope="session")
def as_numbers():
    """Rows of a case as floats."""
    return lambda rows: [[math.nan if cell == "nan" else float(cell) for cell in row] for row in rows]


@pytest.fixture
def frame(breast_cancer, model):
    """Sixty rows of the built-in table as a data frame with the model's columns, its label and a patient number."""
    from aetk.edge.model import load

    rows = pd.DataFrame(breast_cancer.data[:60], columns=list(load(model).card.feature_names))
    return rows.assign(malignant=(breast_cancer.target[:60] == 0).astype(int), patient=[f"p-{i}" for i in range(60)])
