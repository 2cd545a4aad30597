"""Proves that an ONNX file decides as the PyTorch module does, on rows chosen to make it fail."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.card import all_indices
from aetk.contract.golden import Disagreement, rows_at
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.session import OPTIMIZATIONS, open_session
from aetk.lab.export.golden import in_float64
from aetk.lab.model.detector import Detector

BATCHES = (0, 1, 7, 4096)
_OFFSETS = np.array([-100.0, -10.0, -2.0, 2.0, 10.0, 100.0])
_PAIRS = 32


@dataclass(frozen=True)
class ParityReport:
    """The comparison of PyTorch with ONNX Runtime.

    Attributes:
        groups: the number of rows compared, by kind of row.
        levels: the graph-optimization levels; every row was compared at each.
        batches: batch sizes that were compared as well.
        near_ties: the number of rows within the tolerance of the threshold in float64; either decision is accepted.
        flipped_decisions: the number of other rows that were decided differently, over all levels and batches.
        flipped_validity: the number of rows that only one side judged valid.
        broken_rule: the number of rows whose outputs contradict one another; see `contract.golden.contradictions`.
        largest_difference: of similarity and, if there is one, of contribution; infinite if one side is NaN.
        where: the kind of row, its number and the level of the largest difference.
        tolerance: the largest difference that is allowed.
    """

    groups: dict[str, int]
    levels: tuple[str, ...]
    batches: tuple[int, ...]
    near_ties: int
    flipped_decisions: int
    flipped_validity: int
    broken_rule: int
    largest_difference: float
    where: str
    tolerance: float
    runtime: str

    @property
    def passed(self) -> bool:
        """Whether no decision and no validity flipped, no rule was broken, and the difference is within tolerance."""
        flips = self.flipped_decisions + self.flipped_validity + self.broken_rule
        return flips == 0 and self.largest_difference <= self.tolerance

    @property
    def rows(self) -> int:
        """The number of rows that were compared at each level."""
        return sum(self.groups.values())


def compare(
    detector: Detector,
    model: bytes,
    rows: NDArray[np.float32],
    on_stage: Callable[[str], None] = lambda _: None,
) -> ParityReport:
    """Compare an exported file with the module that it was exported from.

    Args:
        detector: the module, in evaluation mode, on the CPU.
        model: the file's bytes.
        rows: float32 [rows, n], calibration rows.
        on_stage: is called as each stage begins, with its name.
    """
    on_stage("choosing rows to check parity on")
    groups = {name: part for name, part in _groups(detector, rows) if len(part)}
    everything = np.concatenate(list(groups.values()))
    names = [f"{name} row {i + 1}" for name, part in groups.items() for i in range(len(part))]
    pool = everything[np.arange(max(BATCHES)) % len(everything)]
    expected, ties = _expected(detector, everything)
    found: Disagreement[str] = Disagreement(float(detector.threshold), spec.TOLERANCE)
    for number, level in enumerate(OPTIMIZATIONS, 1):
        on_stage(f"checking parity, {number} of {len(OPTIMIZATIONS)}")
        session = open_session(model, optimization=level)
        found.add(session.run(everything), expected, ties, [f"{name}, level {level}" for name in names])
        for batch in BATCHES:
            index = np.arange(batch) % len(everything)
            part = {name: answers[index] for name, answers in expected.items()}
            where = [f"{names[i]}, batch of {batch}, level {level}" for i in index]
            found.add(session.run(pool[:batch]), part, ties[index], where)
    return ParityReport(
        groups={name: len(part) for name, part in groups.items()},
        levels=OPTIMIZATIONS,
        batches=BATCHES,
        near_ties=int(ties.sum()),
        flipped_decisions=found.flipped_decisions,
        flipped_validity=found.flipped_validity,
        broken_rule=found.broken_rule,
        largest_difference=found.largest_difference,
        where=found.where or "none",
        tolerance=spec.TOLERANCE,
        runtime=f"onnxruntime {onnxruntime().__version__}, torch {torch.__version__}",
    )


def _expected(detector: Detector, rows: NDArray[np.float32]) -> tuple[dict[str, NDArray], NDArray[np.bool_]]:
    """Return PyTorch's outputs by name, each [rows, ...], and which rows are near ties, bool [rows]."""
    with torch.no_grad():
        outputs = [output.numpy() for output in detector(torch.from_numpy(rows))]
    names = [*spec.OUTPUTS, spec.CONTRIBUTION][: len(outputs)]
    expected = dict(zip(names, outputs, strict=True))
    distance = np.abs(in_float64(detector)(rows) - float(detector.threshold))
    return expected, expected[spec.IS_VALID] & (distance <= spec.TOLERANCE)


def _groups(detector: Detector, rows: NDArray[np.float32]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    yield "calibration", rows
    yield "near the threshold", _near_threshold(detector, rows)
    n = rows.shape[1]
    ordinary = np.tile(np.where(np.abs(rows[:1]) <= spec.FINITE_LIMIT, rows[:1], 0), (n, 1))
    diagonal = np.eye(n, dtype=bool)
    for name, values in {
        "one huge value": (1e20, -1e20, 1e30, 3.4e38),
        "one missing value": (np.nan,),
        "one infinite value": (np.inf, -np.inf, 3.402e38),
        "one denormal value": (1e-40, -1e-45),
    }.items():
        yield name, np.concatenate([np.where(diagonal, np.float32(value), ordinary) for value in values])
    expansion = detector.expansion
    for position in expansion.categories:
        row = np.tile(ordinary[:1], (len(all_indices(expansion.levels[position])), 1))
        row[:, position] = all_indices(expansion.levels[position])
        yield f"column {position + 1} with each index,", row
    for value in (0.0, 1e20, -1e20, 1e-40, np.nan, np.inf):
        yield f"all {value:g}", np.full((1, n), value, np.float32)


def _near_threshold(detector: Detector, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Make rows 2, 10 and 100 tolerances above and below the threshold; none if all rows lie on one side of it."""
    similarity64 = in_float64(detector)
    targets = float(detector.threshold) + _OFFSETS * spec.TOLERANCE
    targets = targets[(targets > -1) & (targets < 1)]
    rows = rows[(np.abs(rows) < 1e6).all(axis=1)]
    found = similarity64(rows)
    above, below = rows[found > targets.max()], rows[found < targets.min()]
    if not len(above) or not len(below):
        return rows[:0]
    random = np.random.default_rng(0)
    pick_above, pick_below = (part[random.integers(len(part), size=_PAIRS)] for part in (above, below))
    return rows_at(similarity64, pick_above, pick_below, targets, detector.expansion.categories)
