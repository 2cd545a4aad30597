"""Runs models over data that is too large for one machine, on an existing engine: Ray or Spark."""
