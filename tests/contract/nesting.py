"""Functions that call each other, three thousand deep."""

from onnx import ModelProto, helper

from aetk.contract import spec

_DEPTH = 3000


def nest(proto: ModelProto) -> None:
    """Add them to a model, and a node that calls the first; ONNX Runtime 1.31.1 ends in a segmentation fault."""
    opsets = [helper.make_opsetid("", spec.OPSET), helper.make_opsetid("d", 1)]
    proto.opset_import.append(opsets[1])
    proto.graph.node.append(helper.make_node("F0", [spec.INPUT], ["deep"], domain="d"))
    for depth in range(_DEPTH):
        op_type, domain = ("Abs", "") if depth == _DEPTH - 1 else (f"F{depth + 1}", "d")
        node = helper.make_node(op_type, ["x"], ["y"], domain=domain)
        proto.functions.append(helper.make_function("d", f"F{depth}", ["x"], ["y"], [node], opsets))
