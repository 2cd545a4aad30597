"""Training: from a table to a run folder."""
