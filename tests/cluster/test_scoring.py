"""A folder is scored file by file, each whole or not at all, and what is there is not done again."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetk.base.errors import BadInput, CheckFailed, Unavailable
from aetk.base.locks import locked
from aetk.cluster.job import PLAN
from aetk.cluster.scoring import SUMMARY, score_folder
from aetk.edge.scoring.table_file import score_file
from aetk.edge.threshold import set_threshold


def tables(folder):
    """The files of a folder by name, as tables."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("[!._]*.p*q*"))
    return {name: pq.read_table(folder / name, partitioning=None) for name in names}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "scores"


@pytest.mark.parametrize("id_column", [None, "id"])
def test_the_scores_are_those_of_one_machine(model, parts, here, out, tmp_path, id_column):
    whole = score_file(model, parts, out=tmp_path / "whole.parquet", id_column=id_column)
    report = score_folder(model, str(parts), here, out=str(out), id_column=id_column)
    found = tables(out)
    assert list(found) == ["a.parquet", "day=1/b.parquet", "day=1/empty.parquet", "day=2/c.pq"]
    joined, expected = pa.concat_tables(found.values()), pq.read_table(tmp_path / "whole.parquet")
    assert joined.schema == expected.schema
    for column in (id_column or "row", "is_anomaly", "is_valid"):
        assert joined[column].equals(expected[column])
    np.testing.assert_allclose(joined["similarity"].to_numpy(), expected["similarity"].to_numpy(), atol=1e-6)
    assert (report.rows, report.anomalies, report.invalid) == (whole.rows, whole.anomalies, whole.invalid)
    assert (report.partitions, report.found) == (4, 0)


def test_the_summary_tells_of_each_file(model, parts, here, out):
    report = score_folder(model, str(parts), here, out=str(out))
    summary = json.loads((out / SUMMARY).read_text())
    found = tables(out)
    assert [part["name"] for part in summary["partitions"]] == list(found)
    for part in summary["partitions"]:
        table = found[part["name"]]
        assert part["rows"] == table.num_rows
        assert part["anomalies"] == sum(table["is_anomaly"].to_pylist())
        assert part["invalid"] == table.num_rows - sum(table["is_valid"].to_pylist())
    assert summary["anomalies"] == report.anomalies == sum(part["anomalies"] for part in summary["partitions"])


def test_progress_counts_what_is_there_and_what_is_done(model, parts, here, out):
    score_folder(model, str(parts), here, out=str(out))
    (out / "a.parquet").unlink()
    (out / "day=2/c.pq").unlink()
    seen = []
    score_folder(model, str(parts), here, out=str(out), progress=seen.append)
    assert [(each.partitions, each.of, each.rows) for each in seen] == [(3, 4, 5500), (4, 4, 9501)]


def test_contributions_are_written_where_the_model_tells_them(explaining_model, parts, here, out):
    score_folder(explaining_model, str(parts), here, out=str(out))
    table = tables(out)["a.parquet"]
    shares = [table[name].to_numpy() for name in table.column_names if name.startswith("contribution:")]
    assert len(shares) == 30
    valid = table["is_valid"].to_numpy()
    np.testing.assert_allclose(np.sum(shares, 0)[valid], 1 - table["similarity"].to_numpy()[valid], atol=1e-5)


def test_only_what_is_missing_or_damaged_is_done_again(model, parts, here, out):
    first = score_folder(model, str(parts), here, out=str(out))
    before = tables(out)
    (out / "a.parquet").unlink()
    (out / "day=2/c.pq").write_bytes((out / "day=2/c.pq").read_bytes()[:-100])
    of_nobody = before["day=1/b.parquet"].replace_schema_metadata({"aetk.partition": "[]"})
    pq.write_table(of_nobody, out / "day=1/b.parquet")  # the same rows, but of nobody's plan
    here.tasks.clear()
    again = score_folder(model, str(parts), here, out=str(out))
    assert here.tasks == ["a.parquet", "day=1/b.parquet", "day=2/c.pq"]
    assert again.found == 1
    assert (again.rows, again.anomalies, again.invalid) == (first.rows, first.anomalies, first.invalid)
    assert all(table.equals(before[name]) for name, table in tables(out).items())
    here.tasks.clear()
    assert score_folder(model, str(parts), here, out=str(out)).rows_per_second is None
    assert here.tasks == []


def test_a_task_that_is_done_twice_leaves_its_rows_once(model, parts, here, out):
    run = here.run
    here.run = lambda work, tasks: run(work, [*tasks, *tasks])
    report = score_folder(model, str(parts), here, out=str(out))
    assert report.rows == sum(table.num_rows for table in tables(out).values()) == 9501


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data, model: set_threshold(model, 0.5), "scores of another model"),
        (lambda data, model: shutil.copy(data / "a.parquet", data / "z.parquet"), "scores of other files"),
    ],
)
def test_scores_of_another_plan_are_not_mixed_with(model_copy, parts, here, out, tmp_path, change, message):
    data = shutil.copytree(parts, tmp_path / "data")
    score_folder(model_copy, str(data), here, out=str(out))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    change(data, model_copy)
    with pytest.raises(BadInput, match=message):
        score_folder(model_copy, str(data), here, out=str(out))
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_other_options_are_another_plan(model, parts, here, out):
    score_folder(model, str(parts), here, out=str(out))
    with pytest.raises(BadInput, match="the same data by other options"):
        score_folder(model, str(parts), here, out=str(out), threshold=0.1)
    (out / PLAN).write_text("{")
    with pytest.raises(BadInput, match="a plan that cannot be read"):
        score_folder(model, str(parts), here, out=str(out))


def test_tables_of_others_are_not_written_among(model, parts, here, out):
    shutil.copytree(parts, out)
    with pytest.raises(BadInput, match=r"not scores of aetk's"):
        score_folder(model, str(parts), here, out=str(out))
    assert not (out / PLAN).exists()


@pytest.mark.parametrize("apart", ["data/scores", "data", "."])
def test_data_and_scores_lie_apart(model, parts, here, tmp_path, apart):
    data = shutil.copytree(parts, tmp_path / "data")
    with pytest.raises(BadInput, match="are inside one another"):
        score_folder(model, str(data), here, out=str(tmp_path / apart))


def test_a_second_driver_is_refused(model, parts, here, out):
    out.mkdir()
    with locked(out, 0), pytest.raises(BadInput, match="being written by another"):
        score_folder(model, str(parts), here, out=str(out))


def test_what_cannot_be_scored_is_said_before_any_work(model, parts, here, out, tmp_path):
    data = shutil.copytree(parts, tmp_path / "data")
    broken = pq.read_table(data / "day=2/c.pq").drop_columns(["mean_area"])
    pq.write_table(broken, data / "day=2/c.pq")
    with pytest.raises(BadInput, match=r"c\.pq has no column 'mean_area'"):
        score_folder(model, str(data), here, out=str(out))
    (data / "day=2/c.pq").write_bytes(b"PAR1")
    with pytest.raises(BadInput, match=r"c\.pq is not a Parquet file"):
        score_folder(model, str(data), here, out=str(out))
    with pytest.raises(BadInput, match="holds no Parquet files"):
        score_folder(model, str(tmp_path / "nothing"), here, out=str(out))
    (tmp_path / "empty").mkdir()
    shutil.copy(parts / "day=1/empty.parquet", tmp_path / "empty")
    with pytest.raises(BadInput, match="has no rows"):
        score_folder(model, str(tmp_path / "empty"), here, out=str(out))
    assert here.tasks == []
    assert not out.exists()


def test_a_damaged_page_costs_its_file_alone(model, parts, here, out, tmp_path):
    data = shutil.copytree(parts, tmp_path / "data")
    content = bytearray((data / "day=2/c.pq").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    (data / "day=2/c.pq").write_bytes(content)
    with pytest.raises(BadInput, match=r"c\.pq: damaged Parquet file"):
        score_folder(model, str(data), here, out=str(out))
    assert list(tables(out)) == ["a.parquet", "day=1/b.parquet", "day=1/empty.parquet"]
    assert [path for path in out.rglob("*") if path.name.endswith(".tmp")] == []
    assert not (out / SUMMARY).exists()


def test_a_file_that_grew_since_the_plan_is_refused(model, parts, here, out, tmp_path):
    data = shutil.copytree(parts, tmp_path / "data")
    run = here.run

    def late(work, tasks):
        longer = pq.read_table(data / "a.parquet")
        pq.write_table(pa.concat_tables([longer, longer]), data / "a.parquet")
        return run(work, tasks)

    here.run = late
    with pytest.raises(BadInput, match="holds 6,000 rows, and held 3,000 before"):
        score_folder(model, str(data), here, out=str(out))


def test_another_model_at_the_workers_is_refused(model_copy, parts, here, out):
    run = here.run

    def late(work, tasks):
        set_threshold(model_copy, 0.5)
        return run(work, tasks)

    here.run = late
    with pytest.raises(CheckFailed, match="is not the model that was to be used"):
        score_folder(model_copy, str(parts), here, out=str(out))


def test_an_engine_that_ends_early_leaves_what_was_done(model, parts, here, out):
    run = here.run

    def dying(work, tasks):
        yield from run(work, tasks[:2])
        raise Unavailable("The engine gave up.")

    here.run = dying
    with pytest.raises(Unavailable, match="gave up"):
        score_folder(model, str(parts), here, out=str(out))
    here.run = run
    assert score_folder(model, str(parts), here, out=str(out)).found == 2


def test_out_has_a_name_of_its_own(model, parts, here, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert score_folder(model, str(parts), here).out == "data.scores"
    with pytest.raises(BadInput, match="is a URL; expected --out"):
        score_folder(model, "s3://bucket/data", here)
    with pytest.raises(BadInput, match="is the name of a column that is written"):
        score_folder(model, str(parts), here, id_column="similarity", out="other")


def test_urls_of_this_machine_are_paths(model, parts, here, out):
    report = score_folder(model, f"file://{parts}", here, out=f"file://{out}")
    assert report.rows == 9501
    assert SUMMARY in {path.name for path in out.iterdir()}
