"""Tables and rows are read as a card of contract 2 says, wherever rows are scored."""

import gzip
import json
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetk.base.errors import BadInput
from aetk.contract.threshold import Method
from aetk.edge.scoring.batch_scorer import BatchScorer
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.scoring.table_file import score_file
from aetk.edge.threshold import calibrate_threshold
from edge.second import COLUMNS, describe

ROWS = 60
WORDS = ["tcp", "udp", "6", "sctp", ""]
INDICES = [0, 1, 2, 3, 3]


@pytest.fixture
def second(model_copy, resign):
    """A model of contract 2."""
    resign(model_copy, edit_card=describe)
    return model_copy


@pytest.fixture
def frame(second, breast_cancer):
    """Rows for it, in the types of a program, and the numbers that the model gets for them."""
    names = Scorer(second).feature_names
    numbers = np.array(breast_cancer.data[:ROWS])
    kinds = np.arange(ROWS) % 5
    hours = np.arange(ROWS) % 24
    numbers[:, 0] = np.array(INDICES)[kinds]
    numbers[:, 1] = kinds % 2
    angle = 2 * np.pi * hours / 24
    day = 2 * np.pi * 3 / 7  # 1970-01-01 was a Thursday
    numbers[:, 3:7] = np.column_stack(
        [np.sin(angle), np.cos(angle), np.full(ROWS, np.sin(day)), np.full(ROWS, np.cos(day))]
    )
    rows = pd.DataFrame(numbers[:, 7:], columns=names[7:])
    rows.insert(0, "ts", [datetime(1970, 1, 1, hour) for hour in hours])
    rows.insert(0, "load", numbers[:, 2])
    rows.insert(0, "open", (kinds % 2).astype(bool))
    rows.insert(0, "protocol", pd.Categorical([WORDS[kind] or None for kind in kinds]))
    rows.loc[7, "load"], numbers[7, 2] = -1, np.nan
    return rows, numbers


@pytest.fixture
def expected(second, frame):
    return Scorer(second).score(frame[1])


def assert_scores(found, expected):
    np.testing.assert_allclose(found.similarity, expected.similarity, atol=1e-6)
    np.testing.assert_array_equal(found.is_anomaly, expected.is_anomaly)
    np.testing.assert_array_equal(found.is_valid, expected.is_valid)


def as_text(rows, path, delimiter=";", decimal=",", label=None, compression="infer"):
    """Write rows as the card's table format says, or in another."""
    text = rows.copy()
    text["open"] = np.where(rows["open"], "Yes", "no")
    text["load"] = ["?" if load == -1 else load for load in rows["load"]]
    text["ts"] = rows["ts"].dt.strftime("%Y-%m-%d %H:%M")
    if label is not None:
        text["state"] = label
    text.map(lambda cell: str(cell).replace(".", decimal) if isinstance(cell, float) and cell == cell else cell).to_csv(
        path, sep=delimiter, index=False, compression=compression
    )
    return path


def test_frames_dicts_and_arrays_are_scored_alike(second, frame, expected):
    rows, numbers = frame
    scorer = Scorer(second)
    assert not expected.is_valid[7]
    assert expected.is_valid.sum() == ROWS - 1
    assert_scores(scorer.score(rows), expected)
    assert_scores(scorer.score(pa.Table.from_pandas(rows)), expected)
    assert_scores(scorer.score(rows.to_dict("records")), expected)
    assert_scores(scorer.score(numbers), expected)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "t.csv.gz", "t.jsonl.gz"])
def test_files_are_scored_as_their_rows(second, frame, expected, tmp_path, name):
    rows, _ = frame
    path = tmp_path / name
    if "csv" in name:
        as_text(rows, path, compression=None)
    elif "jsonl" in name:
        rows.assign(ts=rows["ts"].astype(str)).to_json(path, orient="records", lines=True, compression=None)
    else:
        rows.to_parquet(path)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    report = score_file(second, path, out=tmp_path / "scores.parquet")
    scores = pq.read_table(tmp_path / "scores.parquet")
    np.testing.assert_allclose(scores["similarity"], expected.similarity, atol=1e-6)
    assert (report.rows, report.invalid) == (ROWS, 1)
    assert dict(report.unseen) == {"protocol": ROWS // 5}


def test_a_file_in_another_format_is_refused_with_what_differs(second, frame, expected, tmp_path):
    rows, _ = frame
    path = as_text(rows, tmp_path / "t.csv", ",", ".")
    with pytest.raises(BadInput, match="found commas between columns where the card says semicolons") as caught:
        score_file(second, path, out=tmp_path / "out.csv")
    assert "--table-format delimiter=comma" in caught.value.hint
    with pytest.raises(
        BadInput, match=r"line 2, column 'load': found '.*', expected a number with a decimal"
    ) as caught:
        score_file(second, path, out=tmp_path / "out.csv", overrides=["delimiter=comma"])
    assert "--table-format decimal=point" in caught.value.hint
    ways = {"overrides": ["delimiter=comma", "decimal=point"]}, {"default_format": True}
    for way in ways:
        report = score_file(second, path, out=tmp_path / "out.csv", **way)
        assert (report.rows, report.invalid, report.anomalies) == (ROWS, 1, expected.is_anomaly.sum())


@pytest.mark.parametrize("kind", ["timestamp", "text", "dictionary", "zone", "large"])
def test_arrow_batches_are_scored_as_their_rows(second, frame, expected, kind):
    rows, _ = frame
    table = pa.Table.from_pandas(rows)
    texts = pa.array(table["protocol"].to_pylist(), pa.large_string() if kind == "large" else pa.string())
    table = table.set_column(0, "protocol", texts.dictionary_encode() if kind == "dictionary" else texts)
    if kind == "text":
        table = table.set_column(3, "ts", pa.array(rows["ts"].astype(str)))
    if kind == "zone":
        aware = rows["ts"].dt.tz_localize("Asia/Tokyo")
        table = table.set_column(3, "ts", pa.array(aware))
    scored = BatchScorer(second)(table)
    assert scored.schema.names[: len(table.schema.names)] == table.schema.names
    np.testing.assert_allclose(scored["similarity"], expected.similarity, atol=1e-6)


def test_batches_of_other_types_are_refused(second, frame):
    rows, _ = frame
    scorer, table = BatchScorer(second), pa.Table.from_pandas(frame[0])
    with pytest.raises(BadInput, match="column 'mean_concave_points': found the type string"):
        scorer(table.set_column(4, "mean_concave_points", pa.array(["1"] * ROWS)))
    with pytest.raises(BadInput, match="row 2, column 'ts': found 'soon', expected a time"):
        scorer(table.set_column(3, "ts", pa.array(["2020-01-01", "2020-01-01", "soon"] + [None] * (ROWS - 3))))
    assert list(rows.columns[:4]) == COLUMNS


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_labels_mean_what_the_card_says(second, frame, tmp_path, name):
    rows, _ = frame
    label = ["BENIGN"] * 50 + ["DoS", "Scan"] * 5
    path = tmp_path / name
    if name == "t.csv":
        as_text(rows, path, label=label)
    elif name == "t.jsonl":
        rows.assign(ts=rows["ts"].astype(str), state=label).to_json(path, orient="records", lines=True)
    else:
        rows.assign(state=label).to_parquet(path)
    report = calibrate_threshold(second, Method("conformal", 0.2), path, "state", dry_run=True)
    assert (report.after.rows, report.invalid) == (49, 1)


def test_a_row_without_a_label_is_named(second, frame, tmp_path):
    rows, _ = frame
    path = as_text(rows, tmp_path / "t.csv", label=["BENIGN", "?"] * (ROWS // 2))
    with pytest.raises(BadInput, match="line 3, label column 'state': found '\\?', expected a label"):
        calibrate_threshold(second, Method("conformal", 0.2), path, "state", dry_run=True)


def test_evaluation_reads_tables_and_labels_as_the_card_says(second, frame, tmp_path):
    from aetk.lab.evaluation import evaluate

    rows, _ = frame
    path = as_text(rows, tmp_path / "t.csv", label=["BENIGN"] * 50 + ["DoS"] * 10)
    report = evaluate([second], path, "state")
    assert report.labels.sum() == 10
    assert report.models[0].invalid == 1


def test_the_card_of_contract_one_reads_text_as_before(model, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1;2\n")
    with pytest.raises(BadInput, match="the header is one column, 'a;b'; expected commas between columns"):
        score_file(model, path, out=tmp_path / "out.csv")


def test_a_row_as_json_is_scored(second, frame, expected):
    row = json.loads(frame[0].iloc[[0]].assign(ts="1970-01-01 00:00").to_json(orient="records"))[0]
    assert Scorer(second).score(row).similarity[0] == pytest.approx(expected.similarity[0], abs=1e-6)
