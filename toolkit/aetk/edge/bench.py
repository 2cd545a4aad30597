"""Measures a model on the execution providers of this machine, and says where every node ran."""

import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.contract.card import QUANTILE_LEVELS, Card, between_quantiles
from aetk.contract.errors import BadInput, Unavailable
from aetk.edge.model import load
from aetk.edge.probe import Probe, probe
from aetk.edge.providers import Provider, find_provider
from aetk.edge.runtime import onnxruntime, usable_cpus
from aetk.edge.session import Session, open_session

SCHEMA_VERSION = 1
BATCHES = (1, 16, 64, 256, 1024, 4096, 16384, 65536)
PROVIDERS = ("cpu", "cuda")
_SAMPLES_NEEDED = {50: 10, 90: 100, 99: 1000}
_MOST_SAMPLES = 20_000
_SLICE = 0.05
"""Seconds that a variant runs before the next one's turn, so that drift of the machine hits all alike."""


@dataclass(frozen=True)
class Measured:
    """One provider, batch size and thread count.

    Attributes:
        threads: intra-op threads; None where ONNX Runtime chose.
        cold: what a fresh process needed.
        samples: seconds of every run after the warm-up, raw and in order.
        placement: nodes of the optimized graph per provider: the evidence of where it ran.
        options: of the provider; `use_tf32` is 0 on CUDA.
    """

    provider: str
    batch: int
    threads: int | None
    cold: Probe
    samples: tuple[float, ...]
    placement: dict[str, int]
    options: dict[str, str] = field(default_factory=dict)

    def percentile(self, percent: int) -> float | None:
        """Seconds; None where there are too few samples to support it."""
        if len(self.samples) < _SAMPLES_NEEDED[percent]:
            return None
        return float(np.percentile(self.samples, percent))

    @property
    def rows_per_second(self) -> float:
        """Throughput over all samples."""
        return self.batch * len(self.samples) / math.fsum(self.samples)


@dataclass(frozen=True)
class Skipped:
    """A provider that could not be measured, and why."""

    provider: str
    reason: str


@dataclass(frozen=True)
class BenchReport:
    """A benchmark of one model on one machine."""

    schema_version: int
    model: Path
    model_sha256: str
    environment: dict[str, str]
    seconds: float
    measured: tuple[Measured, ...]
    skipped: tuple[Skipped, ...]


@dataclass
class _Variant:
    """A session in the making of its figures."""

    session: Session
    batch: int
    threads: int | None
    rows: NDArray[np.float32]
    cold: Probe
    samples: list[float] = field(default_factory=list)

    def run_for(self, seconds: float) -> None:
        """Time single runs for a slice of time, at least one."""
        run, end = self.session.run, time.perf_counter() + seconds
        while len(self.samples) < _MOST_SAMPLES:
            start = time.perf_counter()
            run(self.rows)
            now = time.perf_counter()
            self.samples.append(now - start)
            if now >= end:
                break

    def result(self) -> Measured:
        return Measured(
            self.session.provider.short,
            self.batch,
            self.threads,
            self.cold,
            tuple(self.samples),
            self.session.placement,
            self.session.provider.options,
        )


def bench(
    model: str | Path,
    *,
    providers: Sequence[str] = PROVIDERS,
    batches: Sequence[int] = BATCHES,
    threads: Sequence[int | None] = (None,),
    seconds: float = 45.0,
    require: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> BenchReport:
    """Measure a model over providers, batch sizes and thread counts, interleaved.

    Args:
        model: an exported model.
        providers: short names; one that does not work here is skipped with its reason.
        batches: rows per run.
        threads: intra-op thread counts of the CPU; None leaves the choice to ONNX Runtime.
        seconds: for the whole grid.
        require: providers that must work.
        progress: told in words what is being done.

    Raises:
        BadInput: not a model of the contract, or an empty or impossible grid.
        Unavailable: a required provider does not work here.
    """
    if not batches or min(batches) < 1 or not seconds > 0 or any(t is not None and t < 1 for t in threads):
        raise BadInput("Batch sizes, threads and seconds must be positive.")
    started = time.perf_counter()
    loaded = load(Path(model))
    wanted = dict.fromkeys([*require, *providers])  # what must work is tried first
    variants: list[_Variant] = []
    skipped: list[Skipped] = []
    for provider in [find_provider(short) for short in wanted]:
        progress(f"loading on {provider.short}")
        try:
            variants += _open_variants(loaded.path, loaded.data, loaded.card, provider, batches, threads)
        except Unavailable as error:
            if provider.short in require:
                raise Unavailable(
                    f"{provider.short} is required and does not work here: {error.message}", error.hint
                ) from None
            skipped.append(Skipped(provider.short, error.message))
    if not variants:
        raise Unavailable("None of the providers works here: " + " ".join(s.reason for s in skipped))
    _measure(variants, started + seconds, progress)
    return BenchReport(
        schema_version=SCHEMA_VERSION,
        model=loaded.path,
        model_sha256=loaded.card.model_sha256,
        environment=environment(),
        seconds=time.perf_counter() - started,
        measured=tuple(variant.result() for variant in variants),
        skipped=tuple(skipped),
    )


def _open_variants(
    path: Path, model: bytes, card: Card, provider: Provider, batches: Sequence[int], threads: Sequence[int | None]
) -> list[_Variant]:
    variants = []
    for count in dict.fromkeys(threads) if provider.short == "cpu" else (None,):
        session = open_session(model, provider, threads=count)
        for batch in dict.fromkeys(batches):
            cold = probe(path, provider.short, batch, count)
            variants.append(_Variant(session, batch, count, ordinary_rows(card, batch), cold))
    return variants


def _measure(variants: Sequence[_Variant], deadline: float, progress: Callable[[str], None]) -> None:
    for variant in variants:  # warm-up, unmeasured
        variant.session.run(variant.rows)
    turn = 0
    while turn == 0 or time.perf_counter() < deadline:
        for variant in variants:
            variant.run_for(min(_SLICE, max(0.0, deadline - time.perf_counter())))
            if turn and time.perf_counter() >= deadline:
                return
        turn += 1
        progress(f"measuring, {max(0.0, deadline - time.perf_counter()):.0f} s left")
        if all(len(variant.samples) >= _MOST_SAMPLES for variant in variants):
            return


def ordinary_rows(card: Card, count: int) -> NDArray[np.float32]:
    """Rows drawn from the card's quantiles, float32 [count, n], the same each time."""
    levels = np.random.default_rng(0).uniform(QUANTILE_LEVELS[0], QUANTILE_LEVELS[-1], (count, len(card.features)))
    return np.ascontiguousarray(between_quantiles(card.features, levels), np.float32)


def environment() -> dict[str, str]:
    """The machine and the versions behind a measurement."""
    ort = onnxruntime()
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "usable_cpus": str(usable_cpus()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": ort.__version__,
        "onnxruntime_build": ort.get_build_info(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )


def newest_model(folder: Path = Path("exports")) -> Path:
    """The newest `.onnx` file of a folder, never of its subfolders; BadInput where there is none."""
    found = sorted(folder.glob("*.onnx"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not found:
        raise BadInput(f"There is no model in {folder}/.", "Make one with: aetk train, then: aetk export --onnx")
    return found[-1]
