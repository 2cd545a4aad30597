import csv
import io
import re

import numpy as np
import pytest

from aetk.base.errors import BadInput
from aetk.edge.tables.csv_read import CHUNK_ROWS
from aetk.edge.tables.read import read_chunks


def check(case, path, as_numbers, padding=0):
    """Hold a reader against a case; `padding` plain rows of zeros stand before the body."""
    if "rows" in case:
        values = [chunk.values for chunk in read_chunks(path, case["columns"])]
        found = np.concatenate(values).tolist() if values else []
        expected = [[0.0] * len(case["columns"])] * padding + as_numbers(case["rows"])
        np.testing.assert_array_equal(found, expected)
        return
    with pytest.raises(BadInput) as caught:
        list(read_chunks(path, case["columns"]))
    error = case["error"]
    assert caught.value.exit_code == error["exit_code"]
    if error["line"] is not None:
        line = error["line"] + (padding if error["line"] > case["header"].count("\n") else 0)
        assert re.search(rf"\bline {line}\b", caught.value.message)
    if error["column"] is not None:
        assert f"column '{error['column']}'" in caught.value.message


def test_an_awkward_table_gets_its_verdict(awkward, tmp_path, as_numbers):
    path = tmp_path / "awkward.csv"
    path.write_bytes((awkward["header"] + awkward["body"]).encode("latin-1"))
    check(awkward, path, as_numbers)


def test_the_verdict_is_the_same_in_the_second_chunk(awkward_body, tmp_path, as_numbers):
    case = awkward_body
    path = tmp_path / "awkward.csv"
    columns = len(next(csv.reader(io.StringIO(case["header"], newline=""))))
    padding = (",".join("0" * columns) + "\n") * CHUNK_ROWS
    path.write_bytes((case["header"] + padding + case["body"]).encode("latin-1"))
    check(case, path, as_numbers, CHUNK_ROWS)
