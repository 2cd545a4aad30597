"""Exports a run to one ONNX file, after a proof that the file decides as the run does."""
