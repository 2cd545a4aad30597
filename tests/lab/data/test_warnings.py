"""What makes a model doubtful is said once, with what to do; a table without a fault gets no such words."""

import numpy as np
import pandas as pd
import pytest

from aetk.contract.threshold import expected_alarms
from aetk.lab.data.dataset import load_dataset
from aetk.lab.data.redundancy import find_redundancy
from aetk.lab.data.warnings import alarm_warnings, column_warnings, label_warnings, ranking_warnings

ROWS = 200


def said(**columns):
    """The doubts of a table of an ordinary column `x` and these."""
    table = {"x": np.random.default_rng(1).normal(size=ROWS)} | columns
    rows = np.column_stack(list(table.values())).astype(float)
    return column_warnings(list(table), rows, find_redundancy(rows))


def test_an_ordinary_table_is_not_doubted():
    assert said(y=np.random.default_rng(2).normal(size=ROWS)) == ()


def test_a_table_of_a_few_rows_is_not_doubted():
    rows = np.arange(9.0)[:, None].repeat(3, 1) * [0, 1, 1]
    assert column_warnings(["a", "b", "c"], rows, find_redundancy(rows)) == ()


def test_a_row_number_is_named_with_its_start_and_the_option_that_leaves_it_out():
    (doubt,) = said(**{"row id": np.arange(ROWS) + 7122})
    assert doubt.startswith("Column 'row id' goes up by one with every row, from 7122 on: it looks like a row number")
    assert doubt.endswith("Leave it out with: --drop 'row id'")


def test_a_copy_is_named_with_its_original():
    x = np.random.default_rng(1).normal(size=ROWS)
    assert said(x2=x) == ("Column 'x2' is a copy of 'x', whose weight it doubles. Leave it out with: --drop x2",)


def test_a_constant_is_named_with_its_value_and_is_no_copy_of_another():
    assert said(site=np.full(ROWS, 7)) == (
        "Column 'site' is constant (7); it is kept, and tells nothing until it changes.",
    )
    (doubt,) = said(a=np.zeros(ROWS), b=np.zeros(ROWS))
    assert doubt == "2 columns are constant; they are kept, and tell nothing until they change: 'a' (0), 'b' (0)."


def test_several_columns_of_a_kind_are_one_sentence():
    copies = {f"c{i}": np.random.default_rng(1).normal(size=ROWS) for i in range(3)}
    numbers = {"i": np.arange(ROWS), "j": np.arange(ROWS) + 1}
    large = {f"t{i}": 1e9 + np.arange(ROWS) % (2 + i) for i in range(2)}
    counting, repeated, rounded = said(**copies, **numbers, **large)
    assert counting.startswith("2 columns go up by one with every row: they look like row numbers")
    assert counting.endswith("'i', 'j'. Leave them out with: --drop i --drop j")
    assert repeated.startswith("3 columns are copies of others, whose weight they multiply: 'c0' of 'x', 'c1' of 'x'")
    assert rounded.startswith("2 columns lose more than 1% of their spread when rounded to float32")
    assert rounded.endswith("'t0', 't1'.")


def test_a_long_list_of_columns_ends_with_dots():
    doubts = said(
        **{f"k{i}": np.full(ROWS, i) for i in range(13)},
        **{f"c{i}": np.random.default_rng(1).normal(size=ROWS) for i in range(1000)},
    )
    constant, repeated = doubts
    assert constant.startswith("13 columns are constant")
    assert constant.endswith("'k11' (11), ...")
    assert repeated.startswith("1,000 columns are copies of others")
    assert "'c11' of 'x', ... Leave them out with: --drop c0" in repeated
    assert repeated.endswith("--drop c11 ...")


def test_a_column_that_differs_in_the_anomalies_alone_is_no_copy(creditcard):
    frame = pd.read_csv(creditcard / "val.csv").drop(columns="ID")
    frame["twin"] = frame.V1.where(frame.Class == 0, 0.0)
    assert load_dataset(frame, label="Class").warnings == ()
    assert "'again' is a copy of 'V1'" in " ".join(load_dataset(frame.assign(again=frame.V1), label="Class").warnings)


def test_the_built_in_table_and_card_payments_are_not_doubted(creditcard):
    assert load_dataset(None).warnings == ()
    for options in ({"validation": creditcard / "val.csv", "label": "Class"}, {}):
        found = load_dataset(creditcard / "train.csv", drop=["ID"], **options)
        assert found.warnings == ()
    assert "ID" not in load_dataset(creditcard / "train.csv").features


@pytest.mark.parametrize("name", ["4_breastw", "12_fault", "18_Ionosphere", "29_Pima", "38_thyroid", "45_wine"])
def test_public_sets_without_a_fault_are_not_doubted(creditcard, name):
    path = creditcard.parent / "adbench" / f"{name}.npz"
    if not path.exists():
        pytest.skip("no ADBench beside the checkout")
    data = np.load(path)
    frame = pd.DataFrame(data["X"]).rename(columns=str).assign(y=data["y"].astype(int))
    assert load_dataset(frame, label="y").warnings == ()


@pytest.mark.parametrize(("rows", "anomalies"), [(0, 0), (100, 0), (100, 40), (100, 50)])
def test_labels_of_which_no_more_than_half_are_anomalies_are_not_doubted(rows, anomalies):
    assert label_warnings(rows, anomalies) == ()


def test_labels_of_which_most_are_anomalies_look_inverted():
    (doubt,) = label_warnings(1875, 1780)
    assert "1,780 of 1,875 labelled rows (94.9%) are anomalies" in doubt
    assert "are the labels inverted?" in doubt
    assert "with 0 and 1 swapped" in doubt


def test_labels_of_both_tables_count_together(creditcard):
    val = pd.read_csv(creditcard / "val.csv").drop(columns="ID")
    inverted = val.assign(Class=1 - val.Class)
    assert "1,780 of 1,875" in load_dataset(inverted, label="Class").warnings[0]
    assert "1,780 of 1,875" in load_dataset(val.drop(columns="Class"), validation=inverted, label="Class").warnings[0]
    assert load_dataset(pd.concat([val, val]), validation=inverted, label="Class").warnings == ()


@pytest.mark.parametrize("auroc", [None, 0.5, 0.9])
def test_a_ranking_that_is_no_worse_than_chance_is_not_doubted(auroc):
    assert ranking_warnings(auroc, "the calibration rows") == ()


def test_a_ranking_below_chance_may_come_of_inverted_labels():
    (doubt,) = ranking_warnings(0.3632, "the calibration rows")
    assert doubt.startswith("AUROC is 0.3632 on the calibration rows, below 0.5")
    assert "the labels are inverted" in doubt


@pytest.mark.parametrize(("flagged", "rows"), [(0, 0), (0, 10), (99, 999), (1, 1000)])
def test_up_to_100_alarms_in_1000_are_not_doubted(flagged, rows):
    assert alarm_warnings(expected_alarms(flagged, rows), "the calibration rows") == ()


def test_more_than_100_alarms_in_1000_are_said_with_the_command_that_changes_them():
    (doubt,) = alarm_warnings(expected_alarms(101, 999), "the calibration rows")
    assert doubt.startswith(
        "Threshold: 102 alarms per 1,000 ordinary rows are to be expected (by the calibration rows)"
    )
    assert "aetk threshold MODEL --false-alarms RATE" in doubt
