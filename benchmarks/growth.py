"""How does the time of scoring grow with the rows, and with the features?

Theory. Scoring is one pass: from the point on where the call itself no longer counts, time is proportional to the
rows, a slope of 1 in log-log axes. A row of n features costs the default recipe 2 (2 x 80 n + 2 x 6,400) operations for
its deep network, 2 (2 x 256 n) for the wide one and 2 (2 x 512 n) for its memory, so that time tends to a slope of 1 as
soon as n is not small beside 8.

How. Rows: Scorer over arrays of 10^3 to 10^6 rows; 10^7 and 10^8 rows are the array of 10^6 scored again and again,
since 10^8 rows of 30 float32 are 12 GB. `aetk score` from Parquet to Parquet in fresh processes as well, 10^3 to 10^7
rows; there the start of a process costs a constant, so that the slope is that of the time beyond the smallest file's.
Features: models of the default recipe on random rows, 8 to 1,024 features, 20,000 rows each. Points of a series are
measured in turn, round after round, more than 10^6 rows once. A slope is a least-squares line through the medians,
from 10^5 rows or 128 features on.

Limits. Random rows stand in for wide tables, whose values do not matter for the time. About six minutes.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import subject
from aetk import Scorer
from aetk.lab.export.publish import export
from aetk.lab.training.trainer import train
from aetk.render.format import seconds
from files import aetk_score, launch, write
from harness import ROOT, Goal, Table, Timing, Variant, attempt, goals, interleave, keep, show, skipped

ARRAY = 10**6
ROWS = tuple(10**k for k in range(3, 9))
FILE_ROWS = tuple(10**k for k in range(3, 8))
FEATURES = tuple(2**k for k in range(3, 11))
FEATURE_ROWS = 20_000
LINEAR_FROM = {"rows": 10**5, "file": 10**5, "features": 128}
LINEAR = 1.05
"""The slope that still counts as linear."""
ROUNDS = 5
NAMES = {"rows": "Scorer", "file": "aetk score, Parquet", "features": f"Scorer, {FEATURE_ROWS:,} rows"}


@dataclass(frozen=True)
class Point:
    """The timing at one number of rows or features."""

    x: int
    timing: Timing


@dataclass(frozen=True)
class Growth:
    """Three series, smallest first."""

    rows: tuple[Point, ...]
    file: tuple[Point, ...]
    features: tuple[Point, ...]


RESULT = Growth


def _series(calls: dict[int, tuple[int, Callable[[], object]]]) -> tuple[Point, ...]:
    """Time calls by x; each comes with its rows. Those over 10^6 rows are timed once, and not warmed up."""
    few = {f"{x:,}": attempt(rows, lambda call=call: call) for x, (rows, call) in calls.items() if rows <= ARRAY}
    many = {f"{x:,}": Variant(call, rows) for x, (rows, call) in calls.items() if rows > ARRAY}
    timings = (*interleave(few, ROUNDS), *interleave(many, 1, burst=1))
    return tuple(Point(x, timing) for x, timing in zip(calls, timings, strict=True))


def by_rows(model: Path) -> tuple[Point, ...]:
    """Scorer on arrays, over and over where the rows are more than the array's."""
    scorer, array = Scorer(model), subject.many(ARRAY)

    def call(rows: int) -> Callable[[], object]:
        part = array[: min(rows, ARRAY)]
        return lambda: [scorer.score(part) for _ in range(rows // len(part))]

    return _series({rows: (rows, call(rows)) for rows in ROWS})


def by_file(model: Path, folder: Path) -> tuple[Point, ...]:
    """`aetk score` on Parquet files."""

    def call(rows: int) -> Callable[[], object]:
        data = folder / f"{rows}.parquet"
        write(data, rows)
        return lambda: launch(aetk_score(model, data, folder / f"{rows}.scores.parquet"))

    return _series({rows: (rows, call(rows)) for rows in FILE_ROWS})


def by_features(folder: Path) -> tuple[Point, ...]:
    """Scorer on models of growing width, trained for one epoch: speed depends on the shape alone."""
    random = np.random.default_rng(41)

    def call(n: int) -> Callable[[], object]:
        rows = random.standard_normal((FEATURE_ROWS, n), np.float32)
        frame = pd.DataFrame(rows[:2000], columns=[f"x{i}" for i in range(n)])
        run = train(frame, epochs=1, device="cpu", out=folder / f"run-{n}").run
        scorer = Scorer(export(run, out=folder / f"{n}.onnx").model)
        return lambda: scorer.score(rows)

    return _series({n: (FEATURE_ROWS, call(n)) for n in FEATURES})


def slope(result: Growth, name: str) -> float:
    """Of a least-squares line through log time over log x; of a file, time beyond that of the smallest one."""
    points = [p for p in getattr(result, name) if p.timing.rounds]
    start = points[0].timing.seconds if name == "file" else 0.0
    kept = [p for p in points if p.x >= LINEAR_FROM[name]]
    return float(np.polyfit(np.log([p.x for p in kept]), np.log([p.timing.seconds - start for p in kept]), 1)[0])


def draw(result: Growth) -> Path:
    """Both growths in log-log axes, with a line of slope 1 to compare with."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, names in ((left, ("rows", "file")), (right, ("features",))):
        for name in names:
            points = [p for p in getattr(result, name) if p.timing.rounds]
            x, y = [p.x for p in points], [p.timing.seconds for p in points]
            label = f"{NAMES[name]}: slope {slope(result, name):.2f} from {LINEAR_FROM[name]:,} on"
            axes.plot(x, y, marker="o", label=label)
        last = getattr(result, names[0])[-1]
        x, y = np.array([last.x / 8, last.x]), last.timing.seconds
        axes.plot(x, 1.5 * y * x / last.x, color="grey", linestyle=":", label="slope 1")
        axes.set(xscale="log", yscale="log", ylabel="seconds")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", fontsize=8)
    left.set_xlabel("rows of 30 features")
    right.set_xscale("log", base=2)
    right.set_xlabel("features")
    path = ROOT / "results" / "growth.png"
    figure.savefig(path, dpi=110)
    print(f"wrote: {path.relative_to(ROOT.parent)}")
    return path


def _table(result: Growth, name: str, head: str) -> Table:
    rows = [
        [f"{p.x:,}", seconds(p.timing.seconds), f"{p.timing.rows_per_second / 1e6:.3g} M"]
        for p in getattr(result, name) if p.timing.rounds
    ]  # fmt: skip
    title = f"{NAMES[name]}: slope {slope(result, name):.3f} from {LINEAR_FROM[name]:,} on"
    return Table(title, (head, "time", "rows/s"), rows)


def tables(result: Growth) -> Sequence[Table]:
    """The figures as tables."""
    shown = [
        _table(result, name, head) for name, head in (("rows", "rows"), ("file", "rows"), ("features", "features"))
    ]
    wanted = [
        Goal(f"{NAMES[name]}: slope from {LINEAR_FROM[name]:,} rows on", slope(result, name), LINEAR, False)
        for name in ("rows", "file")
    ]
    every = [point.timing for point in (*result.rows, *result.file, *result.features)]
    return *shown, goals(wanted), *skipped(every)


def main() -> None:
    """Measure, show, draw and keep."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = subject.make(folder).model
        rows = by_rows(model)
        print("rows: done", flush=True)
        file = by_file(model, folder)
        print("files: done", flush=True)
        result = Growth(rows, file, by_features(folder))
    show(tables(result))
    draw(result)
    keep("growth", result)


if __name__ == "__main__":
    main()
