"""Waiting for what has to come, however busy the machine is."""

import time

PATIENCE = 600
"""Seconds after which a test that hangs is ended; nothing is measured by it."""


def wait_until(state):
    """Wait until `state()` is true."""
    deadline = time.monotonic() + PATIENCE
    while not state():
        assert time.monotonic() < deadline, "it hangs"
        time.sleep(0.02)
