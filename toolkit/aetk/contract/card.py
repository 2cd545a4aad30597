"""The model card: the description of a model, read from JSON and written to it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.base.typed_json import OPTIONAL
from aetk.contract import gate, spec
from aetk.contract.dialect import MISSING_POLICIES
from aetk.contract.golden import Golden
from aetk.contract.history import Replaced
from aetk.contract.reading import DEFAULT, Encoding, Refused, TableFormat, read_encoding, read_format
from aetk.contract.threshold import Threshold, check_value

QUANTILE_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_AGAIN = spec.CARD.remedy


@dataclass(frozen=True)
class Feature:
    """One input column, in order.

    Attributes:
        name: the column's name in tables.
        quantiles: quantiles of the training rows at `QUANTILE_LEVELS`, to six digits.
        missing: `reject`: a missing or infinite value makes the row invalid; `median`: `fill` takes its place; `level`:
            it is the level of a category that stands for all other text.
        fill: the value that takes its place, else None.
        levels, truths, notation, markers, time: how cells become values, see `reading.Encoding`; contract 2 only.
    """

    name: str
    quantiles: tuple[float, ...]
    missing: str
    fill: float | None
    levels: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    truths: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    notation: str = field(default="decimal", metadata=OPTIONAL)
    markers: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    time: Mapping[str, str] | None = field(default=None, metadata=OPTIONAL)

    @cached_property
    def encoding(self) -> Encoding:
        """How the cells of its column become values."""
        return read_encoding(asdict(self))

    def to_data(self) -> dict[str, Any]:
        """It as plain JSON; what contract 1 does not know is left out where it has its default."""
        return {key: value for key, value in asdict(self).items() if key not in _OPTIONAL or value != _OPTIONAL[key]}


_OPTIONAL = {part.name: part.default for part in fields(Feature) if part.metadata == OPTIONAL}


def feature_of(name: str, encoding: Encoding, quantiles: Sequence[float], missing: str, fill: float | None) -> Feature:
    """The feature of a name whose cells are read in this way."""
    data = {"name": name, "quantiles": list(quantiles), "missing": missing, "fill": fill, **encoding.to_data(name)}
    feature: Feature = typed_json.read(Feature, data, "feature", spec.CARD)
    return feature


def between_quantiles(features: Sequence[Feature], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate the features' quantiles: levels, float64 [rows, n] within `QUANTILE_LEVELS`, to values, [rows, n].

    The indices of a category are rounded to whole ones.
    """
    columns = [np.interp(levels[:, i], QUANTILE_LEVELS, feature.quantiles) for i, feature in enumerate(features)]
    return np.column_stack([np.rint(c) if f.levels else c for c, f in zip(columns, features, strict=True)])


def categories(features: Sequence[Feature]) -> list[int]:
    """The positions of the features that are categories."""
    return [position for position, feature in enumerate(features) if feature.levels]


def all_indices(levels: int) -> tuple[float, ...]:
    """The indices that a category of so many levels is tried with, then values that are none: all mean what the last
    index means.
    """
    return (*map(float, range(levels + 1)), -1.0, levels + 5.0, 0.5, math.nan, math.inf, -math.inf)


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
    table: TableFormat = DEFAULT

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The input columns in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def contract(self) -> int:
        """The version of the contract: 2 only if the table's format or a feature needs it."""
        is_first = self.table.is_default and all(feature.encoding.is_plain for feature in self.features)
        return 1 if is_first else 2

    def to_json(self) -> str:
        """UTF-8 JSON text with a final newline; the same card gives the same bytes."""
        data = {
            "contract": self.contract,
            "name": self.name,
            **({} if self.table.is_default else {"table": self.table.to_data()}),
            "features": [{"position": i, **f.to_data()} for i, f in enumerate(self.features)],
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
    if data.get("contract") not in gate.CONTRACTS:
        raise BadInput(
            f"The card is of contract version {data.get('contract')!r}; this aetk knows the versions "
            f"{' and '.join(map(str, gate.CONTRACTS))}.",
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
    known = {part.name: getattr(parts, part.name) for part in fields(_Parts)}
    card = Card(**known, golden=golden, history=parts.history, table=_read_table(data.get("table"), parts.features))
    if card.contract > data["contract"]:
        raise BadInput("The card says contract 1, and describes a table or features of contract 2.", _AGAIN)
    return card


def _read_table(data: Any, features: Sequence[Feature]) -> TableFormat:
    try:
        for feature in features:
            _ = feature.encoding
        return read_format(data)
    except Refused as refused:
        raise BadInput(f"The card is damaged: {refused.message}.", _AGAIN) from None


def _check_features(parts: _Data, data: Mapping[str, Any]) -> None:
    names = [feature.name for feature in parts.features]
    positions = [feature.get("position") for feature in data["features"]]
    if not names or len(set(names)) != len(names):
        raise BadInput("The card lists no features, or one twice.", _AGAIN)
    if not all(type(p) is int for p in positions) or positions != list(range(len(names))):
        raise BadInput("The card's features are not listed in the order of their positions.", _AGAIN)
    if parts.quantile_levels != QUANTILE_LEVELS:
        raise BadInput(f"The card's quantile levels are {parts.quantile_levels}; expected {QUANTILE_LEVELS}.", _AGAIN)
    if any(
        (f.missing not in MISSING_POLICIES and (f.missing != "level" or not f.levels))
        or len(f.quantiles) != len(QUANTILE_LEVELS)
        for f in parts.features
    ):
        raise BadInput("The card has a feature without its quantiles, or of an unknown missing-value policy.", _AGAIN)
