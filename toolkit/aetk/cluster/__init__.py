"""Runs models over data that no machine holds, on an engine that is there already: Ray or Spark."""
