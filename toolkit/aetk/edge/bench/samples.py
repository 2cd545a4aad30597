"""Raw samples of one row of a benchmark, and the statistics that are derived from all of them, without clipping."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SAMPLES_NEEDED = {50: 10, 90: 100, 99: 1_000, 99.9: 10_000}
"""The number of samples that a percentile needs: ten of them must be beyond it (half, for the median)."""

WINDOWS = 5
_LEAST_IN_WINDOW = 5
UNSTABLE = 0.10
"""By how much the medians of a row's windows may differ before the row is called unstable."""

Doubt = Literal["too few samples", "unstable"]
"""Why nothing is concluded from a row."""


@dataclass(frozen=True)
class Round:
    """The samples of one turn of a row.

    Attributes:
        at: seconds from the start of the benchmark to the first sample.
        cpu_seconds: processor time of the whole process, including ONNX Runtime's threads, over these samples.
        samples: nanoseconds of every run, in order.
    """

    at: float
    cpu_seconds: float
    samples: tuple[int, ...]


@dataclass(frozen=True)
class Timings:
    """All turns of a row, in order."""

    turns: tuple[Round, ...]

    @cached_property
    def seconds(self) -> NDArray[np.float64]:
        """Every sample in order, float64 [samples], seconds."""
        return np.array([sample for turn in self.turns for sample in turn.samples], np.float64) / 1e9

    def percentile(self, percent: float) -> float | None:
        """A percentile in seconds; None if there are fewer samples than `SAMPLES_NEEDED`."""
        if len(self.seconds) < SAMPLES_NEEDED[percent]:
            return None
        return float(np.percentile(self.seconds, percent))

    @cached_property
    def window_medians(self) -> tuple[float, ...]:
        """Medians, in seconds, of up to five windows of consecutive turns; empty if samples are too few for two.

        Turns of all rows are interleaved, so that a window of one row covers the same minutes as that of another.
        """
        for count in range(min(WINDOWS, len(self.turns)), 1, -1):
            stretches = np.array_split(np.arange(len(self.turns)), count)
            windows = [[sample for i in stretch for sample in self.turns[i].samples] for stretch in stretches]
            if min(map(len, windows)) >= _LEAST_IN_WINDOW:
                return tuple(float(np.median(window)) / 1e9 for window in windows)
        return ()

    @property
    def disagreement(self) -> float | None:
        """The largest over the smallest median of the windows, minus 1; None if there are no two windows."""
        medians = self.window_medians
        return max(medians) / min(medians) - 1 if medians else None

    @property
    def unstable(self) -> bool | None:
        """Whether the windows disagree by more than `UNSTABLE`; None if there are no two windows."""
        return None if self.disagreement is None else self.disagreement > UNSTABLE

    @property
    def doubt(self) -> Doubt | None:
        """Why nothing can be concluded from the median; None if it is known and the windows agree."""
        if self.unstable is None or self.percentile(50) is None:
            return "too few samples"
        return "unstable" if self.unstable else None

    def rows_per_second(self, batch: int) -> float:
        """Throughput over all samples."""
        return batch * len(self.seconds) / float(self.seconds.sum())

    def cpu_seconds_per_1000_rows(self, batch: int) -> float:
        """Processor time over all samples; more than the wall time if threads work, or spin, in parallel."""
        return 1000 * sum(turn.cpu_seconds for turn in self.turns) / (batch * len(self.seconds))


def samples_per_turn(turns: int) -> int:
    """How many samples a row needs per turn, if it has `turns` turns (at least 2), for a median and two windows."""
    return max(ceil(SAMPLES_NEEDED[50] / turns), ceil(_LEAST_IN_WINDOW / (turns // 2)))
