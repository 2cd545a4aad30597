"""The processors that this process may use, and their cache."""

import math
import os
from pathlib import Path

from aetk.base.cgroup import cpu_quota

_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")

_USUAL_CACHE = 2**20


def usable_cpus() -> int:
    """The number of processors that this process may use: its affinity or its group's quota, whichever is less."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cache_bytes() -> int:
    """The size of a core's second-level cache in bytes; 1 MiB if the system does not say."""
    try:
        text = _CACHE.read_text().strip()
        return int(text.rstrip("KM")) * (2**20 if text.endswith("M") else 2**10)
    except (OSError, ValueError):
        return _USUAL_CACHE
