import gc
import io
import sys
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aetk.base.errors import BadInput, MissingExtra
from aetk.edge.tables import parquet
from aetk.edge.tables.parquet import BATCH_ROWS
from aetk.edge.tables.read import header, read_chunks, read_table
from aetk.edge.tables.write import ParquetSink


@pytest.fixture
def write(tmp_path):
    def write(columns, name="table.parquet"):
        path = tmp_path / name
        pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)
        return path

    return write


def test_a_real_table_is_read_as_its_csv_is(creditcard, write):
    from pyarrow import csv

    names = ["V1", "V29", "V30"]
    path = write(csv.read_csv(creditcard / "val.csv"))
    theirs = read_table(creditcard / "val.csv", names, "Class")
    ours = read_table(path, names, "Class")
    np.testing.assert_array_equal(ours.values, theirs.values)
    assert (ours.labels == theirs.labels).all()
    assert ours.places.tolist() == list(range(1, len(theirs.values) + 1))


@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(), pa.decimal128(9, 2), pa.bool_()],
    ids=str,
)
def test_every_numeric_type_is_read_and_null_is_missing(write, kind):
    cells = [Decimal(1), None, Decimal(0)] if pa.types.is_decimal(kind) else [1, None, 0]
    cells = [None if cell is None else bool(cell) for cell in cells] if pa.types.is_boolean(kind) else cells
    cells = np.array([1, np.nan, 0], np.float16) if pa.types.is_float16(kind) else cells
    path = write({"a": pa.array(cells, kind)})
    np.testing.assert_array_equal(read_table(path, ["a"]).values, [[1], [np.nan], [0]])


def test_a_column_of_nulls_alone_is_missing_throughout(write):
    path = write({"a": pa.nulls(2), "b": [1.0, 2.0]})
    np.testing.assert_array_equal(read_table(path, ["a", "b"]).values, [[np.nan, 1], [np.nan, 2]])


def test_nan_and_infinity_are_kept(write):
    values = [np.nan, np.inf, -np.inf, 1e300]
    np.testing.assert_array_equal(read_table(write({"a": values}), ["a"]).values[:, 0], values)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [(["1", "2"], "string"), ([b"1", b"2"], "binary"), ([[1], [2]], "list"), ([{"x": 1}, {"x": 2}], "struct")],
)
def test_a_column_that_is_not_numeric_is_refused_with_its_type(write, cells, kind):
    with pytest.raises(BadInput, match=f"column 'a': found .*{kind}"):
        read_table(write({"a": cells}), ["a"])


def test_columns_are_found_by_name_in_the_order_asked_for(write):
    path = write({"a": [1, 2], "b": ["x", None], "c": [3, 4]})
    (chunk,) = read_chunks(path, ["c", "a"], ["b", "a"])
    assert chunk.values.tolist() == [[3, 1], [4, 2]]
    assert [text.to_pylist() for text in chunk.texts] == [["x", ""], ["1", "2"]]
    with pytest.raises(BadInput, match="no column 'd'"):
        read_table(path, ["d"])


def test_names_with_dots_are_names(write):
    path = write({"a": [1], "a.b": [2], "c.d": [3]})
    assert read_table(path, ["c.d", "a", "a.b"]).values.tolist() == [[3, 1, 2]]


def test_two_columns_of_one_name_are_refused(write):
    path = write(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(BadInput, match="two columns are called 'a'"):
        header(path)


def test_a_long_table_comes_in_chunks_and_no_row_is_lost(write):
    path = write({"a": np.arange(2 * BATCH_ROWS + 3)})
    chunks = list(read_chunks(path, ["a"]))
    assert max(len(chunk.values) for chunk in chunks) <= BATCH_ROWS
    assert np.concatenate([chunk.values[:, 0] for chunk in chunks]).tolist() == list(range(2 * BATCH_ROWS + 3))


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_what_is_no_parquet_file_is_refused(tmp_path, content):
    path = tmp_path / "table.parquet"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="not a Parquet file"):
        header(path)


def test_a_damaged_file_is_refused(write):
    path = write({"a": np.random.default_rng(0).normal(size=5000)})
    content = bytearray(path.read_bytes())
    content[4:2000] = b"\xff" * 1996
    path.write_bytes(content)
    with pytest.raises(BadInput, match="damaged Parquet file"):
        read_table(path, ["a"])


@pytest.mark.parametrize("ending", ["parquet", "pq", "PARQUET"])
def test_parquet_is_known_by_its_ending_in_any_case(write, ending):
    assert header(write({"a": [1]}, f"table.{ending}")) == ("a",)


def test_without_pyarrow_the_extra_is_named(write, monkeypatch):
    path = write({"a": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'aetk\[arrow\]'") as caught:
        header(path)
    assert caught.value.exit_code == 3


def test_a_sink_writes_batches_that_read_back_as_they_were(tmp_path):
    path = tmp_path / "out.parquet"
    with path.open("wb") as file:
        sink = ParquetSink(file)
        sink.write({"id": ["a"], "x": np.array([0.5], np.float32), "flag": np.array([True])})
        sink.write({"id": ["b"], "x": np.array([1.5], np.float32), "flag": np.array([False])})
        sink.close()
    table = pq.read_table(path)
    assert table.to_pydict() == {"id": ["a", "b"], "x": [0.5, 1.5], "flag": [True, False]}
    assert table.schema.field("x").type == pa.float32()


def test_row_groups_are_counted_from_the_file_whose_columns_are_checked(tmp_path, monkeypatch):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0, 4.0, 5.0]}), path, row_group_size=2)
    opened = []
    monkeypatch.setattr(parquet, "_open", lambda path, open_file=parquet._open: opened.append(path) or open_file(path))
    assert parquet.row_groups(path, ["x"]) == (2, 2, 1)
    assert opened == [path]
    with pytest.raises(BadInput, match="y"):
        parquet.row_groups(path, ["y"])


def test_row_groups_are_large_however_small_the_batches(tmp_path):
    path = tmp_path / "out.parquet"
    with path.open("wb") as file:
        sink = ParquetSink(file)
        for start in range(0, 3_000_000, 10_000):
            sink.write({"row": np.arange(start, start + 10_000)})
        sink.close()
    metadata = pq.ParquetFile(path).metadata
    assert metadata.num_rows == 3_000_000
    assert metadata.num_row_groups == 2


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.float64(), pa.float16(), pa.decimal128(20, 2), pa.bool_(), pa.uint64()]
)
def test_float32_is_the_float64_rounded_once_more(write, kind):
    numbers = [16777217, 2**60 + 2**36 + 1, 0] if pa.types.is_integer(kind) else [0.1, 1e300, -0.5]
    numbers = [Decimal("0.10"), Decimal(10) ** 17, None] if pa.types.is_decimal(kind) else numbers
    numbers = np.array([0.1, 6e4, -0.5], np.float16) if pa.types.is_float16(kind) else numbers
    numbers = [True, None, False] if pa.types.is_boolean(kind) else numbers
    path = write({"a": pa.array(numbers, kind)})
    (wide,), (narrow,) = read_chunks(path, ["a"]), read_chunks(path, ["a"], dtype=np.float32)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(narrow.values, wide.values.astype(np.float32))
    assert narrow.values.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_lie_row_by_row_as_the_scorer_takes_them_without_a_copy(write, dtype):
    path = write({"a": np.float32([1, 2, 3]), "b": np.float32([4, 5, 6])})
    (chunk,) = read_chunks(path, ["a", "b"], dtype=dtype)
    assert chunk.values.dtype == dtype
    assert chunk.values.flags.c_contiguous


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None, -7]),
        pa.array(["x", None, "ü"], pa.large_string()),
        pa.array(["x", None, "y"]).dictionary_encode(),
        pa.array([1.0, None, 1e22]),
        pa.array([True, None, False]),
        pa.array([Decimal("1.50"), None, Decimal(2)], pa.decimal128(9, 2)),
        pa.array([0, None, 10**15], pa.timestamp("us")),
    ],
    ids=lambda column: str(column.type),
)
def test_an_id_of_any_type_is_written_as_python_does(write, column):
    (chunk,) = read_chunks(write({"id": column, "a": [1.0, 2.0, 3.0]}), ["a"], ["id"])
    expected = ["" if cell is None else str(cell) for cell in column.to_pylist()]
    assert chunk.texts[0].to_pylist() == expected
    assert chunk.texts[0].type == pa.string()


def test_wide_tables_come_in_shorter_chunks(write):
    path = write({f"c{i}": np.zeros(10_000, np.float32) for i in range(500)})
    chunks = list(read_chunks(path, [f"c{i}" for i in range(500)]))
    assert max(chunk.values.nbytes for chunk in chunks) <= 2**24 + 2**13
    assert sum(len(chunk.values) for chunk in chunks) == 10_000


def test_the_share_read_so_far_grows_to_one(write, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH_ROWS", 2**10)
    shares = [chunk.share for chunk in read_chunks(write({"a": np.arange(2**12)}), ["a"])]
    assert shares == [0.25, 0.5, 0.75, 1]


def test_a_dictionary_of_numbers_is_read_as_numbers(write):
    path = write({"a": pa.array([1.5, None, 1.5]).dictionary_encode()})
    np.testing.assert_array_equal(read_table(path, ["a"]).values, [[1.5], [np.nan], [1.5]])


@pytest.mark.parametrize("column", [pa.array([[1], [2]]), pa.array([{"x": 1}, {"x": 2}])], ids=["list", "struct"])
def test_a_nested_column_cannot_be_carried_along_and_does_no_harm_where_it_is_not_asked_for(write, column):
    path = write({"a": [1.0, 2.0], "id": column})
    assert read_table(path, ["a"]).values.tolist() == [[1], [2]]
    with pytest.raises(BadInput, match=r"column 'id': found '(list|struct)<.*', expected text or numbers"):
        read_chunks(path, ["a"], ["id"])


def shared_text(length, rows):
    """A table whose rows share one text: its length counts once in the file, and once a row in memory."""
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["x" * length]))
    return pa.table({"a": np.arange(float(rows)), "id": text})


@pytest.mark.parametrize("store_schema", [True, False])
def test_rows_that_share_a_long_text_come_in_shorter_chunks(tmp_path, store_schema):
    path = tmp_path / "shared.parquet"
    pq.write_table(shared_text(2**20, 100), path, store_schema=store_schema)
    assert path.stat().st_size < 2**20
    chunks = list(read_chunks(path, ["a"], ["id"]))
    assert max(chunk.texts[0].nbytes for chunk in chunks) < 2**24 + 2**10
    assert np.concatenate([chunk.values[:, 0] for chunk in chunks]).tolist() == list(range(100))


def test_a_text_that_no_csv_file_could_hold_is_refused(write):
    path = write(shared_text(2**24 + 1, 2))
    with pytest.raises(BadInput, match="column 'id': a text is longer than 16 MiB"):
        list(read_chunks(path, ["a"], ["id"]))
    assert len(read_table(path, ["a"]).values) == 2


def test_texts_that_are_not_utf8_are_damage(write):
    path = write({"a": [1.0], "id": pa.array([b"\xff"]).view(pa.string())})
    with pytest.raises(BadInput, match=r"damaged Parquet file: .*UTF8"):
        list(read_chunks(path, ["a"], ["id"]))


def test_a_footer_that_lies_about_the_rows_is_damage(write):
    path = write({"a": np.arange(1000)})
    content = path.read_bytes()
    assert content.count(b"\x16\xd0\x0f") >= 2  # 1000 as it is in the footer: of the file, of its chunk, its group
    path.write_bytes(content.replace(b"\x16\xd0\x0f", b"\x16\xd2\x0f"))
    with pytest.raises(BadInput, match="damaged Parquet file: it holds 1,000 rows, its footer counts 1,001"):
        read_table(path, ["a"])


def test_a_file_cut_short_is_refused(write):
    path = write({"a": np.random.default_rng(0).normal(size=5000)})
    content = path.read_bytes()
    for length in (0, 4, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(BadInput, match="not a Parquet file"):
            read_table(path, ["a"])


def test_a_close_that_was_interrupted_is_not_tried_again(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    monkeypatch.setattr(pq.ParquetWriter, "add_key_value_metadata", interrupt)
    file = io.BytesIO()
    sink = ParquetSink(file)
    sink.notes = {"of": "interest"}
    sink.write({"a": np.arange(3)})
    with pytest.raises(KeyboardInterrupt):
        sink.close()
    file.close()
    del sink
    gc.collect()
    assert ignored == []
