"""docs/scale.md is held to the kept figures, and its examples run."""

import ast
import os
import re
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from aetk import BatchScorer

from .conftest import MODEL, write_rows
from .report import DOCUMENT

EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S)
NAMES = [re.search(r"import (duckdb|ray)|from (pyspark)", code)[0].split()[1] for code in EXAMPLES]


@pytest.mark.parametrize("code", EXAMPLES, ids=NAMES)
def test_an_example_counts_what_the_scorer_says(code, tmp_path):
    shutil.copy(MODEL, tmp_path / "model.onnx")
    data = write_rows(tmp_path / "data", 20_000, 2)
    scored = BatchScorer(MODEL)(pq.read_table(data))
    flagged, valid = (scored[name].to_numpy() for name in ("is_anomaly", "is_valid"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYSPARK_PYTHON": sys.executable, "RAY_ADDRESS": "local"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert ast.literal_eval(done.stdout.splitlines()[-1]) == (20_000, int(flagged.sum()), int((~valid).sum()))
