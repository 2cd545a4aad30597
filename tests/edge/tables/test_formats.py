"""Text files of other formats get the verdict of the fixture on every way that reads them."""

import bz2
import gzip
import json
import lzma
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from aetk.base.errors import BadInput
from aetk.contract.reading import DEFAULT, read_encoding, read_format
from aetk.edge.tables import csv_arrow_format, source
from aetk.edge.tables.read import header, read_chunks, read_table

CASES = json.loads((Path(__file__).parents[2] / "tables/formats.json").read_text())["cases"]
MANY = 300


def by_name(*names):
    return [case for case in CASES if case["name"] in names]


def arguments(case):
    features = case["features"]
    return {
        "numeric": [feature["name"] for feature in features],
        "encodings": [read_encoding(feature) for feature in features],
        "table": DEFAULT if case["table"] is None else read_format(case["table"]),
    }


def expected_rows(case):
    return [[np.nan if cell is None else float(cell) for cell in row] for row in case["rows"]]


def check(case, path, rows=None, line=0):
    """Hold the readers against a case; `rows` stand before its own, and take `line` lines."""
    if "rows" in case:
        chunks = list(read_chunks(path, **arguments(case)))
        found = [row for chunk in chunks for row in chunk.values.tolist()]
        expected = (rows or []) + expected_rows(case)
        assert len(found) == len(expected)
        if expected:
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        return
    with pytest.raises(BadInput) as caught:
        list(read_chunks(path, **arguments(case)))
    error = case["error"]
    if error["line"] is not None:
        assert re.search(rf"\bline {error['line'] + line}\b", caught.value.message)
    if error["column"] is not None:
        assert f"column '{error['column']}'" in caught.value.message


@pytest.fixture
def write(tmp_path):
    def write(content, name="table.txt"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_table_gets_its_verdict(case, write):
    check(case, write(case["content"].encode("latin-1")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_compressed_table_gets_its_verdict(case, write):
    check(case, write(gzip.compress(case["content"].encode("latin-1")), "table.csv.gz"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
@pytest.mark.parametrize("block_bytes", [4, 16, 40])
def test_pieces_of_a_few_bytes_get_the_same_verdict(case, write, monkeypatch, block_bytes):
    monkeypatch.setattr(source, "BLOCK_BYTES", block_bytes)
    check(case, write(case["content"].encode("latin-1")))


def repeated(case):
    """A case whose first row of values stands there many times; None if it has none, or its error comes first."""
    if "rows" not in case or not case["rows"]:
        return None
    table = case["table"] or {}
    encoding = table.get("encoding", "utf-8")
    content = case["content"].encode("latin-1")
    codec = "utf-16-le" if encoding == "utf-16" and not content.startswith(b"\xfe\xff") else encoding
    codec = "utf-16-be" if content.startswith(b"\xfe\xff") else codec
    lines = content.decode(codec).splitlines(keepends=True)
    if any(line.count('"') % 2 for line in lines):
        return None
    skipped = table.get("skip_rows", 0)
    comment = table.get("comment", "")
    rows = [i for i, line in enumerate(lines) if i >= skipped and line.strip()]
    if isinstance(table.get("header"), str):
        rows = rows[[lines[i].startswith(table["header"]) for i in rows].index(True) + 1 :]
    rows = [i for i in rows if not (comment and lines[i].startswith(comment))]
    if table.get("header", True) is True:
        rows = rows[1:]
    first = rows[table.get("units_rows", 0)]
    line = lines[first] if lines[first].endswith("\n") else lines[first] + "\n"
    return "".join([*lines[:first], line * MANY, *lines[first:]]).encode(codec)


@pytest.mark.parametrize("case", [case for case in CASES if repeated(case)], ids=lambda case: case["name"])
def test_many_rows_are_read_by_pyarrow_with_the_same_verdict(case, write, monkeypatch):
    content = repeated(case)
    parsed = []
    made = csv_arrow_format.block_parser

    def counting(*given):
        parse = made(*given)

        def count(block):
            found = parse(block)
            parsed.append(found is not None)
            return found

        return count

    monkeypatch.setattr(csv_arrow_format, "block_parser", counting)
    monkeypatch.setattr(source, "BLOCK_BYTES", 256)
    rows = [expected_rows(case)[0]] * MANY
    check(case, write(content), rows)
    assert sum(parsed) >= len(parsed) - 3
    assert any(parsed)


FORMAT = read_format({**DEFAULT.to_data(), "delimiter": ";", "decimal": ","})


@pytest.mark.parametrize(
    ("pack", "name"),
    [
        (gzip.compress, "t.csv.gz"),
        (bz2.compress, "t.csv.bz2"),
        (lzma.compress, "t.csv.xz"),
        (lambda content: gzip.compress(content[:5]) + gzip.compress(content[5:]) + b"\0" * 99, "two members.gz"),
        (gzip.compress, "an ending that says nothing.csv"),
    ],
)
def test_compressed_files_are_known_by_their_first_bytes(write, pack, name):
    content = "a;b\n" + "1,5;2\n" * 300_000
    path = write(pack(content.encode()), name)
    chunks = list(read_chunks(path, ["b", "a"], table=FORMAT))
    values = np.concatenate([chunk.values for chunk in chunks])
    assert values.shape == (300_000, 2)
    assert (values == [2, 1.5]).all()
    shares = [chunk.share for chunk in chunks]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert header(path, FORMAT) == ("a", "b")


def test_a_zip_archive_of_one_file_is_read(tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("inside")
        archive.writestr("inside/t.csv", "a,b\n1,2\n")
        archive.writestr("__MACOSX/inside/._t.csv", "x")
    assert read_table(path, ["b"]).values.tolist() == [[2]]


@pytest.mark.parametrize(
    ("names", "message"),
    [(["a.csv", "b.csv"], "archive of 2 files; expected one"), (["[Content_Types].xml", "x"], "a spreadsheet")],
)
def test_other_archives_are_refused(tmp_path, names, message):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "a\n1\n")
    with pytest.raises(BadInput, match=message):
        read_table(path, ["a"])


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("harm", [lambda data: data[:-9], lambda data: data[:40] + b"\xff\x00" * 8 + data[56:]])
def test_damaged_compressed_files_are_refused_after_the_rows_before(write, pack, harm):
    content = ("a\n" + "".join(f"{i * 7919 % 10007}\n" for i in range(5000))).encode()
    with pytest.raises(BadInput, match=r"t.gz: damaged compressed file: .*\."):
        read_table(write(harm(pack(content)), "t.gz"), ["a"])


def test_a_row_of_a_packed_bomb_is_not_unpacked_whole(write):
    path = write(gzip.compress(b"a\n" + b"x" * 2**27))
    with pytest.raises(BadInput, match="line 2: the row is longer than 16 MiB"):
        read_table(path, ["a"])


def test_json_lines_may_be_compressed(write):
    path = write(gzip.compress(b'{"p": "udp", "x": -1}\n{"p": null, "x": 2}\n'), "rows.jsonl.gz")
    features = [{"name": "p", "levels": ["tcp", "udp"]}, {"name": "x", "markers": ["-1"]}]
    found = read_table(path, ["p", "x"], encodings=list(map(read_encoding, features)))
    np.testing.assert_array_equal(found.values, [[1, np.nan], [2, 2]])
