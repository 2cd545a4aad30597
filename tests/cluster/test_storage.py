"""An object store is a folder like any other: here one of pyarrow's file systems that is not the machine's own."""

import contextlib
import pickle
import shutil

import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from aetk.base.errors import BadInput, Unavailable
from aetk.cluster import scoring, threshold
from aetk.cluster.scoring import SUMMARY, score_folder
from aetk.cluster.storage import LocalFolder, StoreFolder, open_folder
from aetk.edge.tables.parquet import files


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A function that opens `store://NAME` as a folder below tmp_path, in place of `open_folder`."""

    def opened(location):
        name = location.removeprefix("store://")
        return StoreFolder(location, fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()), name)

    for module in (scoring, threshold):
        monkeypatch.setattr(module, "open_folder", opened)
    return opened


@pytest.fixture
def copied(parts, tmp_path):
    return shutil.copytree(parts, tmp_path / "data")


def test_its_files_are_those_of_a_folder_in_the_same_order(store, copied):
    (copied / "_hidden").mkdir()
    pq.write_table(pq.read_table(copied / "a.parquet"), copied / "_hidden/x.parquet")
    (copied / "notes.txt").write_text("no table")
    names = [path.relative_to(copied).as_posix() for path in files(copied)]
    assert [entry.name for entry in store("store://data").tables()] == names
    assert [entry.name for entry in LocalFolder(copied).tables()] == names
    assert store("store://nothing").tables() == LocalFolder(copied / "nothing").tables() == []


def test_scores_of_a_store_are_those_of_a_folder(model, store, copied, parts, here, tmp_path, monkeypatch):
    score_folder(model, "store://data", here, out="store://scores")
    again = score_folder(model, "store://data", here, out="store://scores")
    assert (again.data, again.out) == ("store://data", "store://scores")
    assert again.found == again.partitions == 4
    monkeypatch.undo()
    score_folder(model, str(parts), here, out=str(tmp_path / "here"))
    for path in files(tmp_path / "here"):
        there = tmp_path / "scores" / path.relative_to(tmp_path / "here")
        assert pq.read_table(there, partitioning=None).equals(pq.read_table(path, partitioning=None))
    left = {path.name for path in (tmp_path / "scores").rglob("*") if path.is_file()}
    assert left == {"a.parquet", "b.parquet", "empty.parquet", "c.pq", "_aetk-plan.json", SUMMARY}


def test_a_folder_of_a_store_travels(store, copied):
    there = pickle.loads(pickle.dumps(store("store://data")))
    with there.local("a.parquet") as path:
        assert pq.read_table(path).num_rows == 3000
    assert not path.exists()


def test_what_fails_on_the_way_leaves_nothing(store, tmp_path):
    folder = store("store://out")
    (tmp_path / "out").mkdir()
    with contextlib.suppress(RuntimeError), folder.create("x.parquet") as file:
        file.write(b"half")
        raise RuntimeError
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(FileNotFoundError):
        folder.open("x.parquet")


def test_a_store_that_cannot_be_reached_is_said_so(store, copied):
    with pytest.raises(FileNotFoundError), store("store://data").local("gone.parquet"):
        pass

    class Down:
        def get_file_info(self, _):
            raise OSError("When listing objects: AWS Error NETWORK_CONNECTION")

    with pytest.raises(Unavailable, match=r"s3://b/x cannot be reached: .* NETWORK_CONNECTION"):
        StoreFolder("s3://b/x", Down(), "b/x").tables()


@pytest.mark.parametrize("location", ["zz://bucket/x", "s3://", "://x"])
def test_an_address_of_nothing_is_refused(location):
    with pytest.raises(BadInput, match=r"cannot be used|does not name a folder"):
        open_folder(location)


def test_credentials_of_an_address_are_not_shown():
    folder = open_folder("s3://name:secret@bucket/data?region=eu-west-1")
    assert str(folder) == "s3://bucket/data"
