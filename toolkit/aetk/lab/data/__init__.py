"""Turns files and data frames into checked rows: sources, splits, preprocessing."""
