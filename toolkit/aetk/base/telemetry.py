"""Switches off ONNX Runtime's telemetry, which its official builds since 1.29 switch on by default.

The telemetry writes an identifier of the device to the disk and sends usage data over HTTPS. The runtime reads the
environment variable once, when it is loaded.
"""

import os
import sys

VARIABLE = "ORT_DISABLE_TELEMETRY"
GIVEN = os.environ.get(VARIABLE)
"""The value of the variable that the user set, or None."""
TOO_LATE = GIVEN is None and "onnxruntime" in sys.modules
"""Whether the program loaded the runtime, and so its telemetry, before it imported aetk."""

_YES = ("1", "true", "yes", "on")


def switch_off() -> None:
    """Switch the telemetry off in this process and its child processes, unless the user has set the variable."""
    os.environ.setdefault(VARIABLE, "1")


def is_yes(value: str) -> bool:
    """Whether ONNX Runtime reads a value of the variable as yes; any other value leaves the telemetry on."""
    return value.strip().lower() in _YES
