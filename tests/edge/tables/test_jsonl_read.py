import json
import math

import numpy as np
import pytest

from aetk.base.errors import BadInput
from aetk.edge.tables import jsonl_read
from aetk.edge.tables.jsonl_read import Literally
from aetk.edge.tables.read import header, read_chunks, read_table


@pytest.fixture
def read(tmp_path):
    """A function that reads the text of a file: the values, and the column `id` where it is asked for."""

    def call(content, names=("a", "b"), text=()):
        path = tmp_path / "rows.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        chunks = list(read_chunks(path, names, text))
        found = np.concatenate([chunk.values for chunk in chunks])
        return (found, [cell for chunk in chunks for cell in chunk.texts[0]]) if text else found

    return call


def test_features_are_found_by_name_and_other_members_are_ignored(read):
    found = read('{"b": 2, "x": [1, {"y": "z"}], "a": 1.5}\n{"a": -1e-3, "b": 0}\n')
    assert found.tolist() == [[1.5, 2.0], [-0.001, 0.0]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", math.nan),
        ("NaN", math.nan),
        ("true", 1.0),
        ("false", 0.0),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
        ("1e400", math.inf),
        ("-" + "9" * 5000, -math.inf),
        ("0.1", 0.1),
        ("9007199254740993", 9007199254740992.0),
    ],
)
@pytest.mark.parametrize("text_columns", [(), ("id",)])
def test_a_value_is_what_the_dialect_makes_of_it(read, text, value, text_columns):
    found = read(f'{{"a": {text}, "b": 1, "id": 7}}\n', text=text_columns)
    found = found[0] if text_columns else found
    np.testing.assert_array_equal(found, [[value, 1.0]])


@pytest.mark.parametrize("text", ['"nan"', '"1.5"', '""', "[...]", "{...}", '"\\ud800"'])
@pytest.mark.parametrize("text_columns", [(), ("a",)])
def test_what_is_no_number_is_placed_and_shown(read, text, text_columns):
    with pytest.raises(BadInput) as caught:
        read(f'{{"a": 1, "b": 1}}\n{{"a": {text.replace("...", "")}, "b": 1}}\n', text=text_columns)
    assert f"rows.jsonl, line 2, column 'a': found '{text}', expected a number." in caught.value.message
    assert "null is a missing value" in caught.value.hint


def test_a_member_that_is_not_there_is_an_error_and_not_a_missing_value(read):
    with pytest.raises(BadInput, match=r"rows.jsonl, line 2 has no column 'b'") as caught:
        read('{"a": 1, "b": 1}\n{"a": 1, "B": 1}\n')
    assert caught.value.hint == "It has: a, B"
    with pytest.raises(BadInput, match="line 1 has no column 'id'"):
        read('{"a": 1, "b": 1}', text=["id"])


@pytest.mark.parametrize("line", ['{"a": 1, "b": 1, "a": 2}', '{"a": 1, "b": 1, "x": {"a": 1, "a": 1}}'])
def test_a_name_that_stands_twice_is_refused(read, line):
    with pytest.raises(BadInput, match=r"rows.jsonl, line 1: two members are called 'a'"):
        read(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a,b", "not one JSON object from character 1 on"),
        ('{"a": 1, "b": 1} {}', "not one JSON object from character 18 on"),
        ('{"a": 1, "b": 1', "not one JSON object from character 16 on"),
        ("{'a': 1}", "not one JSON object from character 2 on"),
        ('{"a": 01, "b": 1}', "not one JSON object from character 8 on"),
        ('{"a": +1, "b": 1}', "not one JSON object from character 7 on"),
        ("[1, 2]", r"found \[...\], expected a JSON object"),
        ("null", "found null, expected a JSON object"),
        ("[" * 100_000, "an object is nested too deeply"),
    ],
    ids=lambda text: text[:20],
)
def test_a_line_that_is_no_object_is_placed(read, line, words):
    with pytest.raises(BadInput, match=f"rows.jsonl, line 3: {words}"):
        read(f'{{"a": 1, "b": 1}}\n\n{line}\n')


def test_blank_lines_are_no_rows_and_a_byte_order_mark_no_fault(read):
    assert read(b'\xef\xbb\xbf{"a": 1, "b": 2}\r\n\n \t\n{"a": 3, "b": 4}').tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_rows_is_called_empty(read, content):
    with pytest.raises(BadInput, match=r"rows.jsonl is empty; expected JSON Lines"):
        read(content)


def test_bytes_that_are_no_text_are_called_what_they_are(read):
    with pytest.raises(BadInput, match="is compressed; expected a JSON Lines file"):
        read(b"\x28\xb5\x2f\xfd\xff")
    with pytest.raises(BadInput, match="line 2: not UTF-8 text"):
        read(b'{"a": 1, "b": 1}\n{"a": "\xff"}')


def test_a_row_longer_than_16_mib_is_refused(read):
    with pytest.raises(BadInput, match="line 2: the row is longer than 16 MiB"):
        read(b'{"a": 1, "b": 1}\n{"a": 1, "b": 1, "x": "' + b"x" * 2**24 + b'"}')


def test_what_is_carried_along_keeps_its_digits_and_whether_it_is_text(read):
    given = ['"007"', "12345678901234567890123", "1.50", '"1.50"', "null", "true", '"two\\nlines"', '"ünï"']
    _, found = read("".join(f'{{"a": 1, "b": 1, "id": {cell}}}\n' for cell in given), text=["id"])
    assert found == ["007", "12345678901234567890123", "1.50", "1.50", "", "true", "two\nlines", "ünï"]
    assert [isinstance(cell, Literally) for cell in found] == [False, True, True, False, False, True, False, False]


@pytest.mark.parametrize("cell", ["[1]", "{}", "NaN", "-Infinity", '"\\ud800"'])
def test_what_no_table_can_carry_along_is_refused(read, cell):
    with pytest.raises(BadInput, match=r"line 1, column 'id': found .*, expected text or a number"):
        read(f'{{"a": 1, "b": 1, "id": {cell}}}', text=["id"])


def test_rows_are_placed_by_their_lines_through_all_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl_read, "CHUNK_ROWS", 3)
    path = tmp_path / "rows.ndjson"
    path.write_text("\n".join(json.dumps({"a": i}) if i % 4 else "" for i in range(1, 30)))
    chunks = list(read_chunks(path, ["a"]))
    assert len(chunks) > 3
    for chunk in chunks:
        assert chunk.values[:, 0].tolist() == chunk.places.tolist()
    assert sum(len(chunk.places) for chunk in chunks) == 22


def test_a_labelled_table_of_json_lines_can_be_read_where_its_columns_are_known(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1, "y": 0}\n{"a": null, "y": true}\n')
    table = read_table(path, ["a"], "y")
    assert table.labels.tolist() == [False, True]
    with pytest.raises(BadInput, match=r"rows.jsonl holds JSON Lines; expected a CSV or Parquet file"):
        header(path)


def test_csv_reading_tells_json_lines_by_their_first_line(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('{"a": 1}\n')
    with pytest.raises(BadInput, match=r"begins with '{', as JSON Lines do") as caught:
        read_chunks(path, ["a"])
    assert "--format jsonl" in caught.value.hint
