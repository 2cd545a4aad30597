"""CSV and Parquet tables, and the TOML files of recipes."""

import bz2
import csv
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aetk.base.errors import AetkError
from aetk.contract.reading import DEFAULT, read_encoding, read_format
from aetk.edge.model import load
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.scoring.table_file import score_file
from aetk.edge.tables import csv_arrow, source
from aetk.edge.tables.read import read_chunks
from aetk.lab.presets import find_recipe

from ..case import FEATURES, REFERENCE
from .family import ACCEPTED, RAN, Family, Wrong, mutate_bytes

_FORMATS = Path(__file__).parents[2] / "tables/formats.json"
_CELLS = (
    "", "NA", "nan", "NULL", "inf", "-Infinity", "1e400", "-1e-400", "0x10", "1_000", "1,5", "1.5.2", "+", "e5", ".5",
    "5.", " 1", "1 ", "\t1", "１", "٣", "é", '"', '""', "a\nb", "a\r\nb", "\0", "=1+1", "-2", "1e5", "9" * 400,
    "\ufeff1", "true", "#N/A",
)  # fmt: skip


def family() -> tuple[Family, ...]:
    return (
        Family("CSV tables", 22_000, 0.7, _csv),
        Family("tables of other formats", 20_000, 0.6, _formats),
        Family("Parquet tables", 5_000, 0.5, _parquet),
        Family("recipes", 2_000, 0.5, _recipes),
    )


def _rows() -> np.ndarray[Any, Any]:
    quantiles = np.array([feature.quantiles for feature in load(REFERENCE).card.features])
    return np.ascontiguousarray(quantiles.T[:6])


def _csv(folder: Path) -> Callable[[random.Random, bool], str]:
    scorer = Scorer(REFERENCE, threads=1)
    header = ["ID", *FEATURES]
    table = [[f"row {i}", *map(repr, row.tolist())] for i, row in enumerate(_rows())]
    plain = _written([header, *table], "\n")
    path, out = folder / "table.csv", folder / "out.csv"

    def attempt(chance: random.Random, structured: bool) -> str:
        data = _odd_table(header, table, chance) if structured else mutate_bytes(plain, chance)
        path.write_bytes(data)
        fast = _fast(data, header)
        try:
            careful = _values(path)
        except AetkError:
            if fast is not None and structured and data.startswith(plain[: plain.index(b"\n")]):
                raise Wrong("the fast reader took what the careful one refuses") from None
            raise
        if fast is not None and not (fast.shape == careful.shape and np.array_equal(fast, careful, equal_nan=True)):
            raise Wrong("the fast and the careful reader differ")
        report = score_file(REFERENCE, path, out=out, id_column="ID", threads=1)
        expected = scorer.score(careful.astype(np.float32))
        with out.open(newline="", encoding="utf-8") as file:
            written = list(csv.DictReader(file))
        if report.rows != len(careful) or [row["is_anomaly"] for row in written] != [
            str(int(flag)) for flag in expected.is_anomaly
        ]:
            raise Wrong("the verdicts are not those of the cells")
        return RAN

    return attempt


def _written(rows: list[list[str]], end: str, quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=end, quoting=quoting).writerows(rows)
    return buffer.getvalue().encode("utf-8", "surrogatepass")


def _odd_table(header: list[str], table: list[list[str]], chance: random.Random) -> bytes:
    rows = [list(row) for row in [header, *table]]
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        row = chance.choice(rows)
        if not row:
            continue
        kind, place = chance.randrange(8), chance.randrange(len(row))
        if kind == 0:
            del row[place]
        elif kind == 1:
            row.insert(place, row[place])
        elif kind == 2:
            rows.insert(chance.randrange(1, len(rows)), [])
        else:
            row[place] = chance.choice(_CELLS)
    data = _written(rows, chance.choice(("\n", "\r\n", "\r")), chance.choice((csv.QUOTE_MINIMAL, csv.QUOTE_ALL)))
    coding = chance.choice(("utf-8",) * 8 + ("utf-8-sig", "utf-16", "latin-1"))
    data = data.decode("utf-8", "replace").encode(coding, "replace")
    return data[:-1] if chance.random() < 0.2 else data


def _fast(data: bytes, header: list[str]) -> "np.ndarray[Any, Any] | None":
    parse = csv_arrow.block_parser(header, FEATURES, ["ID"], np.float64)
    first, _, rest = data.partition(b"\n")
    if parse is None or first.rstrip(b"\r").decode("utf-8", "replace").split(",") != header or not rest:
        return None
    found = parse(rest)
    return None if found is None else found[0]


def _values(path: Path) -> "np.ndarray[Any, Any]":
    return np.concatenate([chunk.values for chunk in read_chunks(path, FEATURES, ["ID"])])


_SIGNS = (
    ";",
    ",",
    "\t",
    "|",
    " ",
    "  ",
    '"',
    "'",
    "#",
    "%",
    ".",
    "\n",
    "\r\n",
    "\r",
    "\ufeff",
    "\u00a0",
    "0x",
    "é",
    "\0",
)
_PACKING: tuple[Callable[[bytes], bytes], ...] = (gzip.compress, bz2.compress, lzma.compress)


def _formats(folder: Path) -> Callable[[random.Random, bool], str]:
    """Text files of contract 2: every way that reads one must read the same, or refuse the same."""
    cases = json.loads(_FORMATS.read_text())["cases"]
    path = folder / "table.txt"

    def attempt(chance: random.Random, structured: bool) -> str:
        case = chance.choice(cases)
        data = _odd_text(case, chance) if structured else mutate_bytes(case["content"].encode("latin-1"), chance)
        is_packed = chance.random() < 0.1
        if is_packed:
            packed = chance.choice(_PACKING)(data)
            data = packed if chance.random() < 0.5 else mutate_bytes(packed, chance)
        path.write_bytes(data)
        careful, fast = _outcome(path, case, 2**22), _outcome(path, case, chance.choice((8, 64)))
        are_refused = isinstance(careful, AetkError) and isinstance(fast, AetkError)
        is_converted = is_packed or (case["table"] or {}).get("encoding", "utf-8") != "utf-8"
        # the fault of damaged compressed data, or of an encoding, is found sooner or later than those of the rows
        if repr(careful) != repr(fast) and not (are_refused and is_converted):
            raise Wrong(f"read at once {case['name']!r} gives {careful!r}, in pieces {fast!r}"[:400])
        if isinstance(careful, AetkError):
            raise careful
        return RAN

    return attempt


def _odd_text(case: dict[str, Any], chance: random.Random) -> bytes:
    """A case whose text was changed in a few places, of more rows than it had."""
    content = case["content"].encode("latin-1")
    coding = (case["table"] or {}).get("encoding", "utf-8")
    coding = {"utf-16": "utf-16-le"}.get(coding, coding)
    text = content.decode(coding, "replace")
    lines = text.splitlines(keepends=True)
    text = "".join(lines[:-1] + lines[-1:] * chance.choice((1, 1, 3, 20)))
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        place = chance.randrange(len(text) + 1)
        end = place + chance.choice((0, 0, 1, 2))
        text = text[:place] + chance.choice((*_SIGNS, *_CELLS, "")) + text[end:]
    return text.encode(coding, "replace")


def _outcome(path: Path, case: dict[str, Any], block_bytes: int) -> Any:
    """The rows of a file that is read in blocks of this size, or the error that refused it."""
    features = case["features"]
    table = DEFAULT if case["table"] is None else read_format(case["table"])
    encodings = [read_encoding(feature) for feature in features]
    before, source.BLOCK_BYTES = source.BLOCK_BYTES, block_bytes
    rows, places = [], []
    try:
        for chunk in read_chunks(path, [feature["name"] for feature in features], encodings=encodings, table=table):
            rows += chunk.values.tolist()
            places += chunk.places.tolist()
    except AetkError as error:
        return error
    finally:
        source.BLOCK_BYTES = before
    return rows, places


def _parquet(folder: Path) -> Callable[[random.Random, bool], str]:
    path, out = folder / "table.parquet", folder / "out.parquet"
    rows = _rows()
    plain = io.BytesIO()
    pq.write_table(pa.table({name: rows[:, i] for i, name in enumerate(FEATURES)}), plain)

    def attempt(chance: random.Random, structured: bool) -> str:
        if structured:
            _odd_parquet(rows, path, chance)
        else:
            path.write_bytes(mutate_bytes(plain.getvalue(), chance))
        report = score_file(REFERENCE, path, out=out, threads=1)
        if pq.read_metadata(out).num_rows != report.rows:
            raise Wrong("rows were lost")
        return RAN

    return attempt


_KINDS: tuple[Callable[[Any], Any], ...] = (
    lambda values: pa.array(values, pa.float32()),
    lambda values: pa.array(values.astype(np.int64)),
    lambda values: pa.array(values.astype(np.float16)),
    lambda values: pa.array([None, *values[1:]]),
    lambda values: pa.array(values).dictionary_encode(),
    lambda values: pa.array(values.round(3)).cast(pa.decimal128(30, 6), safe=False),
    lambda values: pa.array(list(map(str, values))),
    lambda values: pa.array([[value] for value in values]),
    lambda values: pa.array([{"x": value} for value in values]),
    lambda values: pa.nulls(len(values)),
    lambda values: pa.array(values.astype(np.int64), pa.timestamp("s")),
    lambda values: pa.array([2**64 - 1] * len(values), pa.uint64()),
    lambda values: pa.array(values > 1),
)


def _odd_parquet(rows: "np.ndarray[Any, Any]", path: Path, chance: random.Random) -> None:
    columns: dict[str, Any] = {name: pa.array(rows[:, i]) for i, name in enumerate(FEATURES)}
    for _ in range(chance.choice((1, 2))):
        name = chance.choice(FEATURES)
        columns[name] = chance.choice(_KINDS)(rows[:, FEATURES.index(name)])
    if chance.random() < 0.2:
        del columns[chance.choice(FEATURES)]
    compression = chance.choice(("none", "snappy", "zstd", "gzip"))
    pq.write_table(pa.table(columns), path, compression=compression, row_group_size=chance.choice((1, 2, 100)))


def _recipes(folder: Path) -> Callable[[random.Random, bool], str]:
    path = folder / "recipe.toml"
    values = (
        "0",
        "-1",
        "1e9",
        "true",
        '"x"',
        "[]",
        "[[]]",
        "[[0]]",
        "[[1e3]]",
        "nan",
        "inf",
        "{}",
        "99999999999999999999",
    )

    def attempt(chance: random.Random, structured: bool) -> str:
        lines = [
            'base = "small"',
            "kappa = 2.0",
            "networks = [[64], [32, 32]]",
            "memory = 8",
            "trim = 0.02",
            "steps = 50",
        ]
        if structured:
            place = chance.randrange(len(lines))
            lines[place] = f"{lines[place].split(' ')[0]} = {chance.choice(values)}"
            path.write_text("\n".join(lines))
        else:
            path.write_bytes(mutate_bytes("\n".join(lines).encode(), chance))
        find_recipe(path)
        return ACCEPTED

    return attempt
