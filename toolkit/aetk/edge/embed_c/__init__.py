"""Writes a model as portable C99: each operator of the graph becomes loops over constant arrays."""
