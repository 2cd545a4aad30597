"""Tries files that were mutated at random, most of them with knowledge of their format.

Each is made from a number, so that a finding can be made again. Two processes share the numbers of a family; one that
dies or hangs is a finding, and is replaced.
"""

import logging
import mmap
import os
import random
import signal
import struct
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.crash.scenarios import prepare

from .mutated import models, tables, training
from .mutated.family import ACCEPTED, RAN, REFUSED, SAME, Family
from .outcome import Outcome

WORKERS = 2
SECONDS = 30
_SEED = 41
_NUMBER = struct.Struct("q")


def run(share: float, work: Path) -> list[Outcome]:
    """One outcome a family."""
    scenarios = {scenario.name: scenario for scenario in prepare(work / "states", quick=True)}
    run_folder = next(s.base / "R" for name, s in scenarios.items() if name.startswith("threshold"))
    stopped = next(s.base / "R" for name, s in scenarios.items() if "resume" in name)
    families = (*models.family(), *tables.family(), *training.family(run_folder, stopped))
    return [_run_family(family, round(share * family.count), work / f"family-{i}") for i, family in enumerate(families)]


def _run_family(family: Family, count: int, work: Path) -> Outcome:
    work.mkdir()
    workers = [_Worker(family, worker, count, work / str(worker)) for worker in range(WORKERS)]
    while sum(worker.alive() for worker in workers):
        time.sleep(0.05)
    verdicts: Counter[str] = Counter()
    wrong: list[str] = []
    for worker in workers:
        verdicts += worker.verdicts()
        wrong += worker.wrong
    structured = sum(_is_structured(family, number) for number in range(count))
    figures = [f"{structured:,} with knowledge of the format", f"{verdicts[REFUSED]:,} refused"]
    if verdicts[RAN]:
        where = "passed the gate and reached the runtime" if family.name in ("models", "cards") else "scored"
        figures.append(f"{verdicts[RAN]:,} {where}")
    if verdicts[ACCEPTED]:
        figures.append(f"{verdicts[ACCEPTED]:,} accepted")
    if verdicts[SAME]:
        figures.append(f"{verdicts[SAME]:,} the same in meaning")
    if sum(verdicts.values()) + len(wrong) < count:
        wrong.append(f"{family.name}: only {sum(verdicts.values())} of {count} files were judged")
    return Outcome("inputs", f"mutated {family.name}", count, "; ".join(figures), tuple(wrong))


def _is_structured(family: Family, number: int) -> bool:
    return random.Random(f"{_SEED} {family.name} {number}").random() < family.structured


class _Worker:
    """A process that tries every `WORKERS`th file, and is followed by another where it dies."""

    def __init__(self, family: Family, first: int, count: int, work: Path) -> None:
        work.mkdir()
        self._family, self._count, self._work = family, count, work
        self._at = mmap.mmap(-1, _NUMBER.size)
        self._log = work / "log"
        self._log.touch()
        self._killed: list[str] = []
        self._seen, self._since = -1, time.monotonic()
        self._start(first)

    def _start(self, number: int) -> None:
        self._at[:] = _NUMBER.pack(number)
        self._pid = 0 if number >= self._count else os.fork()
        if self._pid == 0 and number < self._count:
            self._become(number)

    def _become(self, number: int) -> None:
        code = 70
        try:
            devnull = os.open(os.devnull, os.O_RDWR)
            os.dup2(devnull, 1)
            os.dup2(devnull, 2)
            logging.disable()
            self._try_all(number)
            code = 0
        finally:
            os._exit(code)

    def _try_all(self, number: int) -> None:
        from aetk.base.errors import AetkError, Unavailable, out_of_memory

        folder = self._work / f"from-{number}"
        folder.mkdir()
        attempt = self._family.prepare(folder)
        with self._log.open("a", buffering=1) as log:
            for at in range(number, self._count, WORKERS):
                self._at[:] = _NUMBER.pack(at)
                chance = random.Random(f"{_SEED} {self._family.name} {at}")
                structured = chance.random() < self._family.structured
                try:
                    verdict = attempt(chance, structured)
                except AetkError as error:
                    verdict = REFUSED
                    if isinstance(error, Unavailable) and out_of_memory(error) is None and "cannot" not in str(error):
                        verdict = f"wrong\t{self._family.name} {at}: {error!r}"
                except Exception as error:  # noqa: BLE001 - a finding
                    place = traceback.extract_tb(error.__traceback__)[-1]
                    text = f"{type(error).__name__}: {str(error)[:200]!r} in {Path(place.filename).name}:{place.lineno}"
                    verdict = f"wrong\t{self._family.name} {at}: {text}"
                log.write(f"{verdict}\n")

    def alive(self) -> bool:
        """Whether there is work to wait for; sees to a worker that died or hangs."""
        if self._pid == 0:
            return False
        (at,) = _NUMBER.unpack(self._at[:])
        if at != self._seen:
            self._seen, self._since = at, time.monotonic()
        elif time.monotonic() - self._since > SECONDS:
            os.kill(self._pid, signal.SIGKILL)
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if not ended:
            return True
        self._pid = 0
        if status:
            code = os.waitstatus_to_exitcode(status)
            self._killed.append(f"{self._family.name} {at}: the process ended with {code}")
            self._start(at + WORKERS)
        return self._pid != 0

    def verdicts(self) -> "Counter[str]":
        """How often each verdict was given."""
        lines = self._log.read_text().splitlines()
        return Counter(line for line in lines if not line.startswith("wrong\t"))

    @property
    def wrong(self) -> list[str]:
        """What should not have come."""
        lines = self._log.read_text().splitlines()
        return [*self._killed, *(line.removeprefix("wrong\t") for line in lines if line.startswith("wrong\t"))]
