"""ONNX Runtime's telemetry, which its official builds since 1.29 switch on by default, switched off.

It writes an identifier of the device to the disk and sends usage data over HTTPS. The runtime looks at the variable
once, when it is loaded.
"""

import os
import sys

VARIABLE = "ORT_DISABLE_TELEMETRY"
GIVEN = os.environ.get(VARIABLE)
"""What the person set, or None."""
TOO_LATE = GIVEN is None and "onnxruntime" in sys.modules
"""Whether the program loaded the runtime, telemetry included, before it imported aetk."""

_YES = ("1", "true", "yes", "on")


def switch_off() -> None:
    """Switch it off in this process and in those that it starts, unless the person has set the variable."""
    os.environ.setdefault(VARIABLE, "1")


def is_yes(value: str) -> bool:
    """Whether ONNX Runtime takes a value of the variable for a yes; every other value leaves telemetry on."""
    return value.strip().lower() in _YES
