"""Finds what may have disturbed a measurement, as far as the system reports it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from aetk.edge.bench.machine import Conditions
from aetk.edge.bench.roofline import Speed

_SLOWER = 0.15
_BUSY = 0.10


@dataclass(frozen=True)
class QuotaReached:
    """The control group's quota stopped this process: how many times, and for how many seconds in total."""

    times: int
    seconds: float
    kind: Literal["quota reached"] = "quota reached"


@dataclass(frozen=True)
class Overheated:
    """The processors slowed down because of heat: how many times during the run."""

    times: int
    kind: Literal["overheated"] = "overheated"


@dataclass(frozen=True)
class Slowed:
    """The fixed matrix product took longer at the end than at the start: something was throttled, or shared.

    Attributes:
        provider: where it was computed.
        first: operations per second in the first third of the products.
        last: the same in the last third.
    """

    provider: str
    first: float
    last: float
    kind: Literal["slowed"] = "slowed"


@dataclass(frozen=True)
class NotAlone:
    """Other processes used this share of the machine's processors during the run, more than a tenth."""

    share: float
    kind: Literal["not alone"] = "not alone"


Disturbance = QuotaReached | Overheated | Slowed | NotAlone


def find_disturbances(
    before: Conditions, after: Conditions, speeds: Sequence[Speed], cpus: int
) -> tuple[Disturbance, ...]:
    """Find what may have disturbed the measurement; empty if nothing was noticed.

    Args:
        before: the condition of the machine at the start.
        after: the condition at the end.
        speeds: the fixed matrix products at the start, between and at the end, of all providers.
        cpus: processors of the machine.
    """
    found: list[Disturbance] = []
    if before.throttled and after.throttled and after.throttled.periods > before.throttled.periods:
        times = after.throttled.periods - before.throttled.periods
        found.append(QuotaReached(times, after.throttled.seconds - before.throttled.seconds))
    if before.thermal_throttles is not None and (after.thermal_throttles or 0) > before.thermal_throttles:
        found.append(Overheated((after.thermal_throttles or 0) - before.thermal_throttles))
    for provider in dict.fromkeys(speed.provider for speed in speeds):
        found += _slowed([speed for speed in speeds if speed.provider == provider])
    if before.busy_seconds is not None and after.busy_seconds is not None:
        others = after.busy_seconds - before.busy_seconds - (after.own_seconds - before.own_seconds)
        share = others / (cpus * (after.clock - before.clock))
        if share > _BUSY:
            found.append(NotAlone(share))
    return tuple(found)


def forbid_conclusions(disturbances: Sequence[Disturbance]) -> bool:
    """Whether nothing can be concluded: other processes used the machine, so that all rows may be wrong equally.

    The other disturbances show in the rows that they affect, whose windows disagree.
    """
    return any(isinstance(found, NotAlone) for found in disturbances)


def _slowed(speeds: Sequence[Speed]) -> list[Disturbance]:
    if len(speeds) < 2:
        return []
    third = max(1, len(speeds) // 3)
    first, last = (median(speed.usual_flops for speed in part) for part in (speeds[:third], speeds[-third:]))
    return [] if last > first * (1 - _SLOWER) else [Slowed(speeds[0].provider, first, last)]
