"""Shows reports: as text, as JSON, as pictures."""
