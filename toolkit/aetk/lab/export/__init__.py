"""From a run to one ONNX file that has proven that it decides alike."""
