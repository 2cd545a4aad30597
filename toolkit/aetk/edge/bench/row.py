"""One row of a benchmark, and the two kinds of rows that could not be measured."""

from dataclasses import dataclass, field

from aetk.edge.bench.cold_start import Probe
from aetk.edge.bench.samples import Doubt, Timings
from aetk.edge.bench.setting import Setting
from aetk.edge.runtime.placement import Evidence


@dataclass(frozen=True)
class NotProbed:
    """Why a row has no cold-start measurements."""

    reason: str


@dataclass(frozen=True)
class Skipped:
    """A provider, or one row of it, that does not work here.

    Attributes:
        provider: the provider's short name.
        reason: the message of its error.
        setting: the row; None if it is the whole provider.
    """

    provider: str
    reason: str
    setting: Setting | None = None


@dataclass(frozen=True)
class TooLong:
    """A row that was left out because there was no time for a single run of it.

    Attributes:
        setting: the row.
        expected_seconds: seconds of a run, estimated from the last batch size that ran; None if none has run.
        left_seconds: seconds that were left for it.
    """

    setting: Setting
    expected_seconds: float | None
    left_seconds: float


@dataclass(frozen=True)
class Measured:
    """One setting, run again and again without pauses.

    Attributes:
        setting: provider, batch size, mode, threads, spinning.
        cold: what a fresh process needed.
        timings: every run after the warm-up, raw and in order.
        placement: nodes per provider; for the Scorer, those of a session that is opened in the same way as its own.
        evidence: how the placement is known.
        options: the provider's options; `use_tf32` is 0 on CUDA.
        measured_once: whether the timings are of a single run, when the row was opened: there was no time for more.
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
        """Median seconds of a run; None if there are too few samples."""
        return self.timings.percentile(50)

    @property
    def doubt(self) -> Doubt | None:
        """Why nothing can be concluded from this row; None if its median is known and its windows agree."""
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
        """Processor time for 1,000 rows, including ONNX Runtime's threads."""
        return self.timings.cpu_seconds_per_1000_rows(self.setting.batch)
