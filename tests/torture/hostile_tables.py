"""Hand-made hostile tables, and places to write to."""

import gzip
import itertools
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .case import FEATURES, MODEL, Case

CSV, PARQUET = "table.csv", "table.parquet"
SCORE = ("score", MODEL, CSV)
SCORE_PARQUET = ("score", MODEL, PARQUET)
_HEADER = ",".join(FEATURES)
_ROW = ",".join(["1.5"] * len(FEATURES))


def _write(content: bytes | str) -> Callable[[Path], None]:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: _put(folder / CSV, data)


def _put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _cell(cell: str) -> Callable[[Path], None]:
    """An ordinary row, and one whose first cell is this."""
    return _write(f"{_HEADER}\n{_ROW}\n{cell}{_ROW[3:]}\n")


def _stream(parts: Iterator[bytes]) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        with (folder / CSV).open("wb") as file:
            file.writelines(parts)

    return build


def _large(line: bytes, mebibytes: int, before: bytes = b"") -> Callable[[Path], None]:
    return lambda folder: _stream(itertools.chain([before], itertools.repeat(line * (2**20 // len(line)), mebibytes)))(
        folder
    )


def _instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    return lambda folder: make(folder / CSV) and None


def _million_columns(folder: Path) -> None:
    names = ",".join([*FEATURES, *(f"c{i}" for i in range(1_000_000 - len(FEATURES)))])
    _put(folder / CSV, f"{names}\n{','.join(['1'] * 1_000_000)}\n".encode())


def _columns(**odd: Any) -> Callable[[Path], None]:
    """A Parquet file of two rows, with columns in place of, or besides, the features."""

    def build(folder: Path) -> None:
        columns = {name: pa.array([1.5, 2.5]) for name in FEATURES} | odd
        pq.write_table(pa.table(columns), folder / PARQUET)

    return build


def _parquet(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        _columns()(folder)
        path = folder / PARQUET
        path.write_bytes(change(path.read_bytes()))

    return build


def _bomb(folder: Path) -> None:
    """One text of a gigabyte, a few kilobytes packed."""
    text = pa.array(["x" * 2**30], pa.large_string())
    columns: dict[str, Any] = {name: pa.array([1.5]) for name in FEATURES} | {"ID": text}
    pq.write_table(
        pa.table(columns), folder / PARQUET, compression="zstd", use_dictionary=False, write_statistics=False
    )


def _repeated(folder: Path) -> None:
    """Two million rows of one value, in some kilobytes."""
    array = pa.array([1.5]).take(pa.array([0] * 200_000)).dictionary_encode()
    with pq.ParquetWriter(folder / PARQUET, pa.schema([(name, array.type) for name in FEATURES])) as writer:
        table = pa.table([array] * len(FEATURES), list(FEATURES))
        for _ in range(10):
            writer.write_table(table)


def _read_only(folder: Path) -> None:
    _write(f"{_HEADER}\n{_ROW}\n")(folder)
    (folder / "out").write_text("no folder")


def _renamed(folder: Path) -> None:
    _columns()(folder)
    (folder / PARQUET).rename(folder / CSV)


FIRST = FEATURES[0]
TRAIN = ("train", CSV, "--out", "run", "--epochs", "1")
TABLE = f"{_HEADER}\n{_ROW}\n"

CASES = (
    Case("an empty table", SCORE, _write(""), 2, "is empty; expected a header line"),
    Case("a header alone", SCORE, _write(_HEADER + "\n"), 2, "has a header and no rows"),
    Case("no table", SCORE, lambda folder: None, 2, "No such file: table.csv"),
    Case("a folder without tables", SCORE, _instead(Path.mkdir), 2, "folder without Parquet files"),
    Case("a link to nothing", SCORE, _instead(lambda path: path.symlink_to("gone")), 2, "No such file"),
    Case("a link to itself", SCORE, _instead(lambda path: path.symlink_to(CSV)), 2, "Too many levels"),
    Case("zeros without end", ("score", MODEL, "/dev/zero"), lambda folder: None, 2, "not a regular file"),
    Case("a line of a gigabyte", SCORE, _large(b"1", 1024), 2, "line 1: the row is longer than 16 MiB"),
    Case(
        "a line of a gigabyte below the header",
        SCORE,
        _large(b"1,", 1024, f"{_HEADER}\n".encode()),
        2,
        "line 2: the row is longer than 16 MiB",
    ),
    Case(
        "a quote that is never closed, and 64 MiB behind it",
        SCORE,
        _large(b"1\n", 64, f'{_HEADER}\n"'.encode()),
        2,
        "line 2: the row is longer than 16 MiB",
    ),
    Case("a line of a gigabyte to train on", TRAIN, _large(b"1", 1024), 2, "the row is longer than 16 MiB"),
    Case("a million columns", SCORE, _million_columns, 0, ""),
    Case("a million columns to train on", TRAIN, _million_columns, 2, "a model takes at most 16,384"),
    Case("bytes of zero", SCORE, _cell("\0"), 2, "found '\\u0000'"),
    Case("Latin-1", SCORE, _write(f"{_HEADER},é\n{_ROW},1\n".encode("latin-1")), 2, "not UTF-8"),
    Case("UTF-16", SCORE, _write(TABLE.encode("utf-16")), 2, "not UTF-8"),
    Case("a byte-order mark", SCORE, _write(b"\xef\xbb\xbf" + TABLE.encode()), 0, ""),
    Case("two byte-order marks", SCORE, _write(b"\xef\xbb\xbf" * 2 + TABLE.encode()), 2, "has no column"),
    Case("UTF-8 first and Latin-1 below", SCORE, _write(TABLE.encode() + b"\xe9" + _ROW.encode()), 2, "not UTF-8"),
    Case("thousands separators", SCORE, _cell('"1,234"'), 2, "found '1,234', expected a number"),
    Case("digits of another script", SCORE, _cell("١٢"), 2, "expected a number"),
    Case("an underscore", SCORE, _cell("1_000"), 2, "found '1_000'"),
    Case("a hexadecimal number", SCORE, _cell("0x10"), 2, "found '0x10'"),
    Case("a number of 100,000 digits", SCORE, _cell("9" * 100_000), 0, ""),
    Case("a quoted line end", SCORE, _cell('"1\n2"'), 2, "expected a number"),
    Case("a quote in the middle", SCORE, _cell('1"2'), 2, "expected a number"),
    Case("text behind a closed quote", SCORE, _cell('"1"2'), 2, "text after a closing quote"),
    Case("a row too short", SCORE, _write(f"{TABLE}1,2\n"), 2, "line 3: found 2 cells, expected 30"),
    Case("a column twice", SCORE, _write(f"{_HEADER},{FIRST}\n{_ROW},1\n"), 2, f"two columns are called '{FIRST}'"),
    Case("a column without a name", SCORE, _write(f"{_HEADER},\n{_ROW},1\n"), 2, "has no name"),
    Case("a column that is missing", SCORE, _write(f"{_HEADER[:-4]}\n{_ROW}\n"), 2, "has no column"),
    Case("semicolons", SCORE, _write(TABLE.replace(",", ";")), 2, "expected commas"),
    Case("terminal commands in a header", SCORE, _write("\x1b[2Jx,y\n1,2\n"), 2, "has no column"),
    Case("terminal commands in a cell", SCORE, _cell("\x1b[2J"), 2, "found '\\u001b[2J'"),
    Case("a gzip file cut short", SCORE, _write(gzip.compress(TABLE.encode())[:-9]), 2, "damaged compressed file"),
    Case("a compressed stream", SCORE, _write(zlib.compress(os.urandom(2**16))), 2, "not UTF-8"),
    Case("the model in its place", ("score", MODEL, MODEL), lambda folder: None, 2, "is an ONNX model; expected a CSV"),
    Case("Parquet under the name of a CSV", SCORE, _renamed, 2, "is a Parquet file"),
    Case(
        "CSV under the name of Parquet", SCORE_PARQUET, lambda folder: _put(folder / PARQUET, TABLE.encode()), 2, "not"
    ),
    Case("Parquet of no bytes", SCORE_PARQUET, lambda folder: _put(folder / PARQUET, b""), 2, "Parquet"),
    Case("Parquet cut short", SCORE_PARQUET, _parquet(lambda data: data[: len(data) // 2]), 2, "Parquet"),
    Case(
        "Parquet whose footer claims four gigabytes",
        SCORE_PARQUET,
        _parquet(lambda data: data[:-8] + b"\xff\xff\xff\xff" + data[-4:]),
        2,
        "Parquet",
    ),
    Case(
        "Parquet with a footer of noise", SCORE_PARQUET, _parquet(lambda d: d[:-200] + b"\x15" * 192 + d[-8:]), 2, "Par"
    ),
    Case("Parquet with text for numbers", SCORE_PARQUET, _columns(**{FIRST: pa.array(["1", "x"])}), 2, "string"),
    Case("Parquet with lists for numbers", SCORE_PARQUET, _columns(**{FIRST: pa.array([[1.0], []])}), 2, "list"),
    Case(
        "Parquet with moments for numbers",
        SCORE_PARQUET,
        _columns(**{FIRST: pa.array([0, 1], pa.timestamp("s"))}),
        2,
        "timestamp",
    ),
    Case(
        "Parquet with decimal numbers", SCORE_PARQUET, _columns(**{FIRST: pa.array([1, 2], pa.decimal128(9, 2))}), 0, ""
    ),
    Case(
        "Parquet with a dictionary", SCORE_PARQUET, _columns(**{FIRST: pa.array([1.0, 1.0]).dictionary_encode()}), 0, ""
    ),
    Case("Parquet with nothing but missing values", SCORE_PARQUET, _columns(**{FIRST: pa.nulls(2)}), 0, ""),
    Case(
        "a text of a gigabyte in a Parquet file of kilobytes",
        (*SCORE_PARQUET, "--id", "ID", "--out", "out.csv"),
        _bomb,
        2,
        "",
    ),
    Case("two million equal rows in a small Parquet file", (*SCORE_PARQUET, "--out", "out.parquet"), _repeated, 0, ""),
    Case("an output that is the input", (*SCORE, "--out", CSV), _write(TABLE), 2, "would be overwritten"),
    Case("an output that is the model", (*SCORE, "--out", MODEL), _write(TABLE), 2, "would be overwritten"),
    Case("an output that is a device without room", (*SCORE, "--out", "/dev/full"), _write(TABLE), 3, "No space left"),
    Case("an output below a file", (*SCORE, "--out", "out/scores.csv"), _read_only, 2, "expected a folder or nothing"),
    Case(
        "labels that are not labels",
        ("threshold", MODEL, "--best-f1", "--data", CSV, "--label", "L"),
        _write(f"{_HEADER},L\n{_ROW},2\n"),
        2,
        "L",
    ),
    Case(
        "too few rows to calibrate on",
        ("threshold", MODEL, "--false-alarms", "0.001", "--data", CSV),
        _write(TABLE),
        2,
        "rows",
    ),
    Case("a column to train on that is text", TRAIN, _write("a,b\n1,x\n2,y\n"), 2, "found 2 ordinary rows"),
    Case("true and false to train on", TRAIN, _write("a,b\n" + "1,True\n2,False\n" * 20), 0, ""),
    Case(
        "labels of -1 and 1 to train on",
        (*TRAIN, "--label", "L"),
        _write("a,b,L\n" + "1,2,1\n" * 20 + "1,2,-1\n"),
        2,
        "holds 1 (20 rows), -1 (1 row). Which of them mean an anomaly?",
    ),
    Case("a row to train on", TRAIN, _write("a,b\n1,2\n"), 2, "row"),
    Case(
        "a rate of NaN",
        ("threshold", MODEL, "--false-alarms", "nan", "--data", CSV),
        _write(TABLE),
        2,
        "nan",
    ),
    Case("a threshold that is not a number", ("threshold", MODEL, "--set", "nan"), _write(TABLE), 2, "nan"),
)
