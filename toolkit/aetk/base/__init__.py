"""Errors, files, locks, strict JSON and facts about the machine, for every layer; needs only NumPy."""
