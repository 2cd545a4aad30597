"""Families of mutated files: how one is made, and what may come of it."""
