import errno
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aetk.base.errors import BadInput, Unavailable
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.scoring.table_file import score_file
from aetk.edge.tables import write
from aetk.edge.tables.csv_read import CHUNK_ROWS


@pytest.fixture
def data(frame, tmp_path):
    path = tmp_path / "patients.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture
def long_frame(frame):
    """One chunk and a bit."""
    return pd.concat([frame] * (CHUNK_ROWS // len(frame) + 2), ignore_index=True)


def save(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=True, double_precision=15)


def load(path):
    if path.suffix == ".jsonl":
        return pd.DataFrame([json.loads(line) for line in path.read_text().splitlines()])
    return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)


@pytest.mark.parametrize("source", ["csv", "parquet", "jsonl", "ndjson"])
@pytest.mark.parametrize("target", ["csv", "parquet", "jsonl"])
def test_tables_of_every_format_in_and_out_agree_with_the_scorer(model, long_frame, tmp_path, source, target):
    data, out = tmp_path / f"in.{source}", tmp_path / f"out.{target}"
    save(long_frame, data)
    report = score_file(model, data, out=out, id_column="patient")
    found = load(out)
    scorer = Scorer(model)
    expected = scorer.score(long_frame)
    assert list(found.columns) == ["patient", "similarity", "is_anomaly", "is_valid"]
    assert found["patient"].tolist() == long_frame["patient"].tolist()
    np.testing.assert_allclose(found["similarity"], expected.similarity, rtol=0, atol=1e-6)
    assert (found["is_anomaly"].astype(bool) == expected.is_anomaly).all()
    assert (found["is_valid"].astype(bool) == expected.is_valid).all()
    assert (report.rows, report.anomalies, report.invalid) == (len(long_frame), expected.is_anomaly.sum(), 0)
    assert (report.provider, report.threshold, report.out) == ("cpu", scorer.threshold, out)


def test_a_csv_similarity_has_all_the_digits_of_its_float32(model, data, frame, tmp_path):
    score_file(model, data, out=tmp_path / "out.csv")
    written = pd.read_csv(tmp_path / "out.csv", dtype=str)["similarity"]
    assert (written.astype(np.float32).to_numpy() == Scorer(model).score(frame).similarity).all()


def test_a_line_of_json_says_true_and_false_and_has_the_digits_of_a_float32_and_never_a_nan(
    explaining_model, frame, tmp_path
):
    frame.loc[1, "mean_radius"] = np.nan
    save(frame, tmp_path / "in.csv")
    score_file(explaining_model, tmp_path / "in.csv", out=tmp_path / "out.jsonl")
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=pytest.fail) for line in lines]
    scorer = Scorer(explaining_model)
    expected = scorer.score(frame)
    shares = [f"contribution:{name}" for name in scorer.feature_names]
    assert {tuple(row) for row in rows} == {("row", "similarity", "is_anomaly", "is_valid", *shares)}
    assert [row["row"] for row in rows] == list(range(1, 61))
    assert [row["is_anomaly"] for row in rows] == expected.is_anomaly.tolist()
    assert [row["is_valid"] for row in rows] == expected.is_valid.tolist()
    assert rows[1]["is_valid"] is False
    assert np.array([row["similarity"] for row in rows], np.float32).tolist() == expected.similarity.tolist()
    assert (
        np.array([[row[name] for name in shares] for row in rows], np.float32).tolist()
        == expected.contribution.tolist()
    )


def test_ids_stay_what_they_are_from_json_to_json(model, frame, tmp_path):
    ids = ['"007"', "7", "12345678901234567890", "1.50", "null", "true", '"=1+1"', '"two\\nlines"', '"ünï \\" %s"']
    rows = frame.drop(columns="patient").head(len(ids)).to_dict("records")
    lines = [f'{{"id": {cell}, {json.dumps(row)[1:]}\n' for cell, row in zip(ids, rows, strict=True)]
    (tmp_path / "in.jsonl").write_text("".join(lines))
    score_file(model, tmp_path / "in.jsonl", out=tmp_path / "out.jsonl", id_column="id")
    found = [line.split(", ")[0] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert found == [f'{{"id": {cell}' for cell in [*ids[:4], '""', *ids[5:]]]
    score_file(model, tmp_path / "in.jsonl", out=tmp_path / "out.csv", id_column="id")
    written = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)["id"].tolist()
    assert written == ["007", "7", "12345678901234567890", "1.50", "", "true", "'=1+1", "two\nlines", 'ünï " %s']


def test_a_format_is_for_what_no_ending_says(model, frame, tmp_path):
    save(frame, tmp_path / "in.csv")
    score_file(model, tmp_path / "in.csv", out=tmp_path / "out.txt", table_format="jsonl")
    assert json.loads((tmp_path / "out.txt").read_text().splitlines()[0])["row"] == 1
    with pytest.raises(BadInput, match="say csv and csv, not jsonl"):
        score_file(model, tmp_path / "in.csv", out=tmp_path / "out.csv", table_format="jsonl")


def test_parquet_is_no_stream(model, data, tmp_path):
    (tmp_path / "out.parquet").symlink_to("/dev/null")
    with pytest.raises(BadInput, match="is a stream; Parquet is written to files only"):
        score_file(model, data, out=tmp_path / "out.parquet")


def test_a_table_is_not_written_onto_itself_through_an_open_file_either(model, data):
    before = data.read_bytes()
    with data.open("ab") as file, pytest.raises(BadInput, match="would be overwritten"):
        score_file(model, data, out=Path(f"/dev/fd/{file.fileno()}"))
    assert data.read_bytes() == before


def test_without_an_id_rows_are_counted_from_one_through_all_chunks(model, long_frame, tmp_path):
    long_frame.to_parquet(tmp_path / "in.parquet")
    score_file(model, tmp_path / "in.parquet", out=tmp_path / "out.csv")
    assert pd.read_csv(tmp_path / "out.csv")["row"].tolist() == list(range(1, len(long_frame) + 1))


def test_ids_are_carried_as_they_are_written(model, data, frame, tmp_path):
    frame["patient"] = ["007", "1_000", 'a "quoted" one', "two\nlines", "ünï", *map(str, range(55))]
    frame.to_csv(data, index=False)
    score_file(model, data, out=tmp_path / "out.csv", id_column="patient")
    assert pd.read_csv(tmp_path / "out.csv", dtype=str)["patient"].tolist() == frame["patient"].tolist()


@pytest.mark.parametrize("source", ["csv", "parquet"])
def test_formulas_among_the_ids_are_defused_in_csv_and_kept_in_parquet(model, long_frame, tmp_path, source):
    cells = ["=cmd|'/C calc'!A0", "+1-1", "@SUM(A1)", "-5", "＝1", "plain"]
    long_frame["patient"] = [cells[i % len(cells)] for i in range(len(long_frame))]
    long_frame = long_frame.rename(columns={"patient": "=patient"})
    data, table, copy = tmp_path / f"in.{source}", tmp_path / "out.csv", tmp_path / "out.parquet"
    long_frame.to_csv(data, index=False) if source == "csv" else long_frame.to_parquet(data)
    for out in (table, copy):
        score_file(model, data, out=out, id_column="=patient")
    written = pd.read_csv(table, dtype=str)["'=patient"].tolist()
    assert written == [cell if cell in ("-5", "plain") else f"'{cell}" for cell in long_frame["=patient"]]
    assert pd.read_parquet(copy)["=patient"].tolist() == long_frame["=patient"].tolist()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_feature_can_serve_as_id(model, frame, tmp_path, ending):
    data, out = tmp_path / f"in.{ending}", tmp_path / "out.csv"
    frame.to_csv(data, index=False) if ending == "csv" else frame.to_parquet(data)
    score_file(model, data, out=out, id_column="mean_radius")
    np.testing.assert_allclose(pd.read_csv(out)["mean_radius"], frame["mean_radius"])


def test_an_id_column_named_like_an_answer_does_not_get_lost(model, data, frame, tmp_path):
    out = tmp_path / "out.csv"
    frame.rename(columns={"patient": "similarity"}).to_csv(data, index=False)
    with pytest.raises(BadInput, match="similarity"):
        score_file(model, data, out=out, id_column="similarity")
    assert not out.exists()


def test_without_a_name_the_output_is_named_after_the_data_in_the_working_folder(model, data, tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    report = score_file(model, data)
    assert report.out.resolve() == (tmp_path / "work" / "patients.scores.csv").resolve()
    assert report.out.exists()


def test_missing_and_infinite_cells_make_rows_invalid_and_flagged(model, data, frame, tmp_path):
    frame = frame.astype({"mean_radius": object, "mean_area": object})
    frame.loc[0, "mean_radius"], frame.loc[1, "mean_area"], frame.loc[2, "mean_area"] = "NA", "-Infinity", ""
    frame.to_csv(data, index=False)
    report = score_file(model, data, out=tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    assert report.invalid == 3
    assert found["is_valid"].tolist() == [0, 0, 0] + [1] * 57
    assert found["similarity"][:3].tolist() == [-1, -1, -1]
    assert found["is_anomaly"][:3].tolist() == [1, 1, 1]


def test_an_own_threshold_decides(model, data, tmp_path):
    assert score_file(model, data, out=tmp_path / "out.csv", threshold=1.0).anomalies == 60


def test_contributions_are_columns_named_after_their_features(explaining_model, data, frame, tmp_path):
    score_file(explaining_model, data, out=tmp_path / "out.csv")
    found = pd.read_csv(tmp_path / "out.csv")
    shares = found[[f"contribution:{name}" for name in Scorer(explaining_model).feature_names]]
    assert np.abs(shares.sum(axis=1) - (1 - found["similarity"])).max() < 1e-4


def test_a_missing_feature_or_id_is_named_and_nothing_is_written(model, data, frame, tmp_path):
    out = tmp_path / "out.csv"
    with pytest.raises(BadInput, match="no column 'patients'") as caught:
        score_file(model, data, out=out, id_column="patients")
    assert caught.value.hint == "Did you mean 'patient'?"
    frame.rename(columns={"mean_radius": "radius_mean"}).to_csv(data, index=False)
    with pytest.raises(BadInput, match="no column 'mean_radius'"):
        score_file(model, data, out=out)
    assert not out.exists()


@pytest.mark.parametrize("target", ["csv", "parquet"])
def test_a_failure_in_the_middle_of_the_table_leaves_no_output(model, long_frame, tmp_path, target):
    data, out = tmp_path / "in.csv", tmp_path / f"out.{target}"
    long_frame = long_frame.astype({"mean_area": object})
    long_frame.loc[len(long_frame) - 1, "mean_area"] = "oops"
    long_frame.to_csv(data, index=False)
    with pytest.raises(BadInput, match=f"line {len(long_frame) + 1}, column 'mean_area': found 'oops'"):
        score_file(model, data, out=out)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_failure_keeps_the_output_of_an_earlier_time(model, data, tmp_path):
    out = tmp_path / "out.csv"
    score_file(model, data, out=out)
    before = out.read_bytes()
    data.write_text(data.read_text() + "x\n")
    with pytest.raises(BadInput):
        score_file(model, data, out=out)
    assert out.read_bytes() == before


def test_a_full_disk_leaves_no_output(model, data, tmp_path, monkeypatch):
    def full(self, columns):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(write.CsvSink, "write", full)
    with pytest.raises(Unavailable, match=r"out\.csv: No space left"):
        score_file(model, data, out=tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["patients.csv"]


def test_a_table_without_rows_is_refused(model, data, frame, tmp_path):
    frame[:0].to_csv(data, index=False)
    with pytest.raises(BadInput, match="a header and no rows"):
        score_file(model, data, out=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_scoring_onto_the_table_itself_is_refused_by_any_name(model, data, tmp_path):
    before = data.read_bytes()
    (tmp_path / "link.csv").symlink_to(data)
    (tmp_path / "hard.csv").hardlink_to(data)
    for out in (data, tmp_path / "." / "patients.csv", tmp_path / "link.csv", tmp_path / "hard.csv"):
        with pytest.raises(BadInput, match="would be overwritten"):
            score_file(model, data, out=out)
    assert data.read_bytes() == before


def test_a_link_that_leads_round_in_a_circle_is_replaced_by_the_output(model, frame, tmp_path):
    (tmp_path / "parts").mkdir()
    frame.to_parquet(tmp_path / "parts" / "a.parquet")
    out = tmp_path / "loop.csv"
    out.symlink_to(out)
    assert score_file(model, tmp_path / "parts", out=out).rows == len(frame)
    assert len(pd.read_csv(out)) == len(frame)


def test_scoring_onto_the_model_is_refused(model_copy, data):
    before = model_copy.read_bytes()
    with pytest.raises(BadInput, match="would be overwritten"):
        score_file(model_copy, data, out=model_copy)
    assert model_copy.read_bytes() == before
