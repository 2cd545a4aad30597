"""Scores rows with an exported model."""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.errors import BadInput, Unavailable
from aetk.contract.threshold import check_value, is_anomaly
from aetk.edge.model import LoadedModel, load
from aetk.edge.providers import find_provider
from aetk.edge.session import Session, open_session

_TILE = 4096


@dataclass(frozen=True)
class Scores:
    """The model's answers for a batch of rows.

    Attributes:
        similarity: float32 [rows] in [-1, 1]; exactly -1 where the row could not be judged.
        is_anomaly: bool [rows], not (similarity >= threshold).
        is_valid: bool [rows].
        contribution: float32 [rows, n], each feature's share of 1 - similarity; None unless exported with --explain.
    """

    similarity: NDArray[np.float32]
    is_anomaly: NDArray[np.bool_]
    is_valid: NDArray[np.bool_]
    contribution: NDArray[np.float32] | None


class Scorer:
    """An exported model, ready to score.

    Args:
        path: the `.onnx` file, or a model already loaded.
        providers: short names in order of preference; the first that runs the whole model is used.
        threads: intra-op threads; None leaves the choice to ONNX Runtime.
        threshold: decide by this one instead of the model's own.

    Raises:
        BadInput: not a model of the contract, or a threshold outside (-1, 1].
        CheckFailed: the model is not the one that its card describes.
        Unavailable: none of the providers can run it.
    """

    def __init__(
        self,
        path: str | Path | LoadedModel,
        *,
        providers: Sequence[str] = ("cpu",),
        threads: int | None = None,
        threshold: float | None = None,
    ) -> None:
        self.model = path if isinstance(path, LoadedModel) else load(Path(path))
        self._threshold = None if threshold is None else check_value(threshold)
        self._session = _first_that_works(self.model, providers, threads)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that `score` takes, in order."""
        return self.model.card.feature_names

    @property
    def threshold(self) -> float:
        """The threshold in force."""
        return self.model.graph.threshold if self._threshold is None else self._threshold

    @property
    def provider(self) -> str:
        """The short name of the provider in use."""
        return self._session.provider.short

    def score(self, rows: Any) -> Scores:
        """Score raw feature values.

        Args:
            rows: numbers of any real dtype, [rows, n] or one row [n]; a pandas data frame is read by column name.

        Raises:
            BadInput: another number of columns, or values that are no numbers.
        """
        features = self._features(rows)
        n_rows, n = features.shape
        explains = spec.CONTRIBUTION in self._session.outputs
        similarity = np.empty(n_rows, np.float32)
        flags, valid = np.empty(n_rows, np.bool_), np.empty(n_rows, np.bool_)
        contribution = np.empty((n_rows, n), np.float32) if explains else None
        for start in range(0, n_rows, _TILE):
            tile = slice(start, start + _TILE)
            outputs = self._session.run(features[tile])
            similarity[tile] = outputs[spec.SIMILARITY]
            flags[tile], valid[tile] = outputs[spec.IS_ANOMALY], outputs[spec.IS_VALID]
            if contribution is not None:
                contribution[tile] = outputs[spec.CONTRIBUTION]
        if self._threshold is not None:
            flags = is_anomaly(similarity, self._threshold)
        return Scores(similarity, flags, valid, contribution)

    def _features(self, rows: Any) -> NDArray[np.float32]:
        if hasattr(rows, "columns"):
            missing = [name for name in self.feature_names if name not in rows.columns]
            if missing:
                raise BadInput(f"The data frame lacks the column {missing[0]!r}.")
            rows = rows[list(self.feature_names)].to_numpy(na_value=np.nan)
        try:
            array = np.atleast_2d(np.asarray(rows))
            if array.dtype.kind not in "fiub" and not all(isinstance(item, numbers.Real) for item in array.flat):
                raise TypeError
            with np.errstate(over="ignore"):  # beyond float32 is infinite, which the model knows how to judge
                features = array.astype(np.float32, copy=False)
        except (ValueError, TypeError, OverflowError):
            raise BadInput("Rows hold values that are no numbers; expected an array of numbers.") from None
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise BadInput(
                f"Rows are of the shape {list(features.shape)}; expected [rows, {len(self.feature_names)}].",
                f"The features are {', '.join(self.feature_names[:5])}, ... in the card's order.",
            )
        return np.ascontiguousarray(features)


def _first_that_works(model: LoadedModel, providers: Sequence[str], threads: int | None) -> Session:
    if not providers:
        raise BadInput("No provider is named; expected at least one, cpu for instance.")
    reasons = []
    for short in providers:
        try:
            return open_session(model.data, find_provider(short), threads=threads)
        except Unavailable as error:
            reasons.append(error)
    if len(reasons) == 1:
        raise reasons[0]
    raise Unavailable("None of the providers can run the model: " + " ".join(error.message for error in reasons))
