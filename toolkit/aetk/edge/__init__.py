"""Runs models: ONNX Runtime, NumPy and the standard library only."""
