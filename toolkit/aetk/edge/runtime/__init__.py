"""ONNX Runtime: its import, its execution providers, sessions, and where their nodes and values are."""
