"""The model card: what a model is, read from JSON and written to it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from aetk.contract import spec
from aetk.contract.errors import BadInput
from aetk.contract.golden import Golden
from aetk.contract.threshold import Alarms, Threshold, check_value

_T = TypeVar("_T")

QUANTILE_LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
MISSING_POLICIES = ("reject", "median")


@dataclass(frozen=True)
class Feature:
    """One input column, in order.

    Attributes:
        name: the column's name in tables.
        quantiles: of the training rows, at `QUANTILE_LEVELS`, to six digits.
        missing: `reject`: a missing or infinite value makes the row invalid; `median`: `fill` takes its place.
        fill: the value that takes its place, else None.
    """

    name: str
    quantiles: tuple[float, ...]
    missing: str
    fill: float | None


@dataclass(frozen=True)
class Similarity:
    """How rows are compared: the anchor κ, the bound of scaled values, the tolerance between runtimes."""

    kappa: float
    bound: float
    tolerance: float


@dataclass(frozen=True)
class Card:
    """Everything about a model that is not in its graph. Of the free-form parts, each is plain JSON."""

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
    golden: Golden

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
            "validation": self.validation,
            "recipe": self.recipe,
            "training_data": self.training_data,
            "versions": self.versions,
            "requires": self.requires,
            "model_sha256": self.model_sha256,
            "golden": self.golden.to_dict(self.threshold.value, self.similarity.tolerance),
        }
        return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def parse(text: str) -> Card:
    """Read a card.

    Raises:
        BadInput: not JSON, another contract version, or a part that is missing or of the wrong kind.
    """
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"The card is not JSON: {error}.") from None
    if not isinstance(data, dict) or data.get("contract") != spec.VERSION:
        found = data.get("contract") if isinstance(data, dict) else None
        raise BadInput(
            f"The card is of contract version {found!r}; this aetk knows version {spec.VERSION}.",
            "Export the model again, or use the aetk that made it.",
        )
    try:
        return _from_dict(data)
    except KeyError as error:
        raise BadInput(f"The card lacks the part {error}.", "Export the model again.") from None
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadInput(f"The card has a part of the wrong kind: {error}.", "Export the model again.") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _from_dict(data: dict[str, Any]) -> Card:
    features = tuple(
        Feature(
            _of(str, f["name"]),
            tuple(map(float, f["quantiles"])),
            _of(str, f["missing"]),
            None if f["fill"] is None else float(f["fill"]),
        )
        for f in data["features"]
    )
    if any(f["position"] != i for i, f in enumerate(data["features"])) or not features:
        raise BadInput("The card's features are not listed in the order of their positions.")
    if any(f.missing not in MISSING_POLICIES or len(f.quantiles) != len(QUANTILE_LEVELS) for f in features):
        raise BadInput("The card has a feature without its quantiles, or of an unknown missing-value policy.")
    alarms = data["threshold"]["alarms"]
    threshold = Threshold(
        value=check_value(float(data["threshold"]["value"])),
        method=_of(str, data["threshold"]["method"]),
        target=None if data["threshold"]["target"] is None else float(data["threshold"]["target"]),
        rows=_of(int, data["threshold"]["rows"]),
        basis=_of(str, data["threshold"]["basis"]),
        alarms=None if alarms is None else Alarms(**alarms),
    )
    return Card(
        name=_of(str, data["name"]),
        features=features,
        similarity=Similarity(*(float(data["similarity"][k]) for k in ("kappa", "bound", "tolerance"))),
        threshold=threshold,
        validation=_of(dict, data["validation"]),
        recipe=_of(dict, data["recipe"]),
        training_data=_of(dict, data["training_data"]),
        versions=_of(dict, data["versions"]),
        requires=_of(str, data["requires"]),
        model_sha256=_of(str, data["model_sha256"]),
        golden=Golden.from_dict(data["golden"], len(features)),
    )


def _of(kind: type[_T], value: Any) -> _T:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} where {kind.__name__} was expected")
    return value
