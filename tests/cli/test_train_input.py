"""What `aetk train` says of tables that it cannot use."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from .conftest import FEATURES, QUICK


def write(path, frame, **options):
    frame.to_csv(path, index=False, **options)
    return path


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet"])
def test_a_missing_file_is_named(refused, name):
    assert f"No such file: {name}" in refused("train", name)


@pytest.mark.parametrize("name", ["empty.csv", "empty.parquet"])
def test_an_empty_file_is_named(refused, tmp_path, name):
    (tmp_path / name).touch()
    assert name in refused("train", name)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_header_without_rows_is_refused(refused, frame, tmp_path, suffix):
    header = frame[:0]
    header.to_csv(tmp_path / "h.csv", index=False)
    header.to_parquet(tmp_path / "h.parquet")
    holds = {"csv": "a header and no rows", "parquet": "no rows"}[suffix]
    assert f"h.{suffix} has {holds}" in refused("train", f"h.{suffix}")


def test_a_folder_is_no_table(refused, tmp_path):
    (tmp_path / "tables").mkdir()
    assert "tables is a folder" in refused("train", "tables")


def test_a_text_column_is_named_with_the_option_that_leaves_it_out(refused, frame, tmp_path):
    write(tmp_path / "t.csv", frame.assign(**{"tumour kind": ["12"] * 2 + ["benign"] * 198}))
    message = refused("train", "t.csv")
    assert "t.csv, line 4, column 'tumour kind': found 'benign'" in message
    assert "--drop 'tumour kind'" in message


def test_a_text_column_of_parquet_that_is_always_the_same_is_left_out_and_named(aetk, frame, tmp_path):
    frame.assign(kind="benign").to_parquet(tmp_path / "t.parquet")
    result = aetk("train", "t.parquet", *QUICK)
    assert result.code == 0, result.err
    assert "left out: 'kind' (the same text in every row" in result.err


@pytest.mark.parametrize(("cell", "shown"), [("2", "2 (1 row)"), ("", "found nothing"), ("0.5", "0.5 (1 row)")])
def test_a_label_that_is_neither_0_nor_1_is_shown(refused, frame, tmp_path, cell, shown):
    labels = frame.malignant.astype(str)
    labels[3] = cell
    write(tmp_path / "t.csv", frame.assign(malignant=labels))
    message = refused("train", "t.csv", "--label", "malignant")
    assert "label column 'malignant'" in message
    assert shown in message


def test_a_label_in_neither_table_is_refused(refused, table, frame, tmp_path):
    write(tmp_path / "val.csv", frame)
    message = refused("train", table, "--val", "val.csv", "--label", "Class")
    assert "no column 'Class'" in message
    assert FEATURES[0] in message


def test_a_column_to_drop_that_is_not_there_is_refused(refused, table):
    assert "no column 'ID'" in refused("train", table, "--drop", "ID")


def test_dropping_every_column_is_refused(refused, table):
    drop = [word for name in FEATURES for word in ("--drop", name)]
    assert "no feature columns left" in refused("train", table, "--label", "malignant", *drop)


@pytest.mark.parametrize("change", ["lacks", "has"])
def test_a_validation_table_with_other_columns_is_refused(refused, table, frame, tmp_path, change):
    other = frame.drop(columns="texture") if change == "lacks" else frame.assign(extra=1)
    write(tmp_path / "val.csv", other)
    message = refused("train", table, "--val", "val.csv", "--label", "malignant")
    assert "val.csv " + ("lacks 'texture'" if change == "lacks" else "has the column 'extra'") in message


def test_two_columns_of_one_name_are_refused(refused, frame, tmp_path):
    write(tmp_path / "t.csv", frame, header=["a", "b", "a", "c", "d"])
    assert "t.csv: two columns are called 'a'" in refused("train", "t.csv")


def test_a_column_without_a_name_is_refused(refused, frame, tmp_path):
    write(tmp_path / "t.csv", frame, header=["a", "", "b", "c", "d"])
    assert "column 2 has no name" in refused("train", "t.csv")


def test_missing_and_infinite_values_are_counted_and_the_first_is_placed(refused, frame, tmp_path):
    broken = frame.astype(float)
    broken.loc[5, "texture"] = np.nan
    broken.loc[9, ["radius", "perimeter"]] = np.inf, -np.inf
    write(tmp_path / "t.csv", broken, na_rep="NA")
    message = refused("train", "t.csv", "--label", "malignant")
    assert "3 missing or infinite values in 2 rows" in message
    assert "line 7, column 'texture'" in message
    assert "--missing median" in message


def test_missing_values_in_the_validation_table_are_reported_for_that_table(refused, table, frame, tmp_path):
    broken = frame.copy()
    broken.loc[0, "radius"] = np.nan
    write(tmp_path / "val.csv", broken)
    message = refused("train", table, "--val", "val.csv", "--label", "malignant")
    assert "val.csv: 1 missing or infinite values in 1 rows" in message


def test_a_column_without_any_number_is_left_out_and_named(aetk, frame, tmp_path):
    write(tmp_path / "t.csv", frame.assign(texture=np.nan))
    result = aetk("train", "t.csv", "--missing", "median", *QUICK)
    assert result.code == 0, result.err
    assert "left out: 'texture' (empty)" in result.err


def test_a_column_without_any_number_in_its_ordinary_rows_cannot_be_imputed(refused, frame, tmp_path):
    write(tmp_path / "t.csv", frame.assign(texture=frame.texture.where(frame.malignant == 1)))
    assert "'texture'" in refused("train", "t.csv", "--label", "malignant", "--missing", "median")


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_too_few_rows_are_refused_with_the_number_needed(refused, frame, tmp_path, rows):
    write(tmp_path / "t.csv", frame[:rows])
    assert f"found {rows} ordinary row{'s' * (rows > 1)}, expected 10 or more" in refused("train", "t.csv")


def test_a_table_of_anomalies_only_is_refused(refused, frame, tmp_path):
    write(tmp_path / "t.csv", frame.assign(malignant=1))
    assert "found 0 ordinary rows" in refused("train", "t.csv", "--label", "malignant")


def test_a_row_of_another_length_is_placed(refused, table):
    table.write_text(table.read_text() + "1,2,3\n")
    assert "line 202: found 3 cells, expected 5" in refused("train", table)


def test_a_constant_column_is_kept_and_said(aetk, frame, tmp_path):
    write(tmp_path / "t.csv", frame.assign(site=7))
    result = aetk("train", "t.csv", *QUICK, "--json")
    assert result.code == 0, result.err
    assert "site" in result.document["features"]
    assert any("'site' is constant (7)" in warning for warning in result.document["warnings"])


def test_a_column_that_float32_cannot_hold_is_named(aetk, frame, tmp_path):
    write(tmp_path / "t.csv", frame.assign(seconds=17_000_000_000 + np.arange(200) * 7 % 200))
    result = aetk("train", "t.csv", *QUICK)
    assert result.code == 0, result.err
    assert "'seconds' loses more than 1% of its spread when rounded to float32" in result.out


def test_labels_that_look_inverted_are_said_in_the_report_in_json_and_in_the_run(aetk, frame, tmp_path):
    anomalies = pd.concat([frame] * 3).assign(malignant=1)
    write(tmp_path / "t.csv", pd.concat([frame, anomalies]))
    expected = f"{600 + frame.malignant.sum()} of 800 labelled rows"
    result = aetk("train", "t.csv", "--label", "malignant", *QUICK, "--out", "r")
    assert f"note: Labels: {expected}" in result.out
    assert any(expected in note for note in json.loads((tmp_path / "r/run.json").read_text())["warnings"])
    shown = aetk("train", "t.csv", "--label", "malignant", *QUICK, "--json").document["warnings"]
    assert any(expected in note and "are the labels inverted?" in note for note in shown)


def test_a_table_of_too_few_ordinary_rows_may_have_inverted_labels(refused, frame, tmp_path):
    write(tmp_path / "t.csv", frame.assign(malignant=[0] * 5 + [1] * 195))
    message = refused("train", "t.csv", "--label", "malignant")
    assert "found 5 ordinary rows among 200, expected 10 or more" in message
    assert "swap 0 and 1" in message


def test_a_column_that_counts_is_left_out_and_one_that_repeats_trained_on_and_both_are_named(aetk, frame, tmp_path):
    write(tmp_path / "t.csv", frame.assign(row=np.arange(200.0), again=frame.radius))
    result = aetk("train", "t.csv", "--label", "malignant", *QUICK, "--json")
    assert {"row", "again"} & set(result.document["features"]) == {"again"}
    said = " ".join(result.document["warnings"])
    assert "left out: 'row' (a row number" in result.err
    assert "'again' is a copy of 'radius'" in said


def test_the_columns_of_a_table_are_all_listed_or_end_with_dots(refused, table, frame, tmp_path):
    assert (
        refused("train", table, "--drop", "ID")
        .rstrip()
        .endswith("It has: radius, texture, perimeter, smoothness, malignant")
    )
    write(tmp_path / "wide.csv", pd.DataFrame(np.eye(20), columns=[f"c{i}" for i in range(20)]))
    assert refused("train", "wide.csv", "--drop", "ID").rstrip().endswith("c10, c11, ...")


def test_anomalies_that_look_ordinary_and_too_many_alarms_are_said_in_the_report_and_in_the_run(aetk, tmp_path):
    random = np.random.default_rng(0)
    rows = np.concatenate([random.normal(size=(200, 4)), 0.001 * random.normal(size=(40, 4))])
    frame = pd.DataFrame(rows, columns=list("abcd")).assign(y=np.arange(240) >= 200)
    write(tmp_path / "t.csv", frame.assign(y=frame.y.astype(int)))
    result = aetk("train", "t.csv", "--label", "y", *QUICK, "--threshold", "fixed:1", "--out", "r")
    warnings = json.loads((tmp_path / "r/run.json").read_text())["warnings"]
    assert all(f"note: {warning}" in result.out for warning in warnings)
    ranking, alarms = warnings
    assert re.match(r"AUROC is 0\.[0-4]\d* on the calibration rows, below 0\.5", ranking)
    assert re.match(r"Threshold: 9\d\d alarms per 1,000 ordinary rows are to be expected", alarms)


def test_a_table_without_a_fault_is_trained_on_without_a_note(aetk, frame, tmp_path):
    write(tmp_path / "t.csv", frame[8:])  # half of whose rows are anomalies
    result = aetk("train", "t.csv", "--label", "malignant", *QUICK, "--threshold", "conformal:0.05", "--json")
    assert result.document["warnings"] == []
