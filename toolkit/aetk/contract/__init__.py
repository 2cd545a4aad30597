"""What every side agrees on: errors, the card, thresholds, golden rows, the table dialect, files.

Standard library and NumPy only; every other folder of the package builds on this one.
"""
