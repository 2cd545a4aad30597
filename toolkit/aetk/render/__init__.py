"""Renders reports as text, as JSON and as pictures."""
