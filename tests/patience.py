"""How long a test waits for what has to come: it ends a test that hangs, and measures nothing."""

PATIENCE = 600
"""Seconds."""
