"""ONNX Runtime, imported when it is first needed, so that `import aetk.edge` stays quick; and the processors for it."""

import math
import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

from aetk.base.cgroup import cpu_quota
from aetk.base.errors import MissingExtra, out_of_memory

_CACHE = Path("/sys/devices/system/cpu/cpu0/cache/index2/size")
_USUAL_CACHE = 2**20


def onnxruntime() -> ModuleType:
    """The onnxruntime module, its telemetry switched off by `import aetk`; MissingExtra where no build is installed."""
    try:
        return import_module("onnxruntime")
    except ImportError as error:
        raise out_of_memory(error) or MissingExtra("Running a model", "cpu") from None


def usable_cpus() -> int:
    """Processors that this process may really use: its affinity, and the quota of its control groups, rounded up."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cache_bytes() -> int:
    """Size of a core's second-level cache; a usual one where the system does not tell."""
    try:
        text = _CACHE.read_text().strip()
        return int(text.rstrip("KM")) * (2**20 if text.endswith("M") else 2**10)
    except (OSError, ValueError):
        return _USUAL_CACHE
