"""Golden rows: synthetic inputs with PyTorch's answers, which any runtime can be compared with."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.contract import spec
from aetk.contract.threshold import is_anomaly

Similarity = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""A function from rows, float32 [rows, n], to their similarities, [rows]."""

Outputs = Mapping[str, NDArray[Any]]
"""A model's outputs by name, each [rows, ...]."""

Name = TypeVar("Name")

_NEAR = np.array([-100.0, -10.0, 10.0, 100.0])
"""The distances of golden rows from the threshold, in units of the tolerance."""
_ENDS = 8
"""The number of golden rows on each side of the threshold between which rows with categories are searched."""


@dataclass(frozen=True)
class Golden:
    """Golden rows: inputs and expected answers.

    Attributes:
        inputs: float32 [rows, n].
        similarity: float32 [rows], computed in float32 by the runtime that `made_by` names.
        similarity64: float64 [rows], computed in float64; the float32 value if the runtime has no float64.
        is_valid: bool [rows].
        made_by: for consecutive groups of rows, the runtime that computed them and their number.
    """

    inputs: NDArray[np.float32]
    similarity: NDArray[np.float32]
    similarity64: NDArray[np.float64]
    is_valid: NDArray[np.bool_]
    made_by: tuple[tuple[str, int], ...]

    def __len__(self) -> int:
        return len(self.inputs)

    def near_ties(self, threshold: float, tolerance: float) -> NDArray[np.bool_]:
        """The valid rows within `tolerance` of the threshold in float64, whose decision may differ, bool [rows]."""
        return self.is_valid & (np.abs(self.similarity64 - np.float64(np.float32(threshold))) <= tolerance)

    def select(self, rows: NDArray[np.bool_]) -> "Golden":
        """The rows where the mask is true."""
        groups, start = [], 0
        for runtime, count in self.made_by:
            groups.append((runtime, int(rows[start : start + count].sum())))
            start += count
        return Golden(
            self.inputs[rows],
            self.similarity[rows],
            self.similarity64[rows],
            self.is_valid[rows],
            tuple(group for group in groups if group[1]),
        )

    def append(self, other: "Golden") -> "Golden":
        """These rows followed by those of `other`."""
        return Golden(
            np.concatenate([self.inputs, other.inputs]),
            np.concatenate([self.similarity, other.similarity]),
            np.concatenate([self.similarity64, other.similarity64]),
            np.concatenate([self.is_valid, other.is_valid]),
            self.made_by + other.made_by,
        )

    def original(self) -> "Golden":
        """The rows of the export, without those that a change of the threshold added."""
        rows = np.zeros(len(self), bool)
        rows[: self.made_by[0][1]] = True
        return self.select(rows)

    def to_dict(self, threshold: float, tolerance: float) -> dict[str, Any]:
        """The rows as the card holds them; `is_anomaly` is null for a near tie of this threshold."""
        decisions = [None if tie else int(flag) for flag, tie in zip(
            is_anomaly(self.similarity, threshold), self.near_ties(threshold, tolerance), strict=True)]  # fmt: skip
        return {
            "rows": len(self),
            "inputs": _encode(self.inputs, "<f4"),
            "similarity": _encode(self.similarity, "<f4"),
            "similarity64": _encode(self.similarity64, "<f8"),
            "is_anomaly": decisions,
            "is_valid": self.is_valid.astype(int).tolist(),
            "made_by": [list(group) for group in self.made_by],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], n_features: int) -> "Golden":
        """Read the rows of a card; BadInput if a part has the wrong type, or if sizes disagree."""
        parts: _Data = typed_json.read(_Data, data, "golden", spec.CARD)
        if {*parts.is_anomaly} - {0, 1, None} or {*parts.is_valid} - {0, 1}:
            raise BadInput("The card's golden decisions are not 0, 1 or null.", spec.CARD.remedy)
        golden = cls(
            _decode(parts.inputs, "<f4", "golden.inputs"),
            _decode(parts.similarity, "<f4", "golden.similarity"),
            _decode(parts.similarity64, "<f8", "golden.similarity64"),
            np.array(parts.is_valid, np.int64) == 1,
            tuple((typed_json.read(str, name, "golden.made_by", spec.CARD),
                   typed_json.read(int, rows, "golden.made_by", spec.CARD)) for name, rows in _pairs(parts.made_by)),
        )  # fmt: skip
        if golden.inputs.size != parts.rows * n_features or parts.rows < 1:
            raise BadInput(
                f"The card's golden inputs hold {golden.inputs.size} numbers; expected {parts.rows} x {n_features}.",
                spec.CARD.remedy,
            )
        counts = [count for _, count in golden.made_by]
        lengths = {len(golden.similarity), len(golden.similarity64), len(golden.is_valid), len(parts.is_anomaly)}
        if lengths != {parts.rows} or sum(counts) != parts.rows or min(counts) < 1:
            raise BadInput(
                f"The card's golden rows disagree about how many there are: {parts.rows} or {sorted(lengths)}.",
                spec.CARD.remedy,
            )
        return replace(golden, inputs=golden.inputs.reshape(parts.rows, n_features))


@dataclass(frozen=True)
class _Data:
    """The golden rows' JSON."""

    rows: int
    inputs: str
    similarity: str
    similarity64: str
    is_anomaly: tuple[int | None, ...]
    is_valid: tuple[int, ...]
    made_by: tuple[tuple[Any, ...], ...]


def _pairs(groups: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
    if not groups or any(len(group) != 2 for group in groups):
        raise BadInput(
            "The card's golden.made_by is not a list of runtimes with their numbers of rows.", spec.CARD.remedy
        )
    return groups


def _encode(values: NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype).tobytes()).decode("ascii")


def _decode(text: Any, dtype: str, what: str) -> NDArray[Any]:
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype).astype(dtype[1:])
    except (ValueError, TypeError):
        raise BadInput(f"The card's {what} is not base64 of little-endian numbers.", spec.CARD.remedy) from None


def rows_at(
    similarity: Similarity,
    above: NDArray[np.float32],
    below: NDArray[np.float32],
    targets: NDArray[np.float64],
    categories: Sequence[int] = (),
) -> NDArray[np.float32]:
    """Find rows of given similarities by bisection on the segments between pairs of rows.

    Args:
        similarity: the function to bisect; it is most exact if it computes in float64.
        above: float32 [pairs, n], rows whose similarity is above every target.
        below: float32 [pairs, n], rows whose similarity is below every target.
        targets: float64 [targets].
        categories: the positions of columns that are not walked through, since between two of their values there is
            nothing. They come from that row of a pair with which the segment passes the targets.

    Returns:
        float32 [pairs * targets, n], grouped by pair; each is as close to its target as float32 inputs allow. If the
        similarity jumps over the targets with either row's categories, that is not close.
    """
    if len(categories) and len(above):
        above, below = _with_shared_categories(similarity, above, below, targets, categories)
    start = np.repeat(above.astype(np.float64), len(targets), axis=0)
    step = np.repeat(below.astype(np.float64), len(targets), axis=0) - start
    wanted = np.tile(targets, len(above))
    low, high = np.zeros(len(wanted)), np.ones(len(wanted))
    best = np.full((len(wanted), above.shape[1]), np.nan, np.float32)
    best_error = np.full(len(wanted), np.inf)
    for _ in range(48):
        middle = (low + high) / 2
        rows = (start + middle[:, None] * step).astype(np.float32)
        error = similarity(rows).astype(np.float64) - wanted
        closer = np.abs(error) < best_error
        best[closer], best_error[closer] = rows[closer], np.abs(error)[closer]
        low, high = np.where(error > 0, middle, low), np.where(error > 0, high, middle)
    return best


def _with_shared_categories(
    similarity: Similarity,
    above: NDArray[np.float32],
    below: NDArray[np.float32],
    targets: NDArray[np.float64],
    categories: Sequence[int],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give both rows of each pair the categories of one of them, see `rows_at`."""
    changed = above.copy()
    changed[:, categories] = below[:, categories]
    is_above = (similarity(changed) > targets.max())[:, None]
    other = below.copy()
    other[:, categories] = above[:, categories]
    return np.where(is_above, changed, above), np.where(is_above, below, other)


def rows_near(
    golden: Golden, similarity: Similarity, threshold: float, tolerance: float, categories: Sequence[int] = ()
) -> NDArray[np.float32]:
    """Make rows a little above and below a threshold, so that the golden rows notice a changed threshold.

    Returns:
        float32 [rows, n], made from the golden inputs nearest to the threshold; no rows if all lie on one side of it.
        With `categories`, positions of columns of indices, there are no rows either if the similarity jumps over the
        threshold between all of the nearest ones.
    """
    ordinary = golden.is_valid & (np.abs(golden.inputs) < 1e6).all(axis=1)
    reached = golden.similarity64[ordinary]
    targets = threshold + _NEAR * tolerance
    targets = targets[(targets > reached.min(initial=1)) & (targets < reached.max(initial=-1))]
    if not len(targets):
        return golden.inputs[:0]
    above = ordinary & (golden.similarity64 > targets.max())
    below = ordinary & (golden.similarity64 < targets.min())
    distance = np.abs(golden.similarity64 - threshold)
    if not len(categories):
        ends = [golden.inputs[[int(np.where(side, distance, np.inf).argmin())]] for side in (above, below)]
        return rows_at(similarity, ends[0], ends[1], targets)
    nearest = [
        np.argsort(np.where(side, distance, np.inf), kind="stable")[: side.sum()][:_ENDS] for side in (above, below)
    ]
    pairs = [golden.inputs[part.ravel()] for part in np.meshgrid(*nearest)]
    found = rows_at(similarity, pairs[0], pairs[1], targets, categories)
    error = np.abs(similarity(found) - np.tile(targets, len(pairs[0]))).reshape(-1, len(targets))
    best = error.argmin(0), np.arange(len(targets))
    closest: NDArray[np.float32] = found.reshape(*error.shape, -1)[best][error[best] <= tolerance]
    return closest


@dataclass(frozen=True)
class GoldenReport:
    """The comparison of a runtime's answers with the golden ones.

    Attributes:
        rows: the number of golden rows.
        near_ties: rows within the tolerance of the threshold, whose decision is not compared.
        flipped_decisions: rows that are decided differently.
        flipped_validity: rows that are valid on one side only.
        broken_rule: rows whose outputs contradict one another.
        largest_difference: the largest difference of similarity over all rows; infinite if a similarity is NaN.
        worst_row: the row of that difference.
        tolerance: the largest difference that is allowed.
    """

    rows: int
    near_ties: int
    flipped_decisions: int
    flipped_validity: int
    broken_rule: int
    largest_difference: float
    worst_row: int
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the runtime decides as the golden rows do, within the tolerance."""
        flips = self.flipped_decisions + self.flipped_validity + self.broken_rule
        return flips == 0 and self.largest_difference <= self.tolerance


def contradictions(outputs: Outputs, threshold: float, tolerance: float) -> NDArray[np.bool_]:
    """Find rows whose outputs contradict one another, bool [rows], without knowing the right answer.

    The decision must follow from similarity and threshold, an invalid row must have a similarity of exactly -1, and the
    contributions of a valid row must sum to 1 - similarity.
    """
    similarity, anomaly, valid = (outputs[name] for name in spec.OUTPUTS)
    found = (anomaly != is_anomaly(similarity, threshold)) | (~valid & (similarity != spec.UNJUDGED))
    if spec.CONTRIBUTION in outputs:
        share = outputs[spec.CONTRIBUTION].astype(np.float64)
        total = np.where(valid, 1 - similarity.astype(np.float64), 0)
        found |= ~(np.abs(share.sum(axis=1) - total) <= 10 * tolerance)
    return np.asarray(found)


class Disagreement(Generic[Name]):
    """Counts the differences between a runtime's answers and the expected ones, over any number of runs.

    Attributes:
        flipped_decisions: rows that are decided differently, near ties left out.
        flipped_validity: rows that are valid on one side only.
        broken_rule: rows whose outputs contradict one another, see `contradictions`.
        largest_difference: the largest difference of a similarity or an expected contribution; infinite for NaN.
        where: the name of the row of that difference; None if there is no difference.
    """

    def __init__(self, threshold: float, tolerance: float) -> None:
        self._threshold, self._tolerance = threshold, tolerance
        self.flipped_decisions = self.flipped_validity = self.broken_rule = 0
        self.largest_difference = 0.0
        self.where: Name | None = None

    def add(self, outputs: Outputs, expected: Outputs, near_ties: NDArray[np.bool_], names: Sequence[Name]) -> None:
        """Compare the outputs of a run, each [rows, ...], with the expected ones; decisions only if not `near_ties`."""
        (similarity, anomaly, valid), answers = (
            [given[name] for name in spec.OUTPUTS] for given in (outputs, expected)
        )
        self.flipped_decisions += int(((anomaly != answers[1]) & ~near_ties).sum())
        self.flipped_validity += int((valid != answers[2]).sum())
        self.broken_rule += int(contradictions(outputs, self._threshold, self._tolerance).sum())
        difference = np.abs(similarity.astype(np.float64) - answers[0])
        if spec.CONTRIBUTION in expected:
            shares = np.abs(outputs[spec.CONTRIBUTION].astype(np.float64) - expected[spec.CONTRIBUTION])
            difference = np.maximum(difference, shares.max(axis=1))
        difference = np.where(np.isnan(difference), np.inf, difference)
        if len(difference) and difference.max() > self.largest_difference:
            self.largest_difference, self.where = float(difference.max()), names[int(difference.argmax())]


def compare(golden: Golden, outputs: Outputs, threshold: float, tolerance: float = spec.TOLERANCE) -> GoldenReport:
    """Compare a runtime's outputs for `golden.inputs` with the golden answers."""
    ties = golden.near_ties(threshold, tolerance)
    answers = (golden.similarity, is_anomaly(golden.similarity, threshold), golden.is_valid)
    found: Disagreement[int] = Disagreement(threshold, tolerance)
    found.add(outputs, dict(zip(spec.OUTPUTS, answers, strict=True)), ties, range(len(golden)))
    return GoldenReport(
        rows=len(golden),
        near_ties=int(ties.sum()),
        flipped_decisions=found.flipped_decisions,
        flipped_validity=found.flipped_validity,
        broken_rule=found.broken_rule,
        largest_difference=found.largest_difference,
        worst_row=found.where or 0,
        tolerance=tolerance,
    )


def worst(reports: Sequence[GoldenReport]) -> GoldenReport:
    """The largest of each figure over several replays of the same golden rows."""
    furthest = max(reports, key=lambda report: report.largest_difference)
    return replace(
        furthest,
        flipped_decisions=max(report.flipped_decisions for report in reports),
        flipped_validity=max(report.flipped_validity for report in reports),
        broken_rule=max(report.broken_rule for report in reports),
    )
