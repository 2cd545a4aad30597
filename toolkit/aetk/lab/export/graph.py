"""Turns a detector into the bytes of an ONNX file that keeps the contract."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import numpy as np
import onnx
import torch
from onnx import checker, helper, numpy_helper, version_converter

from aetk import __version__
from aetk.base.errors import BadInput, CheckFailed
from aetk.contract import spec
from aetk.lab.model.detector import Detector

OPSETS = tuple(spec.OLDEST_RUNTIMES)
_OLDEST_EXPORTED = 18
"""PyTorch writes no older opset, and its own conversion to 17 fails on reductions; onnx's converter does not."""


def to_onnx(detector: Detector, opset: int = spec.OPSET) -> bytes:
    """Export a detector in exactly this opset, without its card; the same detector gives the same bytes.

    Raises:
        BadInput: the opset is not one of `OPSETS`.
        CheckFailed: PyTorch's exporter or the converter returned another opset or another decision operator.
    """
    if opset not in OPSETS:
        raise BadInput(f"--opset is {opset}; expected {OPSETS[0]} to {OPSETS[-1]}.")
    with _quiet():
        program = torch.onnx.export(
            detector,
            (torch.zeros(2, detector.n_features),),
            dynamo=True,
            opset_version=max(opset, _OLDEST_EXPORTED),
            input_names=[spec.INPUT],
            output_names=[*spec.OUTPUTS, spec.CONTRIBUTION][: 4 if detector.explain else 3],
            dynamic_shapes={spec.INPUT: {0: torch.export.Dim("batch")}},
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    if opset < _OLDEST_EXPORTED:
        model = _older(model, opset)
    if [(entry.domain, entry.version) for entry in model.opset_import] != [("", opset)]:
        raise CheckFailed(f"PyTorch's exporter delivered {model.opset_import} instead of opset {opset}.")
    _separate_threshold(model.graph, float(detector.threshold))
    _strip(model)
    model.ir_version = max(spec.IR_VERSION, helper.find_min_ir_version_for(list(model.opset_import)))
    model.producer_name, model.producer_version = "aetk", __version__
    checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _older(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Convert a model to an older opset, and remove an attribute that onnx's converter forgets to remove."""
    older = version_converter.convert_version(model, opset)
    for node in older.graph.node:
        if node.op_type == "ReduceL2":
            kept = [attribute for attribute in node.attribute if attribute.name != "noop_with_empty_axes"]
            del node.attribute[:]
            node.attribute.extend(kept)
    return older


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's warnings, for instance that torchvision is missing; `to_onnx` checks the result itself."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _separate_threshold(graph: onnx.GraphProto, value: float) -> None:
    """Give the decision its own initializer: exporters merge equal constants, and the threshold may equal another."""
    makers = {name: node for node in graph.node for name in node.output}
    decision = makers[makers[spec.IS_ANOMALY].input[0]]
    if decision.op_type != "GreaterOrEqual":
        raise CheckFailed(f"The exported decision is {decision.op_type}, not GreaterOrEqual.")
    shared = next(i for i in graph.initializer if i.name == decision.input[1])
    if shared.name == spec.THRESHOLD:
        shared.name = "shared_constant"
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name == spec.THRESHOLD:
                node.input[position] = "shared_constant"
    decision.input[1] = spec.THRESHOLD
    if not any(shared.name in node.input for node in graph.node):
        graph.initializer.remove(shared)
    graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), spec.THRESHOLD))


def _strip(model: onnx.ModelProto) -> None:
    """Remove details of the export that the model does not need: stack traces, names of modules, inner shapes."""
    del model.metadata_props[:]
    model.doc_string = ""
    graph = model.graph
    del graph.metadata_props[:]
    del graph.value_info[:]
    graph.doc_string = ""
    graph.name = "aetk"
    for item in [*graph.node, *graph.input, *graph.output, *graph.initializer]:
        del item.metadata_props[:]
        item.doc_string = ""
