"""Scores rows: arrays, tables on disk, batches of Arrow."""
