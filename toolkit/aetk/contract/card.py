"""The model card: the description of a model, read from JSON and written to it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.contract import gate, spec
from aetk.contract.dialect import MISSING_POLICIES
from aetk.contract.golden import Golden
from aetk.contract.history import Replaced
from aetk.contract.threshold import Threshold, check_value

QUANTILE_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_AGAIN = spec.CARD.remedy


@dataclass(frozen=True)
class Feature:
    """One input column, in order.

    Attributes:
        name: the column's name in tables.
        quantiles: quantiles of the training rows at `QUANTILE_LEVELS`, to six digits.
        missing: `reject`: a missing or infinite value makes the row invalid; `median`: `fill` takes its place.
        fill: the value that takes its place, else None.
    """

    name: str
    quantiles: tuple[float, ...]
    missing: str
    fill: float | None


def between_quantiles(features: Sequence[Feature], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate the features' quantiles: levels, float64 [rows, n] within `QUANTILE_LEVELS`, to values, [rows, n]."""
    columns = [np.interp(levels[:, i], QUANTILE_LEVELS, feature.quantiles) for i, feature in enumerate(features)]
    return np.column_stack(columns)


@dataclass(frozen=True)
class Similarity:
    """How rows are compared: the anchor κ, the bound of scaled values, the tolerance between runtimes."""

    kappa: float
    bound: float
    tolerance: float


@dataclass(frozen=True)
class _Parts:
    name: str
    features: tuple[Feature, ...]
    similarity: Similarity
    threshold: Threshold
    validation: Mapping[str, Any]
    recipe: Mapping[str, Any]
    training_data: Mapping[str, Any]
    versions: Mapping[str, str]
    requires: str
    model_sha256: str


@dataclass(frozen=True)
class _Data(_Parts):
    """The card's JSON."""

    history: tuple[Replaced, ...]
    quantile_levels: tuple[float, ...]
    golden: Mapping[str, Any]


@dataclass(frozen=True)
class Card(_Parts):
    """Everything about a model that is not in its graph. The free-form parts are plain JSON."""

    golden: Golden
    history: tuple[Replaced, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The input columns in order."""
        return tuple(feature.name for feature in self.features)

    def to_json(self) -> str:
        """UTF-8 JSON text with a final newline; the same card gives the same bytes."""
        data = {
            "contract": spec.VERSION,
            "name": self.name,
            "features": [{"position": i, **asdict(f)} for i, f in enumerate(self.features)],
            "quantile_levels": QUANTILE_LEVELS,
            "similarity": asdict(self.similarity),
            "threshold": asdict(self.threshold),
            **({"history": list(map(asdict, self.history))} if self.history else {}),
            "validation": self.validation,
            "recipe": self.recipe,
            "training_data": self.training_data,
            "versions": self.versions,
            "requires": self.requires,
            "model_sha256": self.model_sha256,
            "golden": self.golden.to_dict(self.threshold.value, self.similarity.tolerance),
        }
        return seal(data)


def seal(data: Mapping[str, Any]) -> str:
    """Write a card as JSON text that contains its own SHA-256 (see `gate.card_digest`)."""
    unsealed = "0" * 64
    # the digest comes first, before any text that may hold as many zeros
    parts = {"contract": data["contract"], "card_sha256": unsealed}
    parts.update((name, part) for name, part in data.items() if name not in parts)
    text = json.dumps(parts, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    return text.replace(unsealed, gate.card_digest(text, unsealed), 1)


def parse(text: str) -> Card:
    """Read a card; `gate.card` checks that it belongs to its file.

    Raises:
        BadInput: the text is not JSON, has another contract version, lacks a part, has a part of the wrong type, or has
            parts that contradict one another.
    """
    try:
        data = typed_json.parse(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"The card is not JSON: line {error.lineno}, column {error.colno}.", _AGAIN) from None
    except ValueError as error:
        raise BadInput(f"The card is not JSON: {str(error)[:80]}.", _AGAIN) from None
    if not isinstance(data, dict):
        raise BadInput(f"The card is {repr(data)[:40]}; expected a JSON object.", _AGAIN)
    if data.get("contract") != spec.VERSION:
        raise BadInput(
            f"The card is of contract version {data.get('contract')!r}; this aetk knows version {spec.VERSION}.",
            "Export the model again, or use the aetk that made it.",
        )
    parts: _Data = typed_json.read(_Data, {"history": [], **data}, "card", spec.CARD)
    _check_features(parts, data)
    for threshold in (parts.threshold, *(entry.threshold for entry in parts.history)):
        check_value(threshold.value)
    if not 0 < parts.similarity.tolerance <= gate.LARGEST_TOLERANCE:
        raise BadInput(
            f"The card's tolerance is {parts.similarity.tolerance:g}; expected more than 0 and at most 0.001.", _AGAIN
        )
    golden = Golden.from_dict(parts.golden, len(parts.features))
    if golden.to_dict(parts.threshold.value, parts.similarity.tolerance)["is_anomaly"] != parts.golden["is_anomaly"]:
        raise BadInput("The card's golden decisions contradict its threshold.", _AGAIN)
    known = {field.name: getattr(parts, field.name) for field in fields(_Parts)}
    return Card(**known, golden=golden, history=parts.history)


def _check_features(parts: _Data, data: Mapping[str, Any]) -> None:
    names = [feature.name for feature in parts.features]
    positions = [feature.get("position") for feature in data["features"]]
    if not names or len(set(names)) != len(names):
        raise BadInput("The card lists no features, or one twice.", _AGAIN)
    if not all(type(p) is int for p in positions) or positions != list(range(len(names))):
        raise BadInput("The card's features are not listed in the order of their positions.", _AGAIN)
    if parts.quantile_levels != QUANTILE_LEVELS:
        raise BadInput(f"The card's quantile levels are {parts.quantile_levels}; expected {QUANTILE_LEVELS}.", _AGAIN)
    if any(f.missing not in MISSING_POLICIES or len(f.quantiles) != len(QUANTILE_LEVELS) for f in parts.features):
        raise BadInput("The card has a feature without its quantiles, or of an unknown missing-value policy.", _AGAIN)
