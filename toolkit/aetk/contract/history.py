"""The thresholds that a model had before. Its card keeps them, so that each can be put back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aetk.contract.threshold import Threshold

KEPT = 16
"""How many a card keeps at most: the first, which is the export's, and the newest."""


@dataclass(frozen=True)
class Replaced:
    """A threshold that was replaced by another, and what came and went with it.

    Attributes:
        when: it was replaced: UTC, ISO 8601, to the second.
        threshold: value, method, and by which rows it was chosen.
        validation: the card's validation figures while it was in force.
        golden_rows: how many the card had, those near the threshold included.
    """

    when: str
    threshold: Threshold
    validation: Mapping[str, Any]
    golden_rows: int


def extended(history: tuple[Replaced, ...], entry: Replaced) -> tuple[Replaced, ...]:
    """A history, oldest first, with one more entry; of too many the second is left out, so that the first stays."""
    longer = (*history, entry)
    return longer if len(longer) <= KEPT else longer[:1] + longer[len(longer) - KEPT + 1 :]


def now() -> str:
    """The time, as an entry tells it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
