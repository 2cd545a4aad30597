"""Trains, evaluates and exports models; needs PyTorch, onnx, pandas and scikit-learn, the extra `lab`."""
