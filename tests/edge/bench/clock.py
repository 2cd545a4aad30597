"""A clock for benchmarks that no other process can delay, on a machine that no other process uses."""

from aetk.edge.bench import arrivals, benchmark, roofline, rounds, sessions

from .making import QUIET


class Clock:
    """Stands in for the module time of the benchmark: what sleeps or burns moves it on, and so does every look at it.

    A look costs a tick of processor time, so that waiting in a loop is seen in it.
    """

    def __init__(self, monkeypatch, tick=1e-6):
        self._tick = tick
        self._now = self._spent = 0
        for module in (arrivals, benchmark, sessions, roofline, rounds):
            monkeypatch.setattr(module, "time", self)
        monkeypatch.setattr(benchmark, "conditions", lambda: QUIET)

    def perf_counter_ns(self):
        self.burn(self._tick)
        return self._now

    def perf_counter(self):
        return self.perf_counter_ns() / 1e9

    def process_time(self):
        return self._spent / 1e9

    def sleep(self, seconds):
        self._now += round(1e9 * seconds)

    def burn(self, seconds):
        """Compute for so long."""
        self.sleep(seconds)
        self._spent += round(1e9 * seconds)
