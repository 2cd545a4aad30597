"""Changes to a graph that a forger might make; each takes an onnx.GraphProto."""

import numpy as np
from onnx import numpy_helper


def edit(name, change):
    """An edit of one initializer: `change` takes its values and returns others."""

    def apply(graph):
        (tensor,) = (tensor for tensor in graph.initializer if tensor.name == name)
        values = np.asarray(change(numpy_helper.to_array(tensor).copy()), np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, name))

    return apply


def add_to_first(value):
    """For `edit`: add to the first number."""

    def change(values):
        values.flat[0] += value
        return values

    return change


def swap_columns(graph):
    """Make a graph take its first two features in each other's place."""

    def swapped(values):
        values[..., [0, 1]] = values[..., [1, 0]]
        return values

    edit("scale.weight", swapped)(graph)
