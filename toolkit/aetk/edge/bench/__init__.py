"""The benchmark: measures a grid of settings in turns and sparse arrivals, describes the machine, and concludes."""

from aetk.edge.bench.benchmark import bench
from aetk.edge.bench.grid import BATCHES, PROVIDERS
from aetk.edge.bench.machine import environment
from aetk.edge.bench.report import SCHEMA_VERSION, BenchReport
from aetk.edge.bench.row import Measured, Skipped, TooLong
from aetk.edge.bench.sessions import ordinary_rows

__all__ = [
    "BATCHES",
    "PROVIDERS",
    "SCHEMA_VERSION",
    "BenchReport",
    "Measured",
    "Skipped",
    "TooLong",
    "bench",
    "environment",
    "ordinary_rows",
]
