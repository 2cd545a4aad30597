"""The machine behind a measurement: what it is, and in what condition it was before and after."""

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
    """The machine and the versions behind a measurement, as JSON can hold them.

    `cpu_quota` is that of the control group; it and `governor` are None where there is none or the system does not
    tell. `gpus` are NVIDIA's, a line each; `gpu_driver` and `visible_gpus` are None where there is none or nothing is
    said.
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
    """What the readable files of that pattern say."""
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
    """The machine at one moment; None where the system does not tell.

    Attributes:
        clock: seconds of `time.perf_counter`.
        load_average: runnable processes, over 1, 5 and 15 minutes.
        busy_seconds: processor time that the machine has spent on anything, a hypervisor's other guests included.
        own_seconds: processor time of this process and of its children that have ended.
        throttled: of the control group.
        thermal_throttles: how often the processors have slowed down for heat.
        gpus: NVIDIA's, in the order of the environment; empty where there is none.
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
    """All of /proc/stat but idle and waiting for disks; guests' time is part of user's."""
    try:
        user, nice, system, _idle, _iowait, irq, softirq, steal = map(
            int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        )
    except (OSError, ValueError):
        return None
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
