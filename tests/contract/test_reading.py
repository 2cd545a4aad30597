"""The rules of docs/table-formats.md, followed literally in a few lines, and the values of cells by `reading`."""

import csv
import io
import json
import math
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from aetk.contract.reading import (
    DEFAULT,
    Encoding,
    Labels,
    Refused,
    TableFormat,
    parser,
    read_encoding,
    read_format,
    seconds_of,
    strip,
)

CASES = json.loads((Path(__file__).parents[1] / "tables/formats.json").read_text())["cases"]


def rows_of(content, table):
    """(line, cells) of every row, the names first; the names are None if there is no header."""
    text = content.decode({"utf-8": "utf-8-sig"}.get(table.encoding, table.encoding))
    if table.encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16-le")
    lines = list(enumerate(text.splitlines(), 1))[table.skip_rows :]
    rows = []
    for number, line in lines:
        if table.delimiter == " ":
            cells = line.split()
        else:
            cells = next(csv.reader(io.StringIO(line), delimiter=table.delimiter), [])
        if isinstance(table.header, str) and not rows:
            if cells and cells[0] == table.header:
                rows.append((number, cells[1:]))
            continue
        if line.strip() and not (table.comment and line.startswith(table.comment)):
            rows.append((number, cells))
    if table.second_delimiter:
        rows = [(n, [part for cell in cells for part in cell.split(table.second_delimiter)]) for n, cells in rows]
    if table is not DEFAULT:
        rows = [(number, list(map(strip, cells))) for number, cells in rows]
    names = [f"c{i + 1}" for i in range(len(rows[0][1]))]
    if table.header is not False:
        names = rows.pop(0)[1]
    rows = rows[table.units_rows : len(rows) - table.skip_footer if table.skip_footer else None]
    return names, rows


def read(case):
    """The values of a case's features, or the line and the column at fault."""
    table = DEFAULT if case["table"] is None else read_format(case["table"])
    names, rows = rows_of(case["content"].encode("latin-1"), table)
    encodings = [read_encoding(feature) for feature in case["features"]]
    if table is not DEFAULT and names[-1] == "":
        names.pop()
    missing = [e.column for e in encodings if e.column not in names]
    if missing:
        return {"line": None, "column": None}
    values = []
    for number, cells in rows:
        if len(cells) == len(names) + 1 and cells[-1] == "" and table is not DEFAULT:
            cells.pop()
        if len(cells) != len(names):
            return {"line": number, "column": None}
        row = []
        for encoding in encodings:
            try:
                row.append(parser(encoding, table)(cells[names.index(encoding.column)]))
            except ValueError:
                return {"line": number, "column": encoding.column}
        values.append(row)
    return values


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_rules_followed_literally_give_the_verdict_of_the_fixture(case):
    found = read(case)
    if "error" in case:
        assert found == case["error"]
        return
    expected = [[math.nan if cell is None else float(cell) for cell in row] for row in case["rows"]]
    assert len(found) == len(expected)
    if expected:
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_every_case_has_a_name_of_its_own():
    assert not [name for name, group in groupby(sorted(case["name"] for case in CASES)) if len(list(group)) > 1]


def test_a_format_is_the_same_after_a_way_through_json():
    made = TableFormat(delimiter=";", header="#fields", missing=("-",), labels=Labels("L", ordinary=("BENIGN",)))
    assert read_format(json.loads(json.dumps(made.to_data()))) == made
    assert read_format(None).is_default


@pytest.mark.parametrize(
    "changed",
    [
        {"delimiter": ":"},
        {"decimal": "٫"},
        {"thousands": ".", "decimal": "."},
        {"encoding": "shift-jis"},
        {"header": 1},
        {"header": ""},
        {"skip_rows": -1},
        {"skip_rows": True},
        {"missing": [1]},
        {"labels": {"column": "L", "anomaly": ["a"], "ordinary": ["b"]}},
        {"labels": {"column": "L", "anomaly": [], "ordinary": []}},
        {"labels": {"column": "L"}},
        {"quote": "'"},
    ],
)
def test_a_format_that_cannot_be_followed_is_refused(changed):
    with pytest.raises(Refused):
        read_format({**TableFormat().to_data(), **changed})


@pytest.mark.parametrize("data", [[], "csv", 3])
def test_a_format_that_is_not_an_object_is_refused(data):
    with pytest.raises(Refused, match="expected an object"):
        read_format(data)


@pytest.mark.parametrize(
    "keys",
    [
        {"levels": ["a", "a"]},
        {"levels": [str(i) for i in range(64)]},
        {"levels": [1]},
        {"truths": ["yes"]},
        {"truths": ["yes", "yes"]},
        {"notation": "octal"},
        {"levels": ["a"], "truths": ["no", "yes"]},
        {"time": {"column": "t", "format": "iso", "part": "hour sine"}},
        {"time": {"column": "t", "format": "ymd", "part": "minute"}},
        {"time": 3},
    ],
)
def test_a_feature_that_cannot_be_read_is_refused(keys):
    with pytest.raises(Refused, match="'x'"):
        read_encoding({"name": "x", **keys})


@pytest.mark.parametrize("encoding", [Encoding("x", levels=("a", "b")), Encoding("x", missing=("?",)), Encoding("x")])
def test_an_encoding_is_the_same_after_a_way_through_a_card(encoding):
    assert read_encoding({"name": "x", **encoding.to_data("x")}) == encoding


def test_a_label_is_compared_as_a_number_if_it_is_one():
    labels = Labels("Class", anomaly=("4",))
    assert [labels.is_anomaly(cell) for cell in ("4", "4.0", "2", "4e0", "x")] == [True, True, False, True, False]
    assert [Labels("L", ordinary=("BENIGN",)).is_anomaly(cell) for cell in ("BENIGN", "DoS")] == [False, True]


def test_a_zone_does_not_change_the_clock_that_is_read():
    assert seconds_of("1970-01-02T00:00:01+09:00", "ymd") == 86401
