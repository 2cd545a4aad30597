"""The rules of docs/table-formats.md, followed literally in a few lines, and the values of cells by `reading`."""

import calendar
import csv
import datetime
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
    names,
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
        is_blank = not line.strip(" " if table.delimiter == "\t" else None)
        if not is_blank and not (table.comment and line.startswith(table.comment)):
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


def test_a_key_that_a_format_leaves_out_has_its_default():
    assert read_format({"delimiter": ";"}) == TableFormat(delimiter=";")
    assert read_format({}).is_default


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"delimiter": ":"}, "delimiter"),
        ({"decimal": "٫"}, "decimal"),
        ({"thousands": "_"}, "thousands"),
        ({"thousands": ".", "decimal": "."}, "thousands"),
        ({"encoding": "shift-jis"}, "encoding"),
        ({"header": 1}, "header"),
        ({"header": ""}, "header"),
        ({"skip_rows": -1}, "count"),
        ({"skip_rows": True}, "count"),
        ({"units_rows": 10**6 + 1}, "count"),
        ({"skip_footer": 1.0}, "count"),
        ({"missing": [1]}, "text"),
        ({"comment": 1}, "text"),
        ({"second_delimiter": None}, "text"),
        ({"labels": {"column": "L", "anomaly": ["a"], "ordinary": ["b"]}}, "labels"),
        ({"labels": {"column": "L", "anomaly": [], "ordinary": []}}, "labels"),
        ({"labels": {"column": "L"}}, "anomaly"),
        ({"quote": "'"}, "unknown key 'quote'"),
    ],
)
def test_a_format_that_cannot_be_followed_is_refused_with_what_is_wrong(changed, says):
    with pytest.raises(Refused) as refused:
        read_format({**TableFormat().to_data(), **changed})
    assert says in refused.value.message.removeprefix("its table format")


def test_a_format_may_leave_out_a_million_rows():
    assert read_format({**TableFormat().to_data(), "skip_rows": 10**6}).skip_rows == 10**6


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


def test_a_category_may_have_63_levels():
    assert len(read_encoding({"name": "x", "levels": [str(i) for i in range(63)]}).levels) == 63


@pytest.mark.parametrize(
    "encoding",
    [
        Encoding("x"),
        Encoding("x", levels=("a", "b")),
        Encoding("x", truths=("no", "yes")),
        Encoding("x", notation="percent"),
        Encoding("x", notation="hex", missing=("?", "-")),
        Encoding("t", time_format="dmy", time_part="weekday cosine"),
    ],
)
def test_an_encoding_is_the_same_after_a_way_through_a_card(encoding):
    assert read_encoding({"name": "x", **json.loads(json.dumps(encoding.to_data("x")))}) == encoding


def test_a_feature_is_named_after_its_column_unless_it_is_a_time():
    with pytest.raises(ValueError, match="x"):
        Encoding("column").to_data("x")


def test_blanks_and_tabs_alone_are_left_out_around_a_cell():
    assert strip(" \t1\u00a0 ") == "1\u00a0"
    assert strip("\n1\r") == "\n1\r"
    assert names([" a", "b\t", "c d"]) == ["a", "b", "c d"]
    percent = parser(Encoding("x", notation="percent"), DEFAULT)
    assert percent("5 \t%") == percent("5%") == percent("5") == 5
    with pytest.raises(ValueError):
        percent("5\u00a0%")


def test_a_label_is_compared_as_a_number_if_it_is_one():
    labels = Labels("Class", anomaly=("4",))
    assert [labels.is_anomaly(cell) for cell in ("4", "4.0", "2", "4e0", "x")] == [True, True, False, True, False]
    assert [Labels("L", ordinary=("BENIGN",)).is_anomaly(cell) for cell in ("BENIGN", "DoS")] == [False, True]


def test_a_zone_does_not_change_the_clock_that_is_read():
    assert seconds_of("1970-01-02T00:00:01+09:00", "ymd") == 86401


ORDERS = {"ymd": "{y}-{m}-{d}", "dmy": "{d}.{m}.{y}", "mdy": "{m}/{d}/{y}"}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("year", [1, 400, 1600, 1899, 1900, 1969, 1970, 2000, 2023, 2024, 2100, 9999])
def test_every_day_of_the_calendar_is_read(order, year):
    first = datetime.date(year, 1, 1)
    for number in range(365 + calendar.isleap(year)):
        day = datetime.date.fromordinal(first.toordinal() + number)
        written = ORDERS[order].format(y=f"{year:04}", m=f"{day:%m}", d=f"{day:%d}")
        assert seconds_of(written, order) == (day.toordinal() - datetime.date(1970, 1, 1).toordinal()) * 86400


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("1970-01-01", 0),
        ("1970-1-1 0:00", 0),
        ("1970-01-01 23:59:59", 86399),
        ("1970-01-01T23:59:60.5Z", 86400),
        ("1970-01-01 01:02", 3720),
        ("69-01-01", -31536000),
        ("70-01-01", 0),
        ("99-12-31", 946598400),
        ("00-01-01", 946684800),
        ("68-01-01", 3092601600),
    ],
)
def test_a_time_of_the_day_and_a_year_of_two_digits_are_read(cell, seconds):
    assert seconds_of(cell, "ymd") == seconds


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("1999-13-01", "ymd"), ("1999-00-01", "ymd"), ("1999-01-00", "ymd"), ("1999-01-32", "ymd"),
        ("1999-04-31", "ymd"), ("1999-06-31", "ymd"), ("1999-09-31", "ymd"), ("1999-11-31", "ymd"),
        ("1999-02-29", "ymd"), ("1900-02-29", "ymd"), ("2000-02-30", "ymd"),
        ("1999-01-01 24:00", "ymd"), ("1999-01-01 23:60", "ymd"), ("1999-01-01 23:59:61", "ymd"),
        ("199-01-01", "ymd"), ("9-01-01", "ymd"), ("1999-01-001", "ymd"), ("001-01-1999", "dmy"),
        ("012-01-1999", "mdy"), ("1999-01/01", "ymd"), ("31-12-1999", "mdy"), ("1999-01-01", "dmy"), ("", "ymd"),
    ],
)  # fmt: skip
def test_what_no_calendar_or_clock_has_is_not_a_time(cell, order):
    with pytest.raises(ValueError):
        seconds_of(cell, order)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_a_counted_time_is_read_up_to_3000_years_from_1970(unit, factor):
    assert seconds_of(str(90 * factor), unit) == 90
    assert seconds_of(str(-(10**11) * factor), unit) == -(10**11)
    assert seconds_of(str(10**11 * factor), unit) == 10**11
    for cell in (str((10**11 + 1) * factor), str(-(10**11 + 1) * factor), "inf", "nan", "1 0", ""):
        with pytest.raises(ValueError):
            seconds_of(cell, unit)
