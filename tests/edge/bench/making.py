"""Rows and reports made of chosen samples, so that what is derived from them is known."""

from dataclasses import replace
from pathlib import Path

from aetk.edge.bench.advice import conclude
from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.disturbances import forbid_conclusions
from aetk.edge.bench.machine import Conditions
from aetk.edge.bench.report import SCHEMA_VERSION, BenchReport
from aetk.edge.bench.row import Measured
from aetk.edge.bench.samples import Round, Timings
from aetk.edge.bench.setting import Setting

ENVIRONMENT = {
    "system": "an operating system", "processor": "a processor", "usable_cpus": "2", "cpu_quota": None,
    "gpus": [], "visible_gpus": None, "gpu_driver": None, "cuda": None, "cudnn": None,
    "python": "3.11", "numpy": "2.0", "onnxruntime": "1.30",
}  # fmt: skip
QUIET = Conditions(0.0, (0.0, 0.0, 0.0), None, 0.0, None, None)
"""The machine at a moment of which it tells nothing."""


def timings(*microseconds, samples=20, cpu=1.0):
    """One turn for each of the medians, of so many samples that lie closely about it; `cpu` times their duration."""
    turns = []
    for at, value in enumerate(microseconds):
        taken = tuple(int(value * 1000) + (i - samples // 2) for i in range(samples))
        turns.append(Round(float(at), cpu * sum(taken) / 1e9, taken))
    return Timings(tuple(turns))


def measured(provider="cpu", batch=1, microseconds=100.0, mode="run", threads=None, spinning=True, cpu=1.0, samples=20):
    """A stable row with that median."""
    name = {"cpu": "CPU", "cuda": "CUDA", "openvino": "OpenVINO"}[provider] + "ExecutionProvider"
    return Measured(
        Setting(provider, batch, mode, threads, spinning),
        Probe(0.01, 0.002, 2**26),
        timings(*[microseconds] * 5, samples=samples, cpu=cpu),
        {name: 35},
        "assignment",
        {"use_tf32": "0"} if provider == "cuda" else {},
    )


def shaky(row, *microseconds):
    """The same row, whose windows have these medians."""
    return replace(row, timings=timings(*microseconds))


def report(
    rows, sparse=(), skipped=(), too_long=(), bounds=(), disturbances=(), comparison=None, environment=ENVIRONMENT
):
    """A report of these rows."""
    concluded = conclude(Path("m.onnx"), rows, forbid_conclusions(disturbances))
    return BenchReport(
        SCHEMA_VERSION, Path("m.onnx"), "a" * 64, environment, 45.0, 44.0, tuple(rows), tuple(sparse), tuple(skipped),
        tuple(too_long), (), tuple(bounds), QUIET, QUIET, tuple(disturbances), concluded, comparison,
    )  # fmt: skip
