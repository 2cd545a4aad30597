import os
import subprocess
import sys
import tracemalloc
from threading import Thread

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from patience import PATIENCE

from aetk.base.errors import BadInput, Unavailable
from aetk.edge.tables import read as tables
from aetk.edge.tables import source
from aetk.edge.tables.chunk import NotANumber, row_location
from aetk.edge.tables.csv_read import CHUNK_ROWS
from aetk.edge.tables.read import header, read_chunks, read_table

BY_FUNCTION = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture
def write(tmp_path):
    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_real_table_is_read_as_pandas_reads_it(creditcard):
    path = creditcard / "train.csv"
    theirs = pd.read_csv(path, dtype=str).drop(columns="ID").astype(np.float64)
    table = read_table(path, list(theirs.columns))
    assert table.values.dtype == np.float64
    np.testing.assert_array_equal(table.values, theirs.to_numpy())
    assert table.places.tolist() == list(range(2, len(theirs) + 2))


def test_a_real_label_column_becomes_true_for_one(creditcard):
    path = creditcard / "val.csv"
    theirs = pd.read_csv(path)
    table = read_table(path, ["V1", "V30"], "Class")
    assert (table.labels == (theirs["Class"] == 1)).all()
    assert table.labels.any()
    assert table.values.shape == (len(theirs), 2)


def test_columns_are_found_by_name_and_kept_in_the_order_asked_for(write):
    path = write("a,b,c\n1,2,3\n4,5,6\n")
    (chunk,) = read_chunks(path, ["c", "a"], ["b", "c"])
    assert chunk.values.tolist() == [[3, 1], [6, 4]]
    assert chunk.texts == (("2", "5"), ("3", "6"))


def test_a_long_table_comes_in_chunks_and_no_row_is_lost(write):
    rows = 2 * CHUNK_ROWS + 3
    path = write("a\n" + "".join(f"{i}\n" for i in range(rows)))
    chunks = list(read_chunks(path, ["a"]))
    assert [len(chunk.values) for chunk in chunks] == [CHUNK_ROWS, CHUNK_ROWS, 3]
    assert np.concatenate([chunk.values[:, 0] for chunk in chunks]).tolist() == list(range(rows))


@BY_FUNCTION
@given(st.lists(st.lists(st.floats(), min_size=3, max_size=3), min_size=1, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_what_pandas_writes_is_read_back_exactly(tmp_path, rows, newline):
    path = tmp_path / "table.csv"
    pd.DataFrame(rows, columns=["a", "b", "c"]).to_csv(path, index=False, lineterminator=newline, na_rep="NaN")
    np.testing.assert_array_equal(read_table(path, ["a", "b", "c"]).values, rows)


@BY_FUNCTION
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8))
def test_any_text_in_another_column_is_kept_and_does_no_harm(tmp_path, texts):
    path = tmp_path / "table.csv"
    quoted = [text.replace('"', '""') for text in texts]
    path.write_bytes(("t,a\n" + "".join(f'"{text}",{i}\n' for i, text in enumerate(quoted))).encode())
    (chunk,) = read_chunks(path, ["a"], ["t"])
    assert chunk.texts == (tuple(texts),)
    assert chunk.values[:, 0].tolist() == list(range(len(texts)))


@BY_FUNCTION
@given(st.binary(max_size=80))
def test_arbitrary_bytes_are_read_or_refused(tmp_path, data):
    path = tmp_path / "table.csv"
    path.write_bytes(b"a,b\n1,2\n" + data)
    try:
        table = read_table(path, ["a", "b"])
    except BadInput:
        return
    assert table.values.shape == (len(table.places), 2)
    assert table.values[0].tolist() == [1, 2]


def test_a_very_long_text_in_another_column_does_no_harm(write):
    path = write("a,t\n1," + "x" * 200_000 + "\n")
    assert read_table(path, ["a"]).values.tolist() == [[1]]


def test_a_long_cell_that_is_no_number_is_shown_short(write):
    with pytest.raises(NotANumber) as caught:
        read_table(write("a\n" + "x" * 5000 + "\n"), ["a"])
    assert len(caught.value.message) < 200
    assert caught.value.column == "a"


@pytest.mark.parametrize("later", [b"3\n", b'"3"4,5\n', b'"3,4\n', b"\xe9,4\n"])
def test_the_first_of_several_faults_is_the_one_named(write, later):
    path = write(b"a,b\n1,2\nx,2\n" + later)
    with pytest.raises(BadInput, match="line 3"):
        read_table(path, ["a", "b"])


def test_values_come_in_the_float_type_asked_for_and_float32_rounds_the_float64(write):
    halfway = "1.00000005960464477539062500001"  # between two float32 numbers; its float64 is exactly half way
    path = write(f"a\n{halfway}\n1e39\nNA\n")
    (chunk,) = read_chunks(path, ["a"], dtype=np.float32)
    assert chunk.values.dtype == np.float32
    np.testing.assert_array_equal(chunk.values[:, 0], [1, np.inf, np.nan])


def test_the_share_read_so_far_grows_to_one(write, monkeypatch):
    monkeypatch.setattr(source, "BLOCK_BYTES", 100)
    shares = [chunk.share for chunk in read_chunks(write("a\n" + "1\n" * 500), ["a"])]
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_missing_column_is_named_with_the_closest_there_is(write):
    path = write("mean_radius,mean_area\n1,2\n")
    with pytest.raises(BadInput, match="no column 'mean_radiu'") as caught:
        read_table(path, ["mean_radiu"])
    assert caught.value.hint == "Did you mean 'mean_radius'?"
    with pytest.raises(BadInput) as caught:
        read_table(path, ["zzz"])
    assert caught.value.hint == "It has: mean_radius, mean_area"


def test_a_wide_tables_columns_are_not_all_listed(write):
    path = write(",".join(f"c{i}" for i in range(100)) + "\n" + ",".join("1" * 100) + "\n")
    with pytest.raises(BadInput) as caught:
        read_table(path, ["zzz"])
    assert caught.value.hint.endswith("c11, ...")


def test_a_table_without_rows_cannot_be_read_whole(write):
    with pytest.raises(BadInput, match="a header and no rows"):
        read_table(write("a,b\n"), ["a"])


@pytest.mark.parametrize(
    ("cell", "found"), [("2", "found 2"), ("0.5", "found 0.5"), ("", "found nothing"), ("inf", "inf")]
)
def test_a_label_that_is_neither_0_nor_1_is_named_with_its_line(write, cell, found):
    path = write(f"a,y\n1,0\n1,1\n1,{cell}\n")
    with pytest.raises(BadInput, match=f"line 4, label column 'y': .*{found}"):
        read_table(path, ["a"], "y")


def test_no_such_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        header(tmp_path / "gone.csv")
    with pytest.raises(BadInput, match="No such file"):
        header(tmp_path / "gone.parquet")
    with pytest.raises(BadInput, match="is a folder"):
        header(tmp_path)


def test_a_place_counts_lines_of_csv_and_rows_of_parquet(tmp_path):
    assert row_location(tmp_path / "t.csv", 3).endswith("t.csv, line 3")
    assert row_location(tmp_path / "t.parquet", 3).endswith("t.parquet, row 3")


@pytest.mark.parametrize("name", ["table.csv", "table.parquet"])
def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path, name):
    path = tmp_path / name
    path.symlink_to("/dev/zero")
    for read in (header, lambda path: read_table(path, ["a"]), lambda path: read_chunks(path, ["a"])):
        with pytest.raises(BadInput, match=f"{name} is not a regular file"):
            read(path)
    path.unlink()
    os.mkfifo(path)
    for read in (header, lambda path: read_table(path, ["a"])):
        with pytest.raises(BadInput, match=f"{name} is not a regular file"):
            read(path)


def test_a_pipe_can_be_read_once_from_end_to_end(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_text, args=("a,t\n" + "1,x\n" * 50_000,))
    writer.start()
    chunks = list(read_chunks(path, ["a"], ["t"]))
    writer.join()
    assert sum(len(chunk.values) for chunk in chunks) == 50_000
    assert {chunk.share for chunk in chunks} == {None}


@pytest.mark.parametrize("change", ["grows", "is cut"])
def test_a_file_that_changes_while_it_is_read_is_refused(write, monkeypatch, change):
    monkeypatch.setattr(source, "BLOCK_BYTES", 100)
    path = write("a\n" + "1\n" * 50_000)
    chunks = read_chunks(path, ["a"])
    next(chunks)
    with path.open("r+b") as file:
        file.truncate(150_000 if change == "grows" else 3000)
    with pytest.raises(BadInput, match=r"table.csv was changed while it was read"):
        list(chunks)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a" * (2**24 + 1), 1),
        (b"a,t\n1,x\n2," + b"x" * 2**24 + b"\n", 3),
        (b'a,t\n1,x\n2,"x\n' + b"3,y\n" * 2**22, 3),
        (b'a,"t\n' + b"3,y\n" * 2**22, 1),
        (b"\n\na\n\n" + b"1" * (2**24 + 1), 5),
    ],
    ids=["header", "line", "quote", "quote in the header", "after blank lines"],
)
def test_a_row_longer_than_16_mib_is_refused_with_the_line_it_starts_on(write, content, line):
    path = write(content)
    with pytest.raises(BadInput) as caught:
        read_table(path, ["a"])
    assert caught.value.message == f"{path}, line {line}: the row is longer than 16 MiB."
    assert "A quote that is never closed" in caught.value.hint


def test_a_line_without_an_end_is_read_no_further_than_it_may_be_long(write):
    path = write(b"a\n1\n")
    with path.open("r+b") as file:
        file.truncate(2**33)  # a hole: it takes no room on the disk
    tracemalloc.start()
    with pytest.raises(BadInput, match="line 3: the row is longer"):
        read_table(path, ["a"])
    assert tracemalloc.get_traced_memory()[1] < 2**27
    tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_called_by_its_name(write, encoding):
    with pytest.raises(BadInput, match=r"line 1: not UTF-8 text.\nSave the table as UTF-8"):
        header(write("\ufeffa,b\n1,2\n".encode(encoding)))


def test_the_names_of_a_million_columns_are_not_held_against_one_another(write):
    """That would be a million times a million comparisons, which take hours on any machine."""
    names = [f"c{i}" for i in range(1_000_000)]
    path = write(",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    code = f"""
from pathlib import Path
from aetk.edge.tables.read import read_table
print(read_table(Path({str(path)!r}), {names[::50_000]}).values.shape)
read_table(Path({str(path)!r}), ["zzz"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == "(1, 20)\n"
    assert "BadInput" in done.stderr
    assert "no column 'zzz'" in done.stderr


def test_names_in_messages_are_short_and_hide_nothing(write):
    with pytest.raises(BadInput, match="two columns are called") as caught:
        header(write("\x1b[2J" + "x" * 9999 + ",\x1b[2J" + "x" * 9999 + "\n"))
    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 500


def test_a_table_that_does_not_fit_is_refused_after_its_first_rows(write, monkeypatch):
    monkeypatch.setattr(source, "BLOCK_BYTES", 100)
    monkeypatch.setattr(tables, "free_memory", lambda: 2**16)
    path = write("a\n" + "1\n" * 50_000)
    with pytest.raises(Unavailable, match=r"does not fit into memory: it takes about .* GiB") as caught:
        read_table(path, ["a"])
    assert caught.value.exit_code == 3
    assert len(read_table(write("a\n" + "1\n" * 500), ["a"]).values) == 500


def test_a_model_or_a_card_in_the_place_of_a_table_is_told(model):
    with pytest.raises(BadInput, match=r"is an ONNX model; expected a CSV file") as caught:
        header(model)
    assert "the model comes first" in caught.value.hint
    with pytest.raises(BadInput, match=r"is JSON, as the card of a model is; expected a CSV file"):
        header(model.with_name(f"{model.stem}.card.json"))
