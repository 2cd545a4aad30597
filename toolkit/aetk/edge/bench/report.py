"""The report of a benchmark: raw samples, the machine, and what was left out and why."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aetk.edge.bench.advice import Conclusion
from aetk.edge.bench.arrivals import Arrivals
from aetk.edge.bench.comparison import Comparison
from aetk.edge.bench.disturbances import Disturbance
from aetk.edge.bench.machine import Conditions
from aetk.edge.bench.roofline import Bound, Speed
from aetk.edge.bench.row import Measured, Skipped, TooLong

SCHEMA_VERSION = 4


@dataclass(frozen=True)
class BenchReport:
    """A benchmark of one model on one machine.

    Attributes:
        schema_version: the schema version of this report as JSON.
        model: the file that was measured.
        model_sha256: the SHA-256 of that file without its card.
        environment: the machine, its NVIDIA GPUs, and the versions, including CUDA's and cuDNN's if they were loaded.
        asked_seconds: the time that the whole run was given.
        seconds: the time that it took.
        measured: a row for every setting, run without pauses.
        sparse: single rows that arrived at intervals; empty unless they were asked for.
        skipped: providers and rows that do not work here.
        too_long: rows that were left out because there was no time.
        products: the fixed matrix product at the start, in between and at the end.
        bounds: the throughput that matrix products alone would allow, for each provider.
        before: the condition of the machine at the start.
        after: the condition at the end.
        disturbances: what may have disturbed the measurement.
        conclusion: the conclusions for this machine.
        comparison: the comparison with an earlier report; None unless it was asked for.
    """

    schema_version: int
    model: Path
    model_sha256: str
    environment: dict[str, Any]
    asked_seconds: float
    seconds: float
    measured: tuple[Measured, ...]
    sparse: tuple[Arrivals, ...]
    skipped: tuple[Skipped, ...]
    too_long: tuple[TooLong, ...]
    products: tuple[Speed, ...]
    bounds: tuple[Bound, ...]
    before: Conditions
    after: Conditions
    disturbances: tuple[Disturbance, ...]
    conclusion: Conclusion
    comparison: Comparison | None = field(default=None)

    @property
    def passed(self) -> bool:
        """Whether the comparison passed; True if none was asked for."""
        return self.comparison is None or self.comparison.passed
