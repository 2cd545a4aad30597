"""The golden rows of a C file: the card's, or, where weights were rounded, the same rows with answers of their own."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import CheckFailed
from aetk.contract.card import Card
from aetk.contract.golden import Golden
from aetk.contract.threshold import is_anomaly
from aetk.edge.embed_c.evaluate import evaluate
from aetk.edge.embed_c.graph import Graph
from aetk.edge.embed_c.tables import listed

_UNDECIDED = 2


@dataclass(frozen=True)
class WeightsChange:
    """What rounded weights change.

    Attributes:
        weights: how they are stored.
        rows: how many rows were compared.
        flipped_decisions: rows that are decided differently, near ties of the model left out.
        largest_difference: of a similarity.
        alarms: flagged rows among a thousand, before and after.
    """

    weights: str
    rows: int
    flipped_decisions: int
    largest_difference: float
    alarms: tuple[float, float]


def rounded(
    graph: Graph, card: Card, weights: str, stored: dict[str, NDArray[np.float32]]
) -> tuple[Golden, WeightsChange]:
    """The golden rows as a file with rounded weights answers them, and what that changes.

    Raises:
        CheckFailed: a golden row is decided differently.
    """
    before, threshold, tolerance = card.golden, card.threshold.value, card.similarity.tolerance
    after = evaluate(graph, before.inputs, stored)
    compared = ~before.near_ties(threshold, tolerance)
    flips = compared & (after["is_anomaly"] != is_anomaly(before.similarity, threshold))
    difference = float(np.abs(after["similarity"] - before.similarity64).max())
    if flips.any() or (after["is_valid"] != before.is_valid).any():
        raise CheckFailed(
            f"With {weights} weights, {int(flips.sum())} of {len(before)} golden rows are decided differently; a "
            f"similarity moves by up to {difference:.2g}.",
            "Take finer weights: --weights int16, or float32.",
        )
    golden = Golden(
        before.inputs,
        after["similarity"].astype(np.float32),
        after["similarity"],
        before.is_valid,
        ((f"aetk, {weights} weights", len(before)),),
    )
    return golden, change(weights, before.similarity64, after["similarity"], threshold, tolerance)


def change(
    weights: str, before: NDArray[np.float64], after: NDArray[np.float64], threshold: float, tolerance: float
) -> WeightsChange:
    """Compare similarities before and after weights were rounded, both [rows]."""
    flags = [is_anomaly(values.astype(np.float32), threshold) for values in (before, after)]
    is_tie = np.abs(before - np.float64(np.float32(threshold))) <= tolerance
    return WeightsChange(
        weights=weights,
        rows=len(before),
        flipped_decisions=int(((flags[0] != flags[1]) & ~is_tie).sum()),
        largest_difference=float(np.abs(before - after).max(initial=0)),
        alarms=(1000 * float(flags[0].mean()), 1000 * float(flags[1].mean())),
    )


def text(golden: Golden, threshold: float, tolerance: float) -> str:
    """The text of golden.h; numbers are written as their bits, so that NaN and infinities are what they were."""
    ties = golden.near_ties(threshold, tolerance)
    flags = np.where(ties, _UNDECIDED, is_anomaly(golden.similarity, threshold))
    arrays = (
        ("golden_inputs[GOLDEN_ROWS * DETECTOR_FEATURES]", "GOLDEN_ROWS * DETECTOR_FEATURES", golden.inputs),
        ("golden_similarity[GOLDEN_ROWS]", "GOLDEN_ROWS", golden.similarity),
    )
    parts = [
        "/* Golden rows: inputs, and the answers that a correct detector gives. Read by selftest.c. */",
        "#ifndef GOLDEN_H\n#define GOLDEN_H\n",
        '#include <stdint.h>\n\n#include "detector.h"\n',
        f"#define GOLDEN_ROWS {len(golden)}\n",
    ]
    for name, size, values in arrays:
        plain = name.split("[")[0]
        bits = (f"0x{value:08x}" for value in np.ascontiguousarray(values, "<f4").view("<u4").reshape(-1).tolist())
        parts.append(
            f"static const union {{\n    uint32_t bits[{size}];\n    float values[{size}];\n}} {plain} = {{{{\n"
            f"{listed(bits)}\n}}}};\n"
        )
    parts.append(f"/* {_UNDECIDED}: too near the threshold for a decision that holds everywhere */")
    for name, flat in (("golden_is_anomaly", flags), ("golden_is_valid", golden.is_valid.astype(int))):
        parts.append(f"static const uint8_t {name}[GOLDEN_ROWS] = {{\n{listed(map(str, flat.tolist()))}\n}};\n")
    return "\n".join([*parts, "#endif\n"])
