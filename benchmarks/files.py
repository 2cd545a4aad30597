"""How fast, and in how much memory, is a large file scored?

Theory. Reading, scoring and writing can overlap, and none of them needs more than a few blocks of rows at once; a data
frame needs all rows, and one call over all of them needs room for every row's activations as well.

How. A Parquet file of 10,000,000 x 30 float32 rows (row groups of 1,000,000) and a CSV of 2,000,000 rows, creditcard's
training rows tiled and jittered, are made in chunks. Each way is a fresh process that reads the file and writes the
scores in the same format: `aetk score` from the command line; pandas with one `session.run` over all rows, default
options, then `to_parquet` or `to_csv`. For CSV, pandas is measured with its own reader and with `engine="pyarrow"`,
which uses all processors. Processes run in turn; seconds count from start to exit. Peak memory is the resident maximum
that the kernel reports for the process, which a small launcher starts, since a child inherits the maximum of what
started it. The answers must have the right number of rows, and similarities within 1e-5 of one another.

Limits. The file cache is warm and writes are not synced by pandas (aetk syncs). pandas over 10,000,000 rows needs some
17 GiB: where less is free it is skipped. About nine minutes, and 3 GiB of disk.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

import subject
from aetk.contract import spec
from aetk.render.format import seconds, size
from harness import Goal, Table, Timing, goals, keep, named, ratio, show
from harness import skipped as skipped_table

ROWS = {"Parquet": 10_000_000, "CSV": 2_000_000}
ROUNDS = 3
CHUNK = 1_000_000
AETK, PANDAS, PANDAS_ARROW = "aetk score", "pandas, one session.run", "pandas with pyarrow's reader, one session.run"
NEEDED = 18 * 2**30
"""Bytes that must be free before pandas may take 10,000,000 rows at once."""

LAUNCH = """
import json, os, resource, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
errors = child.stderr.read()
code = child.wait()
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print(json.dumps({"seconds": time.perf_counter() - began, "code": code, "peak": peak, "errors": errors[-2000:]}))
"""
BY_PANDAS = """
import sys
import onnxruntime
import pandas as pd
model, data, out, names, reader = sys.argv[1:]
names = names.split(",")
frame = pd.read_parquet(data, columns=names) if data.endswith("parquet") else pd.read_csv(
    data, usecols=names, dtype="float32", engine=reader)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
outputs = ["similarity", "is_anomaly", "is_valid"]
answers = session.run(outputs, {"features": frame[names].to_numpy("float32")})
scores = pd.DataFrame(dict(zip(outputs, answers)))
scores.index.name = "row"
scores.index += 1
if out.endswith("parquet"):
    scores.reset_index().to_parquet(out, index=False)
else:
    scores.to_csv(out)
"""


@dataclass(frozen=True)
class Way:
    """One way to score a file: seconds of each process, and the most memory that any of them took."""

    timing: Timing
    peak_bytes: int


@dataclass(frozen=True)
class File:
    """One file, scored in each way; `difference` is the largest in similarity between two ways."""

    kind: str
    bytes: int
    ways: tuple[Way, ...]
    difference: float


RESULT = tuple[File, ...]


def write(path: Path, rows: int) -> None:
    """Make a table of creditcard rows, a chunk at a time, as Parquet or CSV by the ending."""
    schema = pa.schema([(name, pa.float32()) for name in subject.FEATURES])
    make = pq.ParquetWriter if path.suffix == ".parquet" else pyarrow.csv.CSVWriter
    with make(str(path), schema) as writer:
        for start in range(0, rows, CHUNK):
            values = subject.many(min(CHUNK, rows - start), seed=start)
            writer.write_table(pa.table([pa.array(column) for column in values.T], schema=schema))


@dataclass(frozen=True)
class Done:
    """A process that has ended well."""

    seconds: float
    peak_bytes: int


def launch(command: Sequence[str]) -> Done:
    """Run a command in a fresh process; RuntimeError with its last words where it fails."""
    launcher = [sys.executable, "-S", "-c", LAUNCH, *command]
    found = json.loads(subprocess.run(launcher, capture_output=True, text=True, check=True).stdout)
    if found["code"]:
        last = (found["errors"].strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"exit code {found['code']}: {last}")
    return Done(found["seconds"], found["peak"])


def aetk_score(model: Path, data: Path, out: Path) -> list[str]:
    """The command line."""
    return [str(Path(sys.executable).parent / "aetk"), "score", str(model), str(data), "--out", str(out)]


def _by_pandas(model: Path, data: Path, out: Path, reader: str) -> list[str]:
    return [sys.executable, "-c", BY_PANDAS, str(model), str(data), str(out), ",".join(subject.FEATURES), reader]


def _free_bytes() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))


def _similarity(path: Path, rows: int) -> np.ndarray:
    if path.suffix == ".parquet":
        table = pq.read_table(path, columns=["row", "similarity"])
    else:
        table = pyarrow.csv.read_csv(path).select(["row", "similarity"])
    if table.num_rows != rows or pc.sum(table["row"]).as_py() != rows * (rows + 1) // 2:
        raise RuntimeError(f"{path.name} has {table.num_rows:,} rows; expected {rows:,}, each once")
    return table["similarity"].to_numpy()


def measure(kind: str, model: Path, folder: Path) -> File:
    """Make one file and score it in each way, in turn."""
    rows, ending = ROWS[kind], kind.lower()
    data = folder / f"rows.{ending}"
    write(data, rows)
    ways = {AETK: folder / f"aetk.{ending}", PANDAS: folder / f"pandas.{ending}"}
    commands = {AETK: aetk_score(model, data, ways[AETK]), PANDAS: _by_pandas(model, data, ways[PANDAS], "c")}
    if kind == "CSV":
        ways[PANDAS_ARROW] = folder / "arrow.csv"
        commands[PANDAS_ARROW] = _by_pandas(model, data, ways[PANDAS_ARROW], "pyarrow")
    done: dict[str, list[Done]] = {name: [] for name in commands}
    failed: dict[str, str] = {}
    for _ in range(ROUNDS):
        for name in [name for name in commands if name not in failed]:
            try:
                if name == PANDAS and kind == "Parquet" and _free_bytes() < NEEDED:
                    raise RuntimeError(f"only {size(_free_bytes())} of memory are free")
                done[name].append(launch(commands[name]))
            except RuntimeError as error:
                failed[name] = str(error)
                print(f"{kind}, {name}: {error}", flush=True)
    found = [_similarity(ways[name], rows) for name in commands if name not in failed]
    difference = max((float(np.abs(other - found[0]).max()) for other in found[1:]), default=0.0)
    if difference > spec.TOLERANCE:
        raise RuntimeError(f"{kind}: similarities differ by {difference:.2g}; expected at most {spec.TOLERANCE:g}")

    def way(name: str) -> Way:
        kept = [] if name in failed else done[name]
        rounds = tuple((d.seconds,) for d in kept)
        return Way(Timing(name, rows, rounds, failed.get(name, "")), max((d.peak_bytes for d in kept), default=0))

    result = File(kind, data.stat().st_size, tuple(way(name) for name in commands), difference)
    for path in (data, *ways.values()):
        path.unlink(missing_ok=True)
    return result


def tables(result: Sequence[File]) -> Sequence[Table]:
    """The figures as tables."""
    rows, wanted = [], []
    for file in result:
        found = named([way.timing for way in file.ways])
        for way in file.ways:
            t = way.timing
            if not t.skipped:
                cells = [seconds(t.seconds), f"{t.rows_per_second / 1e6:.3g} M", str(ratio(t, found[AETK]))]
                rows.append([f"{file.kind}, {t.rows:,} rows, {size(file.bytes)}", t.name, *cells, size(way.peak_bytes)])
        if PANDAS in found and file.kind == "Parquet":
            faster = ratio(found[PANDAS], found[AETK]).median
            wanted.append(Goal("Parquet: pandas and one session.run / aetk score", faster, 2.5, True))
        if file.kind == "Parquet":
            peak = next(way.peak_bytes for way in file.ways if way.timing.name == AETK)
            wanted.append(Goal("Parquet: peak memory of aetk score, MiB", peak / 2**20, 600, False))
    head = ("file", "", "median", "rows/s", "of aetk's time", "peak memory")
    differences = Table(
        "Largest difference in similarity between two ways", ("file", "difference"),
        [[file.kind, f"{file.difference:.1e}"] for file in result],
    )  # fmt: skip
    every = [way.timing for file in result for way in file.ways]
    return Table("From file to file", head, rows), differences, goals(wanted), *skipped_table(every)


def main() -> None:
    """Measure, show and keep."""
    result = []
    with tempfile.TemporaryDirectory() as folder:
        model = subject.make(Path(folder)).model
        for kind in ROWS:
            result.append(measure(kind, model, Path(folder)))
            print(f"{kind}: done", flush=True)
    show(tables(result))
    keep("files", result)


if __name__ == "__main__":
    main()
