"""The kinds of faults that `tests.torture.faults` injects, a module each."""
