"""Injects faults into train, export, threshold and score, and checks what they say and what they leave."""

from collections.abc import Callable
from pathlib import Path

from tests.crash.scenarios import Scenario, prepare

from .injected import clock, disk, memory, power, signals, writers
from .outcome import Outcome

Injection = Callable[[list[Scenario], int, Path], Outcome]

_INJECTIONS: tuple[tuple[Injection, int], ...] = (
    (power.inject, 3),
    (disk.fill, 12),
    (disk.forbid, 3),
    (writers.inject, 10),
    (signals.inject, 10),
    (memory.inject, 10),
    (clock.inject, 3),
)
"""What is injected, and how often into each command in a full run."""


def run(share: float, work: Path) -> list[Outcome]:
    """Each kind of fault, at least once into each command."""
    scenarios = prepare(work / "states", quick=True)
    found = []
    for inject, times in _INJECTIONS:
        own = work / f"{inject.__module__}-{inject.__name__}"
        own.mkdir()
        found.append(inject(scenarios, max(1, round(share * times)), own))
    return found
