"""Scores rows with an exported model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.cpus import usable_cpus
from aetk.base.errors import BadInput, Unavailable
from aetk.contract import named_rows, spec
from aetk.contract.arguments import checked
from aetk.contract.threshold import check_value, is_anomaly
from aetk.edge.model import LoadedModel, load
from aetk.edge.runtime.providers import find_provider
from aetk.edge.runtime.session import Session, gave_up, open_session
from aetk.edge.scoring.tiles import Tiles, rows_per_tile

_STREAMS = 2
"""Threads for a device: while one waits for the copies, another computes."""


@dataclass(frozen=True)
class Scores:
    """The model's answers for a batch of rows.

    Attributes:
        similarity: float32 [rows] in [-1, 1]; exactly -1 if the row is invalid.
        is_anomaly: bool [rows], not (similarity >= threshold).
        is_valid: bool [rows], whether the model could judge the row.
        contribution: float32 [rows, n], each feature's share of 1 - similarity; None unless exported with --explain.
    """

    similarity: NDArray[np.float32]
    is_anomaly: NDArray[np.bool_]
    is_valid: NDArray[np.bool_]
    contribution: NDArray[np.float32] | None


class Scorer:
    """An exported model, ready to score; any number of threads may use it at once.

    It is pickled and copied as the model's path and digest, or as its bytes if it was opened from memory; each copy
    opens its own session.

    Args:
        model: the path of an `.onnx` file, its bytes, a file opened in binary mode, a package's resource, or a model
            already loaded; see `edge.model.load`.
        providers: names in order of preference, short ones or ONNX Runtime's; the first that runs the whole model is
            used.
        threads: the number of threads that work on one call; None takes one for each processor that this process may
            use. On a provider other than the CPU they overlap copying and computing, and None takes two.
        threshold: the threshold to use instead of the model's own.

    Raises:
        BadInput: not a model of the contract, a threshold outside (-1, 1], or an argument of another type.
        CheckFailed: the model is not the one that its card describes.
        Unavailable: none of the providers can run it.
    """

    @checked
    def __init__(
        self,
        model: str | Path | Any,
        *,
        providers: Sequence[str] = ("cpu",),
        threads: int | None = None,
        threshold: float | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise BadInput(f"threads is {threads}; expected at least 1.")
        self.model = load(model)
        self._options = {"providers": providers, "threads": threads, "threshold": threshold}
        self._threshold = None if threshold is None else check_value(threshold)
        self._session = _first_that_works(self.model, providers)
        self.tile = rows_per_tile(self.model.graph, self._session.provider.device)
        self.threads = threads or (usable_cpus() if self.provider == "cpu" else _STREAMS)
        self._explains = spec.CONTRIBUTION in self._session.outputs
        self._tiles = Tiles(self._session, len(self.feature_names), self.tile, self.threads)

    def __reduce__(self) -> tuple[Any, ...]:
        return _open_again, (self.model, self._options)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns that `score` takes, in order."""
        return self.model.card.feature_names

    @property
    def threshold(self) -> float:
        """The threshold in use."""
        return self.model.graph.threshold if self._threshold is None else self._threshold

    @property
    def provider(self) -> str:
        """The short name of the provider in use, and the device after a colon if one was requested."""
        return self._session.provider.label

    @property
    def placement(self) -> dict[str, int]:
        """The number of the model's nodes per provider: all run on the one in use."""
        return self._session.placement

    def score(self, rows: Any) -> Scores:
        """Score raw feature values, one row or many millions.

        Args:
            rows: rows by name (other names are ignored): data frames (pandas, polars, ...), Arrow tables, Series,
                dicts, named tuples, structured arrays, and lists of these. Or by position, [rows, n] or one row [n]:
                arrays, masked arrays, tensors, and lists of numbers. `contract.named_rows` defines the rules. Rows are
                copied only if they are not C-contiguous float32.

        Raises:
            BadInput: a column is missing, the number of columns is wrong, or a value is not a number.
            Unavailable: the runtime failed, for example for lack of memory.
        """
        features = self._features(rows)
        count = len(features)
        similarity, flags, valid = np.empty(count, np.float32), np.empty(count, np.bool_), np.empty(count, np.bool_)
        contribution = np.empty(features.shape, np.float32) if self._explains else None
        results = (similarity, flags, valid) if contribution is None else (similarity, flags, valid, contribution)
        try:
            self._tiles.run(features, results)
        except Exception as error:  # noqa: BLE001 - all but the runtime's own are raised again
            raise gave_up(self._session.provider, error) from None
        if self._threshold is not None:
            flags = is_anomaly(similarity, self._threshold)
        return Scores(similarity, flags, valid, contribution)

    def _features(self, rows: Any) -> NDArray[Any]:
        """Rows as an array [rows, n] of a real dtype."""
        try:
            return named_rows.select(rows, self.feature_names)
        except named_rows.Refused as refused:
            raise BadInput(refused.message, refused.hint) from None


def _open_again(model: LoadedModel, options: dict[str, Any]) -> Scorer:
    return Scorer(model, **options)


def _first_that_works(model: LoadedModel, providers: Sequence[str]) -> Session:
    if not providers:
        raise BadInput("No provider is named; expected at least one, for example cpu.")
    reasons = []
    for short in providers:
        try:
            return open_session(model.data, find_provider(short), threads=1)
        except Unavailable as error:
            reasons.append(error)
    if len(reasons) == 1:
        raise reasons[0]
    raise Unavailable(
        "None of the providers can run the model: " + " ".join(error.message for error in reasons), reasons[0].hint
    )
