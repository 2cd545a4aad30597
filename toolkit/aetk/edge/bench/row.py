"""One row of a benchmark, and the two kinds of what could not be measured."""

from dataclasses import dataclass, field

from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.samples import Doubt, Timings
from aetk.edge.bench.setting import Setting
from aetk.edge.runtime.placement import Evidence


@dataclass(frozen=True)
class NotProbed:
    """Why a row has no cold figures."""

    reason: str


@dataclass(frozen=True)
class Skipped:
    """A provider, or one row of it, that does not work here.

    Attributes:
        provider: which.
        reason: what it said.
        setting: the row; None where it is the provider as a whole.
    """

    provider: str
    reason: str
    setting: Setting | None = None


@dataclass(frozen=True)
class TooLong:
    """A row that was left out because there was no time for a single run of it.

    Attributes:
        setting: the row.
        expected_seconds: of a run, by the rows of the last batch size that ran; None where none has.
        left_seconds: that were left for it.
    """

    setting: Setting
    expected_seconds: float | None
    left_seconds: float


@dataclass(frozen=True)
class Measured:
    """One setting, asked again and again without a pause.

    Attributes:
        setting: provider, batch size, mode, threads, spinning.
        cold: what a fresh process needed.
        timings: every run after the warm-up, raw and in order.
        placement: nodes per provider. The Scorer's is that of a session opened as it opens its own.
        evidence: how the placement is known.
        options: of the provider; `use_tf32` is 0 on CUDA.
        measured_once: the timings are those of one run while the row was opened: more did not fit into the time.
    """

    setting: Setting
    cold: Probe | NotProbed
    timings: Timings
    placement: dict[str, int]
    evidence: Evidence
    options: dict[str, str] = field(default_factory=dict)
    measured_once: bool = False

    @property
    def median(self) -> float | None:
        """Seconds of a usual run; None where there are too few samples."""
        return self.timings.percentile(50)

    @property
    def doubt(self) -> Doubt | None:
        """Why nothing can be concluded from this row; None where its median is known and its windows agree."""
        return self.timings.doubt

    @property
    def fastest_run(self) -> float:
        """Seconds of the fastest of all runs."""
        return float(self.timings.seconds.min())

    @property
    def rows_per_second(self) -> float:
        """Throughput over all samples."""
        return self.timings.rows_per_second(self.setting.batch)

    @property
    def cpu_seconds_per_1000_rows(self) -> float:
        """Processor time, ONNX Runtime's threads included."""
        return self.timings.cpu_seconds_per_1000_rows(self.setting.batch)
