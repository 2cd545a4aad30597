"""Scores arrays, table files and Arrow batches."""
