"""Makes models: PyTorch, onnx, pandas and scikit-learn live here, behind the extra `lab`."""
