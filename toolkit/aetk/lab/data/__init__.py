"""From files and frames to checked rows: sources, splits, preprocessing."""
