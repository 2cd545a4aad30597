"""Does training on streamed rows, in one process or two, find the same anomalies, and what does it cost and spare?

Theory. Rows are streamed through a bounded buffer; under torchrun each process has its own part, gradients and
BatchNorm are over all processes, and scaling, threshold and the rows that calibrate are the same however many there
are. So quality should differ by no more than seeds do. A step of a few milliseconds waits longer for the other process
than it computes; a second process pays where a step is long.

How. `aetk train` in memory, streamed by one process, and by two under torchrun, each in processes of its own, in turn,
seed by seed. Card fraud has its own validation and test rows. Of the donors of ADBench, the first half of the ordinary
rows in file order trains; the other half and all anomalies are divided at random, seeded, into validation rows, on
which best-f1 chooses the threshold, and test rows. Long steps are of 16,384 rows. The large table is card fraud's
training rows, repeated and jittered; its peak memory is that of the largest process, as the kernel accounts for it.

Limits. CPU only, both processes on one machine of two cores: what is measured is that it works, and its overhead.
Collectives go through the loopback device, about a millisecond each on the machine of the kept result. About ten
minutes.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

import subject
from aetk.lab.metrics import measure
from aetk.lab.runs import read_run
from harness import DATA, Table, keep, show

SEEDS_HERE = (41, 42, 43)
WAYS = {"in memory": 0, "streamed, 1 process": 1, "torchrun, 2 processes": 2}
"""How many processes stream the rows. In the kept result, one process streamed under torchrun."""
CARDS, DONORS, LARGE = "creditcard", "donors", "creditcard, repeated"
LONG_STEPS = {"batch_rows": 16384, "steps": 100}
LARGE_ROWS, _AT_ONCE = 4_000_000, 250_000

_MEASURE = """import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)"""
"""A process of its own starts the command: a child counts what its parent held when it was forked."""


@dataclass(frozen=True)
class Fit:
    """One training.

    Attributes:
        way: a key of `WAYS`.
        batch_rows, steps: of the recipe, over all processes.
        rows: that gradients saw.
        fit_seconds: of the training loop; `seconds` are of the whole command.
        peak_mib: resident memory of the largest process.
        macro_f1: at the threshold handed over, and the rest, on test rows; None where there are none.
    """

    data: str
    way: str
    seed: int
    batch_rows: int
    steps: int
    rows: int
    fit_seconds: float
    seconds: float
    peak_mib: float
    macro_f1: float | None
    auroc: float | None
    average_precision: float | None


RESULT = tuple[Fit, ...]


def write_cards(folder: Path) -> None:
    """train, val and test.parquet."""
    for part in ("train", "val", "test"):
        rows, labels = subject.table(part)
        _write(folder / f"{part}.parquet", rows, labels)


def write_donors(folder: Path) -> None:
    """The same of ADBench's donors."""
    file = np.load(DATA / "adbench" / "11_donors.npz")
    rows, labels = file["X"].astype(np.float64), file["y"] == 1
    ordinary = rows[~labels]
    half = len(ordinary) // 2
    rest = np.concatenate([ordinary[half:], rows[labels]])
    truth = np.arange(len(rest)) >= len(ordinary) - half
    order = np.random.default_rng(0).permutation(len(rest))
    _write(folder / "train.parquet", ordinary[:half], np.zeros(half, bool))
    for part, chosen in zip(("val", "test"), np.array_split(order, 2), strict=True):
        _write(folder / f"{part}.parquet", rest[chosen], truth[chosen])


def _write(path: Path, rows: Any, labels: Any) -> None:
    frame = pd.DataFrame(rows).add_prefix("x").assign(label=labels.astype(np.int8))
    frame.to_parquet(path, row_group_size=2**15, index=False)


def write_large(folder: Path) -> None:
    """A folder `train.parquet/` of files of 250,000 unlabelled rows."""
    (folder / "train.parquet").mkdir()
    for number in range(LARGE_ROWS // _AT_ONCE):
        rows = subject.many(_AT_ONCE, seed=number)
        table = pa.table({f"x{i}": rows[:, i] for i in range(rows.shape[1])})
        pq.write_table(table, folder / "train.parquet" / f"part-{number:03}.parquet", row_group_size=2**16)


def train(folder: Path, data: str, way: str, seed: int, settings: Mapping[str, int]) -> Fit:
    """Train once, in processes of its own, and measure on the test rows."""
    out = folder / f"run-{time.monotonic_ns()}"
    processes = WAYS[way]
    several = processes > 1
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if several else []
    command = [sys.executable, *launcher, "-m", "aetk", "train", "train.parquet", "--device=cpu", f"--seed={seed}"]
    command += ["--stream" if processes else "--no-stream"]
    command += [f"--set={key}={value}" for key, value in settings.items()] + [f"--out={out}", "--json"]
    labelled = (folder / "test.parquet").exists()
    command += ["--val=val.parquet", "--label=label"] if labelled else []
    start = time.perf_counter()
    measured = [sys.executable, "-S", "-c", _MEASURE, "peak.txt", *command]
    done = subprocess.run(measured, cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stderr)
    report, peak = json.loads(done.stdout), int((folder / "peak.txt").read_text())
    recipe = json.loads((out / "run.json").read_text())["recipe"]
    quality = _quality(out, folder / "test.parquet") if labelled else (None, None, None)
    return Fit(
        data, way, seed, recipe["batch_rows"], report["steps"], report["rows"], round(report["fit_seconds"], 2),
        round(seconds, 2), round(peak / 1024, 1), *quality,
    )  # fmt: skip


def _quality(run: Path, path: Path) -> tuple[float, float | None, float | None]:
    detector = read_run(run).detector
    table = pd.read_parquet(path)
    rows = torch.tensor(table.drop(columns="label").to_numpy(np.float32))
    with torch.no_grad():
        similarity = torch.cat([detector(part)[0] for part in rows.split(2**14)]).numpy()
    found = measure(similarity, table["label"].to_numpy() == 1, float(detector.threshold))
    return found.macro_f1, found.auroc, found.average_precision


def run(folder: Path) -> Iterator[Fit]:
    """All trainings."""
    writers = {CARDS: write_cards, DONORS: write_donors, LARGE: write_large}
    for data, write in writers.items():
        (folder / data).mkdir()
        write(folder / data)
    for seed in SEEDS_HERE:
        for data, settings in ((CARDS, {}), (DONORS, {}), (DONORS, LONG_STEPS)):
            for way in WAYS:
                yield train(folder / data, data, way, seed, settings)
    for way in WAYS:
        yield train(folder / LARGE, LARGE, way, SEEDS_HERE[0], {})


def _spread(values: Sequence[float], scale: float, digits: int) -> str:
    return f"{scale * mean(values):.{digits}f} ± {scale * stdev(values):.{digits}f}"


def _seconds(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def tables(result: Sequence[Fit]) -> Sequence[Table]:
    """The figures as tables."""
    rows = []
    for data, batch_rows in dict.fromkeys((fit.data, fit.batch_rows) for fit in result if fit.data != LARGE):
        for way in dict.fromkeys(fit.way for fit in result):
            fits = [fit for fit in result if (fit.data, fit.batch_rows, fit.way) == (data, batch_rows, way)]
            f1, auroc, precision = (
                [getattr(fit, name) for fit in fits] for name in ("macro_f1", "auroc", "average_precision")
            )
            rows.append([
                data, f"{fits[0].steps} of {batch_rows:,} rows", way, _spread(f1, 1, 4), _spread(auroc, 100, 2),
                _spread(precision, 100, 2), _seconds([fit.fit_seconds for fit in fits]),
            ])  # fmt: skip
    head = ("data", "steps", "way", "macro F1", "AUROC, %", "average precision, %", "fit, seconds: median and range")
    count = len(SEEDS_HERE)
    learned = Table(f"Test rows, default recipe, mean ± standard deviation of {count} seeds", head, rows)
    large = [
        [fit.way, f"{fit.rows:,}", f"{fit.seconds:.1f}", f"{fit.fit_seconds:.1f}", f"{fit.peak_mib:,.0f}"]
        for fit in result
        if fit.data == LARGE
    ]
    head = ("way", "rows to fit on", "command, seconds", "of which fit", "peak memory of a process, MiB")
    return learned, Table(f"{LARGE_ROWS:,} rows of 30 features", head, large)


def main() -> None:
    """Measure, show and keep."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for fit in run(Path(folder)):
            print(fit, flush=True)
            found.append(fit)
    show(tables(found))
    keep("distributed", found)


if __name__ == "__main__":
    main()
