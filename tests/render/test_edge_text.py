"""Reports as text."""

from pathlib import Path

import pytest

from aetk.contract.threshold import Alarms, Threshold
from aetk.edge.scoring.table_file import ScoreProgress, ScoreReport
from aetk.render import edge_text


def test_a_table_lines_numbers_up_on_the_right_and_words_on_the_left():
    shown = edge_text.table(("name", "rows"), [["a", "7"], ["longer", "1,024"]]).splitlines()
    assert shown == ["name     rows", "------  -----", "a           7", "longer  1,024"]


def test_a_column_of_words_with_an_empty_cell_stays_on_the_left():
    shown = edge_text.table(
        ("name", "reason"), [["cpu", ""], ["cuda", "absent"], ["qnn", "not in this build"]]
    ).splitlines()
    assert shown[3] == "cuda  absent"


def test_a_blank_percentile_keeps_its_column_on_the_right():
    shown = edge_text.table(("batch", "p99"), [["1", "12 ms"], ["64", ""], ["256", "3.5 ms"]]).splitlines()
    assert shown[2] == "    1   12 ms"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, ""), (12.345, "12.3 s"), (0.0123, "12.3 ms"), (45.6e-6, "45.6 µs"), (0.0, "0 µs")]
)
def test_a_time_is_shown_in_the_unit_that_suits_it(value, shown):
    assert edge_text.seconds(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(None, ""), (512, "0.5 KiB"), (2**20, "1.0 MiB"), (99_840, "97.5 KiB")])
def test_a_size_is_shown_in_the_unit_that_suits_it(value, shown):
    assert edge_text.size(value) == shown


def test_one_row_is_no_rows():
    assert [edge_text.count(n, "row") for n in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]


def test_a_threshold_says_what_to_expect_of_it():
    shown = edge_text.threshold(
        Threshold(0.95, "conformal:0.01", 0.01, 1875, "validation rows", Alarms(9.8, 0, 71, 0.95, 1875))
    )
    assert "threshold 0.95 by conformal:0.01, from 1,875 validation rows; false-alarm rate at most 0.01" in shown
    assert "expect 9.8 alarms per 1,000 ordinary rows (95% interval 0 to 71, from 1,875 rows)" in shown


@pytest.mark.parametrize("value", [999.7, 1000.0])
def test_a_thousand_alarms_are_written_out(value):
    shown = edge_text.threshold(Threshold(0.95, "fixed:0.95", None, 0, "", Alarms(value, 929, 1000.0, 0.95, 50)))
    assert "e+03" not in shown


def test_a_threshold_set_by_hand_promises_nothing():
    assert (
        edge_text.threshold(Threshold(0.5, "fixed:0.5", None, 0, "set by hand", None)) == "threshold 0.5 by fixed:0.5"
    )


def report(**changes):
    parts = {"provider": "cpu", "threshold": 0.95, "files": 1, "rows": 3000, "anomalies": 7, "invalid": 2}
    return ScoreReport(Path("m.onnx"), Path("in"), Path("out.csv"), **{**parts, "seconds": 1.5, **changes})


def test_a_scored_table_is_shown_with_its_rate():
    assert edge_text.scoring(report()).startswith(
        "3,000 rows on cpu in 1.5 s (2,000 rows/s): 7 flagged at threshold 0.95"
    )
    assert edge_text.scoring(report(files=12)).startswith("3,000 rows of 12 files on cpu")


def test_progress_is_a_bar_where_the_size_is_known():
    assert (
        edge_text.scoring_progress(ScoreProgress(500, 0.5, 0.25))
        == f" 50% [{'#' * 15}{'.' * 15}] 500 rows, 2,000 rows/s"
    )
    assert edge_text.scoring_progress(ScoreProgress(500, 1.0, 0.25)).startswith(f"100% [{'#' * 30}]")
    assert edge_text.scoring_progress(ScoreProgress(500, None, 0.25)) == "500 rows, 2,000 rows/s"
