"""Finds out whether ONNX Runtime's telemetry is off, and who switched it off."""

import mmap
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from aetk.base import telemetry
from aetk.contract.dialect import escape_for_message

_LIBRARIES = ("onnxruntime_pybind11_state*", "libonnxruntime.*")
_NAME = telemetry.VARIABLE.encode()


@dataclass(frozen=True)
class Telemetry:
    """ONNX Runtime's telemetry in this process.

    Attributes:
        state: "off", "on", or "none" if this build of the runtime has no telemetry.
        reason: why, in words.
    """

    state: str
    reason: str


def examine_telemetry() -> Telemetry:
    """Find the state of the telemetry without loading the runtime; the state it would have if none is installed."""
    if not _may_have_telemetry():
        return Telemetry("none", "not in this build of onnxruntime")
    if telemetry.TOO_LATE:
        return Telemetry("on", "onnxruntime was imported before aetk, which can switch it off only before that")
    if telemetry.GIVEN is None:
        return Telemetry("off", f"by aetk, with {telemetry.VARIABLE}=1")
    state = "off" if telemetry.is_yes(telemetry.GIVEN) else "on"
    return Telemetry(state, f"as you set it, {telemetry.VARIABLE}={escape_for_message(telemetry.GIVEN)}")


def _may_have_telemetry() -> bool:
    """Whether the runtime's libraries contain the variable's name; True on Windows, where older builds may lack it."""
    spec = find_spec("onnxruntime")
    if spec is None or spec.origin is None or sys.platform == "win32":
        return True
    folder = Path(spec.origin).parent / "capi"
    return any(_holds_name(library) for pattern in _LIBRARIES for library in folder.glob(pattern))


def _holds_name(library: Path) -> bool:
    if library.stat().st_size == 0:
        return False
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(_NAME) >= 0
