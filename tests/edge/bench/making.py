"""Rows and reports made of chosen samples, so that what is derived from them is known."""

from pathlib import Path

from aetk.edge.bench.advice import conclude
from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.machine import Conditions
from aetk.edge.bench.report import SCHEMA_VERSION, BenchReport
from aetk.edge.bench.row import Measured
from aetk.edge.bench.samples import Round, Timings
from aetk.edge.bench.setting import Setting

ENVIRONMENT = {
    "system": "an operating system", "processor": "a processor", "usable_cpus": "2", "cpu_quota": None,
    "python": "3.11", "numpy": "2.0", "onnxruntime": "1.30",
}  # fmt: skip


def timings(*microseconds, samples=20, cpu=1.0):
    """One turn for each of the medians, of so many samples that lie closely about it; `cpu` times their duration."""
    turns = []
    for at, value in enumerate(microseconds):
        taken = tuple(int(value * 1000) + (i - samples // 2) for i in range(samples))
        turns.append(Round(float(at), cpu * sum(taken) / 1e9, taken))
    return Timings(tuple(turns))


def measured(provider="cpu", batch=1, microseconds=100.0, mode="run", threads=None, spinning=True, cpu=1.0, samples=20):
    """A stable row with that median."""
    name = {"cpu": "CPU", "cuda": "CUDA"}[provider] + "ExecutionProvider"
    return Measured(
        Setting(provider, batch, mode, threads, spinning),
        Probe(0.01, 0.002, 2**26),
        timings(*[microseconds] * 5, samples=samples, cpu=cpu),
        {name: 35},
        "assignment",
        {"use_tf32": "0"} if provider == "cuda" else {},
    )


def report(rows, sparse=(), skipped=(), bounds=(), findings=(), comparison=None):
    """A report of these rows."""
    quiet = Conditions(0.0, (0.0, 0.0, 0.0), 0.0, 0.0, None, None)
    return BenchReport(
        SCHEMA_VERSION, Path("m.onnx"), "a" * 64, ENVIRONMENT, 45.0, 44.0, tuple(rows), tuple(sparse), tuple(skipped),
        (), tuple(bounds), quiet, quiet, tuple(findings), conclude(Path("m.onnx"), rows), comparison,
    )  # fmt: skip
