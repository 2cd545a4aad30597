"""What a benchmark reports: raw samples, the machine behind them, and what was left out and why."""

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
        schema_version: of this report as JSON.
        model: the file that was measured.
        model_sha256: of that file without its card.
        environment: the machine, its NVIDIA GPUs, and the versions, those of CUDA and cuDNN where they were loaded.
        asked_seconds: for the whole run.
        seconds: that it took.
        measured: a row for every setting, asked without a pause.
        sparse: single rows that arrived now and then; empty unless asked for.
        skipped: providers and rows that do not work here.
        too_long: rows that were left out for want of time.
        products: the fixed matrix product at the start, between and at the end.
        bounds: what matrix products alone would allow, a provider each.
        before: the condition of the machine at the start.
        after: and at the end.
        disturbances: what may have disturbed the measurement.
        conclusion: what follows for this machine.
        comparison: with an earlier report; None unless asked for.
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
        """False where a comparison was asked for and did not hold."""
        return self.comparison is None or self.comparison.passed
