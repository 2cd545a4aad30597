"""The lab reads every table of the fixture that all readers share exactly as the card's format says."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from aetk.base.errors import BadInput
from aetk.contract.reading import read_encoding, read_format
from aetk.lab.look.read import read_whole
from aetk.lab.look.report import Look, Wishes

CASES = json.loads((Path(__file__).parents[2] / "tables/formats.json").read_text())["cases"]
VALUES = {None: math.nan, "inf": math.inf, "-inf": -math.inf}


def read(case, folder):
    path = folder / "t.csv"
    path.write_bytes(case["content"].encode("latin-1"))
    encodings = tuple(map(read_encoding, case["features"]))
    found = Look(
        str(path),
        "text",
        "",
        "",
        None,
        0,
        read_format(case["table"]),
        (),
        tuple(f["name"] for f in case["features"]),
        encodings,
    )
    return read_whole(path, found, Wishes(), 2.0, fixed=encodings)


# a table in the default format is read by `edge.tables`, whose tests read these
@pytest.mark.parametrize("case", [case for case in CASES if case["table"]], ids=lambda case: case["name"])
def test_a_table_of_the_fixture_has_the_values_that_all_readers_find(case, tmp_path):
    if "error" in case:
        with pytest.raises(BadInput) as caught:
            read(case, tmp_path)
        line, column = case["error"]["line"], case["error"]["column"]
        assert line is None or f"line {line}" in caught.value.message
        assert column is None or f"'{column}'" in caught.value.message
    elif not case["rows"]:
        with pytest.raises(BadInput, match="no rows"):
            read(case, tmp_path)
    else:
        expected = [[VALUES.get(x, x) for x in row] for row in case["rows"]]
        np.testing.assert_allclose(read(case, tmp_path).values, expected, rtol=0, atol=1e-12)
