"""A folder of Parquet files is one table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetk.base.errors import BadInput
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.scoring.table_file import score_file
from aetk.edge.tables.read import header, read_chunks, read_table


@pytest.fixture
def folder(tmp_path):
    """A function that writes tables into a folder `parts`, each below its relative path."""

    def write(**tables):
        for name, columns in tables.items():
            path = tmp_path / "parts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)
        return tmp_path / "parts"

    return write


@pytest.fixture
def parts(frame, folder):
    """The sixty rows of `frame` in four files."""
    pieces = [frame[:10], frame[10:25], frame[25:25], frame[25:60]]
    names = ["a.parquet", "deep/er/b.pq", "deep/er/c.parquet", "z.PARQUET"]
    return folder(**{name: pa.Table.from_pandas(piece) for name, piece in zip(names, pieces, strict=True)})


def test_its_files_are_read_in_the_order_of_their_paths_and_rows_count_across_them(folder):
    path = folder(**{"b.parquet": {"x": [3, 4]}, "a/2.parquet": {"x": [2]}, "a/1.parquet": {"x": [0, 1]}})
    assert header(path) == ("x",)
    table = read_table(path, ["x"])
    assert table.values[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert table.places.tolist() == [1, 2, 3, 4, 5]


def test_hidden_and_underscored_names_and_other_files_are_left_out(folder):
    path = folder(**{"a.parquet": {"x": [1]}, "_tmp/b.parquet": {"x": [2]}, ".c/d.parquet": {"x": [3]}})
    folder(**{"_metadata.parquet": {"x": [4]}, ".e.parquet": {"x": [5]}})
    (path / "_SUCCESS").touch()
    (path / "notes.csv").write_text("x\n6\n")
    assert read_table(path, ["x"]).values.tolist() == [[1]]


def test_types_may_differ_between_files_and_other_columns_do_not_matter(folder):
    path = folder(
        **{
            "a.parquet": {"x": pa.array([1, 2], pa.int8()), "id": ["p", "q"]},
            "b.parquet": {"id": pa.array([7]), "more": ["?"], "x": pa.array([2.5], pa.float32())},
        }
    )
    chunks = list(read_chunks(path, ["x"], ["id"]))
    assert np.concatenate([chunk.values for chunk in chunks]).tolist() == [[1], [2], [2.5]]
    assert [cell for chunk in chunks for cell in chunk.texts[0].to_pylist()] == ["p", "q", "7"]
    assert chunks[-1].share == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"y": [1]}, r"late\.parquet has no column 'x'"),
        ({"x": [1]}, r"late\.parquet has no column 'id'"),
        ({"x": ["1"], "id": ["p"]}, r"late\.parquet, column 'x': found the type string"),
        (pa.Table.from_arrays([pa.array([1])] * 2, names=["x", "x"]), r"late\.parquet: two columns are called 'x'"),
    ],
)
def test_a_file_that_does_not_fit_is_named_before_any_row_is_read(folder, columns, message):
    path = folder(**{"early.parquet": {"x": [1], "id": ["p"]}, "late.parquet": columns})
    with pytest.raises(BadInput, match=message):
        read_chunks(path, ["x"], ["id"])


def test_a_file_that_is_no_parquet_file_is_named(folder):
    path = folder(**{"a.parquet": {"x": [1]}})
    (path / "b.parquet").write_bytes(b"x\n1\n")
    with pytest.raises(BadInput, match=r"b\.parquet is not a Parquet file"):
        read_chunks(path, ["x"])


def test_an_empty_folder_and_one_without_parquet_files_are_refused(folder, model):
    path = folder(**{"_hidden.parquet": {"x": [1]}})
    for call in (header, lambda path: read_chunks(path, ["x"]), lambda path: score_file(model, path)):
        with pytest.raises(BadInput, match="parts is a folder without Parquet files"):
            call(path)


def test_files_without_rows_are_no_table(folder, model, frame, tmp_path):
    path = folder(**{"a.parquet": pa.Table.from_pandas(frame[:0]), "b.parquet": pa.Table.from_pandas(frame[:0])})
    with pytest.raises(BadInput, match="parts has no rows"):
        score_file(model, path, out=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(BadInput, match="parts has no rows"):
        read_table(path, ["mean_area"])


def test_it_is_scored_as_one_table(model, parts, frame, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = score_file(model, parts)
    assert (report.rows, report.files, report.out.name) == (60, 4, "parts.scores.csv")
    found = pd.read_csv(report.out)
    assert found["row"].tolist() == list(range(1, 61))
    np.testing.assert_allclose(found["similarity"], Scorer(model).score(frame).similarity, rtol=0, atol=1e-6)
    score_file(model, parts, out=tmp_path / "out.parquet", id_column="patient")
    assert pd.read_parquet(tmp_path / "out.parquet")["patient"].tolist() == frame["patient"].tolist()


@pytest.mark.parametrize(
    ("name", "default"),
    [("one.parquet", "one"), ("v1.2", "v1.2"), (".", "work"), ("..", "up")],
)
def test_the_output_is_named_after_the_folder(model, parts, tmp_path, monkeypatch, name, default):
    work = tmp_path / "up" / "work"
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    for path in list(parts.iterdir()):
        (work / name).mkdir(exist_ok=True)
        path.rename(work / name / path.name)
    assert score_file(model, Path(name)).out.name == f"{default}.scores.csv"


@pytest.mark.parametrize("name", ["out.parquet", "deep/out.pq", "new/out.parquet", "../link.parquet"])
def test_an_output_that_would_be_read_next_time_is_refused(model, parts, name):
    (parts.parent / "link.parquet").symlink_to(parts / "target.parquet")
    with pytest.raises(BadInput, match=r"would be a part of .*parts next time"):
        score_file(model, parts, out=parts / name)
    assert len(list(parts.rglob("*.p*"))) == 3


@pytest.mark.parametrize("name", ["out.csv", "_out.parquet", "_scores/out.parquet", "../out.parquet"])
def test_an_output_that_will_not_be_read_may_stand_in_the_folder(model, parts, name):
    assert score_file(model, parts, out=parts / name).rows == 60
    assert score_file(model, parts, out=parts / name).rows == 60


def test_none_of_its_files_is_overwritten_by_another_name(model, parts, tmp_path):
    (tmp_path / "hard.csv").hardlink_to(parts / "deep" / "er" / "b.pq")
    with pytest.raises(BadInput, match="would be overwritten"):
        score_file(model, parts, out=tmp_path / "hard.csv")
