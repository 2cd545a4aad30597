"""Spark in local-cluster mode, a master and two workers in processes of their own, scores what `aetk score` scores."""

import os

import pytest

from .conftest import FILES, MODEL, ROWS, Whole, aetk, write_rows

SPARK_ROWS, SPARK_FILES = ROWS // 10, FILES // 4


@pytest.fixture(scope="session")
def spark():
    """The environment that makes such a cluster of what Spark starts."""
    return {**os.environ, "PYSPARK_SUBMIT_ARGS": "--master local-cluster[2,1,1024] pyspark-shell"}


def test_it_scores_as_one_machine_does(place, spark, figures):
    import pyarrow.parquet as pq

    data = write_rows(place / "spark-data", SPARK_ROWS, SPARK_FILES)
    report = aetk("score", MODEL, data, "--out", place / "spark-whole.parquet")
    whole = Whole(report, pq.read_table(place / "spark-whole.parquet"))
    found = aetk("score", MODEL, data, "--engine", "spark", "--out", place / "spark-scores", environment=spark)
    assert found["rows"] == SPARK_ROWS
    figures["spark"] = {
        "rows": SPARK_ROWS,
        "files": SPARK_FILES,
        **whole.holds(place / "spark-scores"),
        "rows_per_second": found["rows_per_second"],
        "aetk_score_rows_per_second": whole.rows_per_second,
    }
    (place / "spark-scores/part-003.parquet").unlink()
    again = aetk("score", MODEL, data, "--engine", "spark", "--out", place / "spark-scores", environment=spark)
    assert again["found"] == SPARK_FILES - 1
    whole.holds(place / "spark-scores")
