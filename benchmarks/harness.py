"""What the benchmark scripts share: interleaved timing, tables, and how a result is kept and read again."""

import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from aetk.base import typed_json
from aetk.edge.bench import environment
from aetk.render.format import table
from aetk.render.report_json import to_data

ROOT = Path(__file__).resolve().parent
DATA = ROOT.parent.parent / "shared" / "data"
SEEDS = (41, 1, 2, 3, 4, 5)
SCHEMA_VERSION = 1
_PACKAGES = ("torch", "pandas", "pyarrow", "scikit-learn", "pyod", "skl2onnx", "openvino")
_PAUSE = 0.02
"""Seconds between variants, in which the last one's threads stop spinning on the next one's processors."""
_RESULT = typed_json.Document("result", "Run the benchmark again.")


@dataclass(frozen=True)
class Timing:
    """One variant.

    Attributes:
        name: of the variant.
        rows: of one call.
        rounds: seconds of every call, raw and in order, one list a round; nothing is left out.
        skipped: why it was not measured; empty where it was.
    """

    name: str
    rows: int
    rounds: tuple[tuple[float, ...], ...]
    skipped: str = ""

    @property
    def seconds(self) -> float:
        """Median of the rounds' medians, seconds a call."""
        return median(median(samples) for samples in self.rounds)

    @property
    def rows_per_second(self) -> float:
        """Throughput at the median."""
        return self.rows / self.seconds

    @property
    def unstable(self) -> bool:
        """Whether the quartiles of the rounds lie further apart than a tenth of the median: the machine was busy."""
        found = spread([median(samples) for samples in self.rounds])
        return found.high - found.low > 0.1 * found.median


@dataclass(frozen=True)
class Ratio:
    """How many times longer one variant takes for a row than another: median and quartiles over the rounds."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.low:.3g} to {self.high:.3g})"


def ratio(slow: Timing, fast: Timing) -> Ratio:
    """Time per row of `slow` over `fast`, paired by round, so that drift of the machine cancels."""
    pairs = zip(slow.rounds, fast.rounds, strict=True)
    return spread([median(s) / slow.rows / (median(f) / fast.rows) for s, f in pairs])


def spread(values: Sequence[float]) -> Ratio:
    """Median and quartiles."""
    low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return Ratio(middle, low, high)


@dataclass(frozen=True)
class Variant:
    """What to time: a call without arguments and the rows that it handles, or why there is none."""

    call: Callable[[], object] | None
    rows: int
    skipped: str = ""


def attempt(rows: int, make: Callable[[], Callable[[], object]]) -> Variant:
    """A variant ready to be timed, warmed up by one call; skipped, with the reason, where it does not work."""
    try:
        call = make()
        call()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a peer is its result
        return Variant(None, rows, reason(error))
    return Variant(call, rows)


def reason(error: BaseException) -> str:
    """An error in one line."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"[:200]


def interleave(
    variants: Mapping[str, Variant], rounds: int, *, burst: int = 20, seconds: float = 0.1
) -> tuple[Timing, ...]:
    """Time each variant in turn, round after round; a turn ends after `burst` calls or so many seconds."""
    samples: dict[str, list[tuple[float, ...]]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            if variant.call is not None:
                time.sleep(_PAUSE)
                samples[name].append(_turn(variant.call, burst, seconds))
    return tuple(Timing(name, v.rows, tuple(samples[name]), v.skipped) for name, v in variants.items())


def _turn(call: Callable[[], object], burst: int, seconds: float) -> tuple[float, ...]:
    samples: list[float] = []
    end = time.perf_counter() + seconds
    while len(samples) < burst:
        start = time.perf_counter()
        call()
        now = time.perf_counter()
        samples.append(round(now - start, 9))
        if now >= end:
            break
    return tuple(samples)


def named(timings: Sequence[Timing]) -> dict[str, Timing]:
    """Those that were measured, by name."""
    return {timing.name: timing for timing in timings if timing.rounds}


@dataclass(frozen=True)
class Table:
    """A table for the screen and for README.md."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        return f"{self.title}\n{table(self.head, self.rows)}"

    def markdown(self) -> str:
        """The table in GitHub's dialect."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join([f"{self.title}:", "", *(f"| {' | '.join(cells)} |" for cells in lines)])


@dataclass(frozen=True)
class Goal:
    """What a figure was meant to be, and what it was found to be."""

    what: str
    found: float
    bound: float
    at_least: bool

    def cells(self) -> list[str]:
        """A row of `goals`."""
        met = self.found >= self.bound if self.at_least else self.found <= self.bound
        wanted = f"{'at least' if self.at_least else 'at most'} {self.bound:g}"
        return [self.what, wanted, f"{self.found:.4g}", "yes" if met else "NO"]


def goals(found: Sequence[Goal]) -> Table:
    """Which goals were met, without rounding in anyone's favour."""
    return Table("Goals", ("figure", "goal", "found", "met"), [goal.cells() for goal in found])


def skipped(timings: Sequence[Timing]) -> tuple[Table, ...]:
    """What was not measured, and why; no table where there is nothing to tell."""
    rows = [[t.name, f"{t.rows:,}", t.skipped] for t in timings if t.skipped]
    return (Table("Skipped", ("variant", "rows", "reason"), rows),) if rows else ()


def keep(name: str, result: Any) -> Path:
    """Write `results/NAME.json`: the figures with the machine and the versions behind them."""
    path = ROOT / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    document = {
        "schema_version": SCHEMA_VERSION,
        "environment": {**environment(), **_versions(), "load_average": f"{os.getloadavg()[2]:.1f}"},
        "result": to_data(result),
    }
    lines = json.dumps(document, indent=1, allow_nan=False) + "\n"
    path.write_text(re.sub(r"\[[\s\d.,eE+-]*\]", lambda numbers: " ".join(numbers[0].split()), lines))
    print(f"wrote: {path.relative_to(ROOT.parent)}")
    return path


def read(name: str, kind: Any) -> tuple[dict[str, str], Any]:
    """The environment and the result, as `kind`, of a kept file; BadInput where it is not of that schema."""
    document = json.loads((ROOT / "results" / f"{name}.json").read_text())
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"{name}.json is of schema {document['schema_version']}; expected {SCHEMA_VERSION}")
    return document["environment"], typed_json.read(kind, document["result"], "result", _RESULT)


def show(tables: Sequence[Table]) -> None:
    """Print tables, an empty line between them."""
    print("\n\n".join(map(str, tables)))


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
