"""The model contract: gate, card, thresholds, golden rows, the table dialect, rows by name; needs only NumPy."""
