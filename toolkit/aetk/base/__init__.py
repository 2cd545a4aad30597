"""What every layer needs: errors, files, locks, strict JSON, processes. The standard library and NumPy."""
