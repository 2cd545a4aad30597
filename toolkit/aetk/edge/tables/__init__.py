"""Reads and writes tables: CSV, Parquet and folders of it."""
