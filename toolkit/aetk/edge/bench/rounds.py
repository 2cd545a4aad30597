"""Measures all rows of a benchmark in turns, so that drift of the machine affects all of them equally."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil

from aetk.edge.bench.samples import SAMPLES_NEEDED, Round, Timings, samples_per_turn
from aetk.edge.bench.setting import Setting

_MOST_SAMPLES = 2 * SAMPLES_NEEDED[99.9]
_ROUNDS = 10
_TURN = 0.05
"""Seconds of a turn without samples, while threads fall asleep and caches warm up."""
_WARM_UP = 0.002
_STEP, _LONGEST_SETTLE = 0.004, 0.1


@dataclass
class Runner:
    """A row while it is measured.

    Attributes:
        setting: what is measured.
        call: runs its batch once.
        expected: seconds that a run is expected to take, before the measurement.
        turns: the samples of its turns so far.
    """

    setting: Setting
    call: Callable[[], object]
    expected: float = 0.0
    turns: list[Round] = field(default_factory=list)

    def time_once(self, origin: float) -> Round:
        """Time one run, as a turn of one sample."""
        at, cpu, start = time.perf_counter() - origin, time.process_time(), time.perf_counter_ns()
        self.call()
        took = time.perf_counter_ns() - start
        return Round(at, time.process_time() - cpu, (took,))

    def take_turn(self, seconds: float, least: int, most: int, deadline: float, origin: float) -> None:
        """Warm up unmeasured, then time single runs.

        Args:
            seconds: the time of the turn, including the warm-up.
            least: samples to take even if that time is over.
            most: samples to take at most.
            deadline: time by `time.perf_counter` at which the turn ends in any case, after at least one sample.
            origin: start of the benchmark.
        """
        call, clock = self.call, time.perf_counter_ns
        settle()
        started = clock()
        while True:  # caches are cold and clocks are slow after the turns of the others
            call()
            if clock() - started >= 1e9 * min(_WARM_UP, seconds):
                break
        samples: list[int] = []
        at, cpu = time.perf_counter() - origin, time.process_time()
        end, last = started + 1e9 * seconds, 1e9 * deadline
        while True:
            start = clock()
            call()
            now = clock()
            samples.append(now - start)
            if (now >= end and len(samples) >= least) or len(samples) >= most or now >= last:
                break
        self.turns.append(Round(at, time.process_time() - cpu, tuple(samples)))

    @property
    def timings(self) -> Timings:
        """What has been measured so far."""
        return Timings(tuple(self.turns))


def settle() -> None:
    """Wait until the threads of this process sleep, at most a tenth of a second.

    A thread pool still spins for about 20 ms after its last run: it would take a processor from the next row, and the
    time would be counted for that row.
    """
    for _ in range(ceil(_LONGEST_SETTLE / _STEP)):
        before = time.process_time()
        time.sleep(_STEP)
        if time.process_time() - before < _STEP / 4:
            return


def measure(
    runners: Sequence[Runner],
    deadline: float,
    origin: float,
    after_round: Callable[[], object] = lambda: None,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Runner]:
    """Give rows their turns until the deadline, in rounds, each in its own order.

    Rows get no turn if they need so long for the samples of a median that others could not have theirs. In a round,
    a row that has enough samples leaves its time to the others.

    Args:
        runners: the rows, warm.
        deadline: time by `time.perf_counter`; no turn begins after it, and one that has begun ends with its next run.
        origin: start of the benchmark.
        after_round: called after every round.
        progress: called with a text that says what is being done.

    Returns:
        The rows that had a turn.
    """
    seconds = max(0.0, deadline - time.perf_counter())
    rounds, fitting = _fit(runners, seconds)
    least, most = samples_per_turn(rounds), ceil(_MOST_SAMPLES / rounds)
    shuffle = random.Random(0).shuffle  # noqa: S311 - an order, not a secret
    for turn in range(rounds):
        ends = deadline - seconds * (rounds - 1 - turn) / rounds
        order = list(fitting)
        shuffle(order)
        for place, runner in enumerate(order):
            now = time.perf_counter()
            if now >= deadline:
                return [row for row in fitting if row.turns]
            needs = [_turn_needs(other, least) for other in order[place:]]
            spare = max(0.0, ends - now - sum(needs)) / len(needs)
            runner.take_turn(needs[0] + spare, least, most, deadline, origin)
        after_round()
        progress(f"measuring, {max(0.0, deadline - time.perf_counter()):.0f} s left")
    return [row for row in fitting if row.turns]


def _fit(runners: Sequence[Runner], seconds: float) -> tuple[int, list[Runner]]:
    """The number of rounds, at least two, into which the time is divided, and the rows that fit, fastest first."""
    fitting = sorted(runners, key=lambda runner: runner.expected)
    for rounds in range(_ROUNDS, 2, -1):
        if sum(rounds * _turn_needs(runner, samples_per_turn(rounds)) for runner in fitting) <= seconds:
            return rounds, fitting
    while fitting and sum(2 * _turn_needs(runner, samples_per_turn(2)) for runner in fitting) > seconds:
        fitting.pop()
    return 2, fitting


def _turn_needs(runner: Runner, samples: int) -> float:
    return _TURN + (1 + samples) * runner.expected
