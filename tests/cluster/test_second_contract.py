"""A cluster scores and calibrates tables as a card of contract 2 says."""

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from edge.second import describe

from aetk.base.errors import BadInput
from aetk.cluster.scoring import score_folder
from aetk.cluster.threshold import calibrate_on_engine
from aetk.contract.threshold import Method
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.scoring.table_file import score_file
from aetk.edge.threshold import calibrate_threshold

ROWS = 200


@pytest.fixture
def second(model_copy, resign):
    resign(model_copy, edit_card=describe)
    return model_copy


@pytest.fixture
def folder(second, breast_cancer, tmp_path):
    """A folder of two files with text, booleans, times and text labels."""
    folder, names = tmp_path / "data", Scorer(second).feature_names[7:]
    folder.mkdir()
    rows = breast_cancer.data[:ROWS]
    columns = {name: rows[:, i + 7] for i, name in enumerate(names)}
    columns["protocol"] = ["tcp", "sctp", None, "6"] * (ROWS // 4)
    columns["open"] = [True, False] * (ROWS // 2)
    columns["load"] = rows[:, 2]
    columns["ts"] = [datetime(2024, 1, 1) + timedelta(hours=i) for i in range(ROWS)]
    columns["state"] = ["BENIGN"] * (ROWS - 20) + ["DoS", "Scan"] * 10
    table = pa.table(columns)
    pq.write_table(table.slice(0, 70), folder / "a.parquet")
    pq.write_table(table.slice(70), folder / "b.parquet")
    pq.write_table(table.slice(0, 0), folder / "empty.parquet")
    return folder


def test_the_scores_are_those_of_one_machine(second, folder, here, tmp_path):
    whole = score_file(second, folder, out=tmp_path / "whole.parquet")
    report = score_folder(second, str(folder), here, out=str(tmp_path / "scores"))
    names = ["a.parquet", "b.parquet", "empty.parquet"]
    joined = pa.concat_tables([pq.read_table(tmp_path / "scores" / name) for name in names])
    expected = pq.read_table(tmp_path / "whole.parquet")
    np.testing.assert_allclose(joined["similarity"], expected["similarity"], atol=1e-6)
    assert (report.rows, report.anomalies, report.invalid) == (whole.rows, whole.anomalies, whole.invalid)
    assert dict(whole.unseen) == {"protocol": ROWS // 4}


def test_text_labels_choose_the_rows_to_calibrate_on(second, folder, here):
    found = calibrate_on_engine(second, Method("conformal", 0.1), str(folder), here, "state", dry_run=True)
    one = calibrate_threshold(second, Method("conformal", 0.1), folder, "state", dry_run=True)
    assert found.after.rows == one.after.rows == ROWS - 20
    assert found.after.value == pytest.approx(one.after.value, abs=1e-6)


def test_a_column_of_another_type_is_refused_before_anything_is_written(second, folder, here, tmp_path):
    table = pq.read_table(folder / "b.parquet")
    at = table.schema.get_field_index("load")
    pq.write_table(table.set_column(at, "load", pa.array(["1"] * len(table))), folder / "b.parquet")
    with pytest.raises(BadInput, match="column 'load': found the type string, expected numbers"):
        score_folder(second, str(folder), here, out=str(tmp_path / "scores"))
    assert not (tmp_path / "scores").exists()
