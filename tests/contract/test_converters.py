"""What a program's values become, by the features of a card of contract 2."""

import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aetk.contract import named_rows
from aetk.contract.named_rows import Refused
from aetk.contract.reading import DEFAULT, PARTS, Encoding, TableFormat, converter, converters, shortest

PROTOCOL = Encoding("p", levels=("tcp", "udp", "6"))
TRUTH = Encoding("t", truths=("no", "yes"))
HOUR = Encoding("ts", time_format="ymd", time_part="hour sine")
FEATURES = {"p": PROTOCOL, "t": TRUTH, "x": Encoding("x"), "ts hour sine": HOUR}
SIX = datetime(2024, 2, 29, 6)
ROW = [0, 1, 2.5, 1.0]


def select(rows, features=FEATURES, table=DEFAULT):
    return named_rows.select(rows, list(features), converters(features, table))


@pytest.mark.parametrize(
    "time",
    [SIX, "2024-02-29 06:00", np.datetime64(SIX), pd.Timestamp(SIX), SIX.replace(tzinfo=timezone(timedelta(hours=9)))],
)
def test_a_row_holds_text_truths_and_times_in_the_types_of_a_program(time):
    row = {"p": "tcp", "t": True, "x": 2.5, "ts": time}
    np.testing.assert_allclose(select(row), [ROW], atol=1e-12)
    np.testing.assert_allclose(select(pd.DataFrame([row])), [ROW], atol=1e-12)


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table, lambda columns: columns])
def test_columns_of_every_make_are_read_the_same(make):
    times = pd.to_datetime(["2024-02-29 06:00", "2024-02-29 18:00"])
    frame = make({"p": ["udp", "sctp"], "t": [False, True], "x": [1, 2], "ts": times, "other": ["a", "b"]})
    np.testing.assert_allclose(select(frame), [[1, 0, 1, 1], [3, 1, 2, -1]], atol=1e-12)


def test_a_categorical_column_and_nullable_columns_are_read():
    frame = pd.DataFrame(
        {
            "p": pd.Categorical(["tcp", None, "x"]),
            "t": pd.array([True, None, False], "boolean"),
            "x": pd.array([1, None, 3], "Int64"),
            "ts": pd.array([SIX, None, SIX], "datetime64[ns]"),
        }
    )
    nan = math.nan
    np.testing.assert_allclose(select(frame), [[0, 1, 1, 1], [3, nan, nan, nan], [3, 0, 3, 1]], atol=1e-12)


def test_the_clock_that_wrote_a_time_is_read_whatever_its_zone():
    times = pd.Series(pd.to_datetime(["2024-02-29 06:00"]).tz_localize("Asia/Tokyo"))
    features = {"ts hour sine": HOUR}
    assert select({"ts": times}, features) == pytest.approx(1)
    assert select(pa.table({"ts": pa.array(times)}), features) == pytest.approx(1)


@pytest.mark.parametrize(("value", "index"), [(6, 2), (6.0, 2), (np.int64(6), 2), (Decimal("6.0"), 2), (7, 3), ("", 3)])
def test_a_number_is_looked_up_among_levels_by_its_shortest_text(value, index):
    assert select({"p": value}, {"p": PROTOCOL}) == [[index]]


def test_the_shortest_text_of_a_number_is_that_of_other_languages():
    assert [shortest(value) for value in (3, 3.0, 0.1, -2.5, 10**20, True)] == [
        "3",
        "3",
        "0.1",
        "-2.5",
        "100000000000000000000",
        "1",
    ]


@pytest.mark.parametrize("missing", [None, math.nan, pd.NA, pd.NaT, np.datetime64("NaT"), np.ma.masked])
def test_a_missing_value_is_the_last_level_and_else_not_a_number(missing):
    found = select({"p": missing, "t": missing, "x": 1, "ts": missing})
    np.testing.assert_array_equal(found, [[3, math.nan, 1, math.nan]])


def test_markers_are_missing_by_value_in_columns_of_numbers():
    table, features = TableFormat(missing=("-999", "?")), {"x": Encoding("x", missing=("-1",)), "y": Encoding("y")}
    frame = pd.DataFrame({"x": [-1, -999, 2], "y": [-1.0, -999.0, 2.0]})
    np.testing.assert_array_equal(select(frame, features, table), [[math.nan, -1], [math.nan, math.nan], [2, 2]])
    np.testing.assert_array_equal(select([{"x": "?", "y": -999}], features, table), [[math.nan, math.nan]])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"p": "tcp", "t": "maybe", "x": 1, "ts": SIX}, "Row 0, column 't': found 'maybe' (str), expected 'no' or"),
        ({"p": "tcp", "t": True, "x": "1", "ts": SIX}, "Row 0, column 'x': found '1' (str), expected a number"),
        ({"p": "tcp", "t": True, "x": 1, "ts": "soon"}, "Row 0, column 'ts': found 'soon' (str), expected a time"),
        ({"p": "tcp", "t": True, "x": 1, "ts": 17}, "Row 0, column 'ts': found 17 (int), expected a time"),
        ({"p": ["tcp"], "t": True, "x": 1, "ts": SIX}, "expected"),
        ({"p": SIX, "t": True, "x": 1, "ts": SIX}, "Row 0, column 'p': found datetime"),
        ({"p": "tcp", "t": True, "x": 1}, "Row 0 has no value for 'ts'"),
    ],
)
def test_what_a_feature_does_not_take_is_refused(row, message):
    with pytest.raises(Refused) as caught:
        select([row])
    assert message in caught.value.message


def test_the_row_at_fault_is_named_in_a_column_of_numbers():
    with pytest.raises(Refused, match="Row 2, column 't': found 7"):
        select(pd.DataFrame({"t": [1, 0, 7, 0]}), {"t": TRUTH})


def test_rows_without_names_hold_the_numbers_themselves():
    assert select(np.array([[1.0, 0, 2, 0.5]])).tolist() == [[1, 0, 2, 0.5]]


def test_counted_times_are_numbers_or_times():
    read = converter(Encoding("ts", time_format="ms", time_part="hour cosine"), DEFAULT)
    day = datetime(1970, 1, 2, 9, tzinfo=timezone(timedelta(hours=9)))
    assert [read(86400000), read(86400000.0), read("86400000"), read(day), read(date(1970, 1, 5))] == [1] * 5
    for wrong in (True, 1e300, math.inf):
        with pytest.raises(ValueError):
            read(wrong)


def test_one_column_makes_the_four_features_of_a_time():
    features = {f"ts {part}": Encoding("ts", time_format="ymd", time_part=part) for part in PARTS}
    (row,) = select({"ts": SIX}, features)
    assert row.tolist() == pytest.approx([1, 0, math.sin(6 * math.pi / 7), math.cos(6 * math.pi / 7)])


def test_plain_features_need_no_converter():
    assert converters({"x": Encoding("x")}, DEFAULT) == {}
