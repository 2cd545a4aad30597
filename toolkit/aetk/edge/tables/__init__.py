"""Reads and writes tables: CSV, JSON Lines, Parquet files and folders of Parquet files."""
