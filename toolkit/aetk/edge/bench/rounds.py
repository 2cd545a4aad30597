"""Measures all rows of a benchmark in turns, so that drift of the machine hits all alike."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil

from aetk.edge.bench.samples import SAMPLES_NEEDED, Round, Timings
from aetk.edge.bench.setting import Setting

_MOST_SAMPLES = 2 * SAMPLES_NEEDED[99.9]
_ROUNDS = 10
_LEAST_SLICE = 0.08
_WARM_UP = 0.002
_STEP, _LONGEST_SETTLE = 0.004, 0.1


@dataclass
class Runner:
    """A row in the making: a call that runs its batch once, and what the turns so far have yielded."""

    setting: Setting
    call: Callable[[], object]
    turns: list[Round] = field(default_factory=list)

    def take_turn(self, seconds: float, most: int, origin: float) -> None:
        """Warm up unmeasured, then time single runs for a slice of time, at least one and no more than `most`."""
        call, clock = self.call, time.perf_counter_ns
        settle()
        started = clock()
        while True:  # caches and clocks have gone cold during the turns of the others
            call()
            if clock() - started >= 1e9 * min(_WARM_UP, seconds):
                break
        samples: list[int] = []
        at, cpu = time.perf_counter() - origin, time.process_time()
        end = started + int(1e9 * seconds)
        while True:
            start = clock()
            call()
            now = clock()
            samples.append(now - start)
            if now >= end or len(samples) >= most:
                break
        self.turns.append(Round(at, time.process_time() - cpu, tuple(samples)))

    @property
    def timings(self) -> Timings:
        """What has been measured."""
        return Timings(tuple(self.turns))


def settle() -> None:
    """Wait until the threads of this process sleep, at most a tenth of a second.

    A thread pool spins on for some 20 ms after its last run: it would take a processor from whoever is next, and the
    time would be booked on them.
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
) -> None:
    """Give every row its turns until the deadline (of `time.perf_counter`), in rounds, each in an order of its own.

    Every row has at least one turn, however late it is. One that has its samples for a round leaves its time to others.
    """
    seconds = max(0.0, deadline - time.perf_counter())
    rounds = max(2, min(_ROUNDS, int(seconds / (len(runners) * _LEAST_SLICE))))
    shuffle = random.Random(0).shuffle  # noqa: S311 - an order, not a secret
    for turn in range(rounds):
        ends = deadline - seconds * (rounds - 1 - turn) / rounds
        order = list(runners)
        shuffle(order)
        for place, runner in enumerate(order):
            now = time.perf_counter()
            if turn and now >= deadline:
                return
            runner.take_turn(max(0.0, (ends - now) / (len(order) - place)), ceil(_MOST_SAMPLES / rounds), origin)
        after_round()
        progress(f"measuring, {max(0.0, deadline - time.perf_counter()):.0f} s left")
