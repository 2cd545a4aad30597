"""NVIDIA GPUs as nvidia-smi describes them, and the versions of CUDA and cuDNN that this process has loaded.

Without an NVIDIA driver, everything here is empty or None, and no program is started. This module has not run on a
machine with a GPU; it is tested with a program that answers as nvidia-smi does.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_PATIENCE = 10.0
_MIB = 2**20


@dataclass(frozen=True)
class Gpu:
    """The description of a GPU; None for what the driver does not report.

    Attributes:
        name: the product's name.
        driver: the driver's version.
        memory_bytes: all of its memory.
        max_clock_mhz: the highest clock of its multiprocessors.
    """

    name: str
    driver: str
    memory_bytes: int | None
    max_clock_mhz: int | None

    def __str__(self) -> str:
        """The hardware in one line, which distinguishes two machines."""
        memory = "" if self.memory_bytes is None else f", {self.memory_bytes // _MIB} MiB"
        return f"{self.name}{memory}" + ("" if self.max_clock_mhz is None else f", up to {self.max_clock_mhz} MHz")


@dataclass(frozen=True)
class GpuState:
    """The state of a GPU at one moment; None for what the driver does not report.

    Attributes:
        used_bytes: memory in use, by all processes.
        clock_mhz: the clock of the multiprocessors; low if the GPU has nothing to do.
        temperature: degrees Celsius.
        power_watts: its power consumption.
    """

    used_bytes: int | None
    clock_mhz: int | None
    temperature: int | None
    power_watts: float | None


def find_gpus() -> tuple[Gpu, ...]:
    """The GPUs of this machine in the driver's order, including those that CUDA_VISIBLE_DEVICES hides."""
    return tuple(
        Gpu(name, driver, _mebibytes(memory), _number(clock))
        for name, driver, memory, clock in _ask("name", "driver_version", "memory.total", "clocks.max.sm")
    )


def gpu_states() -> tuple[GpuState, ...]:
    """The current states of the GPUs, in the same order."""
    return tuple(
        GpuState(_mebibytes(used), _number(clock), _number(heat), _decimal(power))
        for used, clock, heat, power in _ask("memory.used", "clocks.sm", "temperature.gpu", "power.draw")
    )


def used_bytes() -> int | None:
    """Memory in use on all GPUs together, by all processes; None if no driver reports it."""
    known = [state.used_bytes for state in gpu_states() if state.used_bytes is not None]
    return sum(known) if known else None


def visible_gpus() -> str | None:
    """The environment variables that say which GPUs CUDA sees, and in which order; None if none is set."""
    said = {name: os.environ[name] for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER") if name in os.environ}
    return ", ".join(f"{name}={value}" for name, value in said.items()) or None


def cuda_versions() -> dict[str, str | None]:
    """Versions of the `cuda` runtime and of `cudnn` in this process; None if it has not loaded them.

    Sessions load them, so call this afterwards. It searches the process's mapped files: Linux only.
    """
    return {"cuda": _version("libcudart.so", _cuda), "cudnn": _version("libcudnn.so", _cudnn)}


def _ask(*fields: str) -> list[list[str]]:
    """A line of values for each GPU; no line if nvidia-smi is missing, fails, or does not know a field."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603 - the driver's
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode != 0:  # no driver, or one that cannot reach its GPU
        return []
    lines = [[cell.strip() for cell in line.split(",")] for line in done.stdout.decode(errors="replace").splitlines()]
    return [cells for cells in lines if len(cells) == len(fields)]


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None  # else "[N/A]" and the like


def _mebibytes(text: str) -> int | None:
    return int(text) * _MIB if text.isdigit() else None


def _decimal(text: str) -> float | None:
    return float(text) if text.replace(".", "", 1).isdigit() else None


def _version(library: str, ask: Callable[[ctypes.CDLL], str]) -> str | None:
    try:
        files = [Path(line.split(maxsplit=5)[-1]) for line in _MAPS.read_text(errors="replace").splitlines()]
        path = next((file for file in files if file.name.startswith(library)), None)
        return None if path is None else ask(ctypes.CDLL(str(path)))
    except (OSError, AttributeError):  # no such system, or a library of that name without the function
        return None


def _cuda(library: ctypes.CDLL) -> str:
    found = ctypes.c_int()
    library.cudaRuntimeGetVersion(ctypes.byref(found))
    return f"{found.value // 1000}.{found.value % 1000 // 10}"


def _cudnn(library: ctypes.CDLL) -> str:
    library.cudnnGetVersion.restype = ctypes.c_size_t
    found = library.cudnnGetVersion()
    major = 10_000 if found >= 10_000 else 1_000  # from version 9 on
    return f"{found // major}.{found % major // 100}.{found % 100}"
