"""ONNX Runtime, imported when it is first needed, so that `import aetk.edge` stays quick; and the processors for it."""

import math
import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

from aetk.contract.errors import MissingExtra

_CGROUP = Path("/sys/fs/cgroup")
_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
_USUAL_CACHE = 2**20


def onnxruntime() -> ModuleType:
    """The onnxruntime module; MissingExtra where neither of its builds is installed."""
    try:
        return import_module("onnxruntime")
    except ImportError:
        raise MissingExtra("Running a model", "cpu") from None


def usable_cpus() -> int:
    """Processors that this process may really use: its affinity, and the quota of its control groups, rounded up."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cpu_quota(root: Path = _CGROUP, own: Path = Path("/proc/self/cgroup")) -> float | None:
    """Processors' worth of time that the tightest of this process's control groups grants; None without a limit.

    Source: the kernel's documentation of control groups, cpu.max in version 2, cpu.cfs_quota_us in version 1.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    quotas = []
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers not in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu"):
            continue
        top = root / controllers
        group = top / path.lstrip("/")
        # a limit holds for all groups below it; inside a container the own path may not exist, but the top does
        quotas += [_quota(level, controllers) for level in (group, *group.parents) if level.is_relative_to(top)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota(group: Path, controllers: str) -> float | None:
    try:
        if controllers:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        else:
            quota, period = (group / "cpu.max").read_text().split()
        return float(quota) / float(period) if float(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # `max` is no number: no limit
        return None


def cache_bytes() -> int:
    """Size of a core's second-level cache; a usual one where the system does not tell."""
    try:
        text = _CACHE.read_text().strip()
        return int(text.rstrip("KM")) * (2**20 if text.endswith("M") else 2**10)
    except (OSError, ValueError):
        return _USUAL_CACHE
