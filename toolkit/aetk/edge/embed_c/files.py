"""The files of a C program around a model, and a report on their size."""

from collections.abc import Mapping
from dataclasses import dataclass

from aetk.base.errors import BadInput
from aetk.edge.embed_c import golden_rows
from aetk.edge.embed_c import graph as graphs
from aetk.edge.embed_c import source as sources
from aetk.edge.embed_c.golden_rows import WeightsChange
from aetk.edge.embed_c.matrices import LIMITS, Weights
from aetk.edge.model import LoadedModel

WEIGHTS: tuple[Weights, ...] = ("float32", "int16", "int8")


@dataclass(frozen=True)
class Sizes:
    """What a detector in C needs.

    Attributes:
        constants: bytes of its constant arrays in flash; the code comes on top, 2 to 5 KiB on a Cortex-M.
        scratch: bytes on the stack while it judges a row; a compiler adds some hundred.
        rows_scratch: the same where it judges blocks of rows, as `detector_decide_rows` does.
        multiply_adds: of a row.
        golden: bytes of the golden rows, which the self-test alone needs.
    """

    constants: int
    scratch: int
    rows_scratch: int
    multiply_adds: int
    golden: int


@dataclass(frozen=True)
class Written:
    """The generated files.

    Attributes:
        files: their texts by name.
        weights: how dense weights are stored.
        sizes: what they need.
        change: what rounded weights change on the golden rows; None for float32.
    """

    files: Mapping[str, str]
    weights: Weights
    sizes: Sizes
    change: WeightsChange | None


def write(loaded: LoadedModel, weights: str = "float32", *, contribution: bool = True) -> Written:
    """Write a model in C, with its golden rows.

    Args:
        loaded: the model.
        weights: one of `WEIGHTS`.
        contribution: whether to write the contribution, if the model has one.

    Raises:
        BadInput: there are no such weights, or the graph holds something that is not known here.
        CheckFailed: with rounded weights, a golden row is decided differently.
    """
    kind = next((known for known in WEIGHTS if known == weights), None)
    if kind is None:
        raise BadInput(f"--weights is '{weights}'; expected {', '.join(WEIGHTS)}.")
    card = loaded.card
    source = sources.write(loaded.graph, card, kind, contribution=contribution)
    golden, change = card.golden, None
    if kind in LIMITS:
        graph = graphs.read(loaded.graph, contribution=contribution)
        golden, change = golden_rows.rounded(graph, card, kind, source.matrices.stored)
    text = golden_rows.text(golden, card.threshold.value, card.similarity.tolerance)
    sizes = Sizes(
        constants=source.constants,
        scratch=source.scratch,
        rows_scratch=source.block_scratch,
        multiply_adds=source.multiply_adds,
        golden=golden.inputs.nbytes + golden.similarity.nbytes + 2 * len(golden),
    )
    return Written({"detector.h": source.header, "detector.c": source.code, "golden.h": text}, kind, sizes, change)
