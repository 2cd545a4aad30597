"""The limits of this process's control group (Linux cgroup versions 1 and 2), and how often they slowed it down."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/")


@dataclass(frozen=True)
class Throttled:
    """How many scheduling periods the group has been throttled in since it was made, and for how long in all."""

    periods: int
    seconds: float


def cpu_quota(root: Path = _ROOT) -> float | None:
    """The number of processors that the group's quota amounts to; None if there is no quota, or it is unknown."""
    limits = []
    for folder in _folders(root):
        limit = (_text(folder / "cpu.max") or "").split()
        if not limit:
            limit = [_text(folder / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
        if limit[0].isdigit() and limit[-1].isdigit():  # "max" or -1 where there is none
            limits.append(int(limit[0]) / int(limit[-1]))
    return min(limits, default=None)


def throttled(root: Path = _ROOT) -> Throttled | None:
    """How often the group has been throttled so far; None if the system does not say."""
    for folder in _folders(root):
        stat = dict(line.split() for line in (_text(folder / "cpu.stat") or "").splitlines() if len(line.split()) == 2)
        if "throttled_usec" in stat:
            return Throttled(int(stat["nr_throttled"]), int(stat["throttled_usec"]) / 1e6)
        if "throttled_time" in stat:
            return Throttled(int(stat["nr_throttled"]), int(stat["throttled_time"]) / 1e9)
    return None


def memory_left(root: Path = _ROOT) -> int | None:
    """The bytes that the group may still allocate, file caches counted as free; None if there is no limit."""
    left = []
    for folder in _folders(root, "memory"):
        for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            numbers = _text(folder / limit) or "", _text(folder / used) or ""
            if all(number.isdigit() for number in numbers):
                left.append(int(numbers[0]) - int(numbers[1]) + _caches(folder))
    return max(0, min(left)) if left else None


def _caches(folder: Path) -> int:
    stat = dict(line.split() for line in (_text(folder / "memory.stat") or "").splitlines())
    return sum(int(stat.get(name, 0)) for name in ("active_file", "inactive_file"))


def _folders(root: Path, controller: str = "cpu") -> Iterator[Path]:
    """The folders of the process's own group and of its parent groups, innermost first."""
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controller if controllers else "")
        own = Path(path.strip().lstrip("/"))
        yield from (mount / above for above in (own, *own.parents) if (mount / above).is_dir())


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None
