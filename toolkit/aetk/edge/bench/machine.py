"""Describes the machine of a measurement, and its condition before and after."""

import contextlib
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from aetk.base.cgroup import Throttled, cpu_quota, throttled
from aetk.base.cpus import usable_cpus
from aetk.edge.bench.gpu import GpuState, find_gpus, gpu_states, visible_gpus
from aetk.edge.runtime.ort import onnxruntime

_CPUS = Path("/sys/devices/system/cpu")


def environment() -> dict[str, Any]:
    """Describe the machine and the versions of a measurement, in types that JSON can hold.

    `cpu_quota` is that of the control group; it and `governor` are None if there is none or the system does not
    report it. `gpus` has a line for each NVIDIA GPU; `gpu_driver` and `visible_gpus` are None if there is no GPU, and
    `visible_gpus` also if no variable is set.
    """
    ort, gpus = onnxruntime(), find_gpus()
    governors = set(_read_all("cpu[0-9]*/cpufreq/scaling_governor"))
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _cpuinfo("model name") or platform.processor(),
        "cpu_flags": _cpuinfo("flags") or _cpuinfo("Features") or "",
        "usable_cpus": str(usable_cpus()),
        "affinity": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "cpu_quota": cpu_quota(),
        "governor": ", ".join(sorted(governors)) or None,
        "gpus": [str(gpu) for gpu in gpus],
        "gpu_driver": ", ".join(dict.fromkeys(gpu.driver for gpu in gpus)) or None,
        "visible_gpus": visible_gpus() if gpus else None,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "onnxruntime": ort.__version__,
        "onnxruntime_build": ort.get_build_info(),
    }


def _read_all(pattern: str) -> list[str]:
    """The contents of the readable files that match a pattern."""
    found = []
    for path in sorted(_CPUS.glob(pattern)):
        with contextlib.suppress(OSError):
            found.append(path.read_text().strip())
    return found


def _cpuinfo(key: str) -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == key), None)


@dataclass(frozen=True)
class Conditions:
    """The condition of the machine at one moment; None for what the system does not report.

    Attributes:
        clock: seconds of `time.perf_counter`.
        load_average: runnable processes, over 1, 5 and 15 minutes.
        busy_seconds: processor time that the machine has spent on anything, including a hypervisor's other guests.
        own_seconds: processor time of this process and of its children that have ended.
        throttled: how often and how long the control group's quota was reached.
        thermal_throttles: how often the processors have slowed down because of heat.
        gpus: the states of NVIDIA GPUs, in the order of the environment; empty if there are none.
    """

    clock: float
    load_average: tuple[float, ...] | None
    busy_seconds: float | None
    own_seconds: float
    throttled: Throttled | None
    thermal_throttles: int | None
    gpus: tuple[GpuState, ...] = ()


def conditions() -> Conditions:
    """The condition of the machine now."""
    counts = [int(text) for text in _read_all("cpu[0-9]*/thermal_throttle/*_throttle_count") if text.isdigit()]
    return Conditions(
        clock=time.perf_counter(),
        load_average=os.getloadavg() if hasattr(os, "getloadavg") else None,
        busy_seconds=_busy_seconds(),
        own_seconds=sum(os.times()[:4]),
        throttled=throttled(),
        thermal_throttles=sum(counts) if counts else None,
        gpus=gpu_states(),
    )


def _busy_seconds() -> float | None:
    """All times of /proc/stat except idle and waiting for disks; user time contains the guests' time."""
    try:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(
            int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        )
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
