"""Looks at tables as people have them, decides once how they are read, and reads them by what was decided."""
