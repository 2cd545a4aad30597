"""The detector as a PyTorch module."""
