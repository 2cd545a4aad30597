"""The earlier thresholds of a model, which its card keeps so that each can be put back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aetk.contract.threshold import Threshold

KEPT = 16
"""The number of thresholds that a card keeps: the exported one and the newest."""


@dataclass(frozen=True)
class Replaced:
    """A threshold that was replaced by another, with the parts of the card that belong to it.

    Attributes:
        when: the time of the replacement: UTC, ISO 8601, to the second.
        threshold: its value, method, and the rows by which it was chosen.
        validation: the card's validation figures for it.
        golden_rows: the number of golden rows, those near the threshold included.
    """

    when: str
    threshold: Threshold
    validation: Mapping[str, Any]
    golden_rows: int


def extended(history: tuple[Replaced, ...], entry: Replaced) -> tuple[Replaced, ...]:
    """Append an entry to a history, oldest first. If it becomes too long, the second entry is dropped."""
    longer = (*history, entry)
    return longer if len(longer) <= KEPT else longer[:1] + longer[len(longer) - KEPT + 1 :]


def now() -> str:
    """The present time in the form of `Replaced.when`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
