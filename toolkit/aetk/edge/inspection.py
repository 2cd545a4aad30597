"""Describes a model file without running it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aetk.contract.arguments import checked
from aetk.contract.card import Card
from aetk.contract.gate import Value
from aetk.edge.model import load


@dataclass(frozen=True)
class InspectReport:
    """A model file's contract, card, operators, sizes and provenance."""

    model: Path
    model_bytes: int
    card_bytes: int
    card_copy: str
    ir_version: int
    opset: int
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    operators: dict[str, int]
    parameters: int
    card: Card


@checked
def inspect(model: str | Path | Any) -> InspectReport:
    """Read a model file and its card.

    Args:
        model: see `edge.model.load`.

    Raises:
        BadInput: not a model of the contract.
        CheckFailed: the model is not the one that its card describes.
    """
    loaded = load(model)
    graph = loaded.graph
    return InspectReport(
        model=loaded.path,
        model_bytes=len(loaded.data),
        card_bytes=len(loaded.card.to_json().encode()),
        card_copy=loaded.card_copy,
        ir_version=graph.ir_version,
        opset=graph.opset,
        inputs=graph.inputs,
        outputs=graph.outputs,
        operators=graph.operators,
        parameters=graph.parameters,
        card=loaded.card,
    )
