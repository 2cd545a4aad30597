"""One row of a benchmark, and the two kinds of what could not be measured."""

from dataclasses import dataclass, field

from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.samples import Timings
from aetk.edge.bench.setting import Setting
from aetk.edge.runtime.placement import Evidence


@dataclass(frozen=True)
class NotProbed:
    """Why a row has no cold figures."""

    reason: str


@dataclass(frozen=True)
class Skipped:
    """A provider, or one batch size of it, that could not be measured, and why."""

    provider: str
    reason: str


@dataclass(frozen=True)
class Measured:
    """One setting, asked again and again without a pause.

    Attributes:
        setting: provider, batch size, threads, spinning, mode of running.
        cold: what a fresh process needed.
        timings: every run after the warm-up, raw and in order.
        placement: nodes per provider. The Scorer's is that of a session opened as it opens its own.
        evidence: how the placement is known.
        options: of the provider; `use_tf32` is 0 on CUDA.
    """

    setting: Setting
    cold: Probe | NotProbed
    timings: Timings
    placement: dict[str, int]
    evidence: Evidence
    options: dict[str, str] = field(default_factory=dict)

    @property
    def median(self) -> float | None:
        """Seconds of a usual run; None where there are too few samples."""
        return self.timings.percentile(50)

    @property
    def rows_per_second(self) -> float:
        """Throughput over all samples."""
        return self.timings.rows_per_second(self.setting.batch)

    @property
    def cpu_seconds_per_1000_rows(self) -> float:
        """Processor time, ONNX Runtime's threads included."""
        return self.timings.cpu_seconds_per_1000_rows(self.setting.batch)
