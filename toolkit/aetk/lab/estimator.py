"""The detector as an estimator of scikit-learn: the same training, and the same decisions as the exported file."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput, MissingExtra
from aetk.contract import spec
from aetk.lab.recipe import Recipe

try:
    from sklearn.base import BaseEstimator, OneToOneFeatureMixin, OutlierMixin, TransformerMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise MissingExtra("The estimator", "lab,cpu") from None

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aetk.lab.export.publish import ExportReport
    from aetk.lab.model.detector import Detector as Module

_KEYS = tuple(field.name for field in fields(Recipe) if field.name != "name")
_BATCH = 65_536


class Detector(OneToOneFeatureMixin, TransformerMixin, OutlierMixin, BaseEstimator):  # type: ignore[misc]
    """An anomaly detector with the interface of scikit-learn's outlier detectors.

    `fit` trains as `aetk.train` does on rows without labels, `predict` decides as the exported model does: a row is an
    outlier if not (similarity >= threshold). `transform` returns each feature's contribution to 1 - similarity. An
    estimator pickles, and runs in `Pipeline`, `GridSearchCV` and `cross_val_score`.

    Args:
        recipe: `default`, `small` or `reference`, or the path of a TOML file.
        scaling, kappa, networks, memory, memory_kib, remember, temperature, weighting, compact, trim, learning_rate,
            batch_rows, swap_noise, gaussian_noise, epochs, steps, schedule, evaluate_every, patience, select_on,
            selection_threshold, threshold: values that replace those of the recipe; None keeps the recipe's own.
            `threshold` is a method: `fixed:VALUE`, `conformal` or `conformal:RATE`.
        missing: `reject`, or `median` to replace missing values (NaN) by the median of their column.
        device: `auto`, `cpu`, `cuda` or `mps`, for the training; rows are scored on the CPU.
        random_state: the seed of everything random, or a random number generator that draws one.

    Attributes:
        offset_: the threshold, a similarity; `decision_function` is negative below it.
        n_features_in_, feature_names_in_: the columns of the rows that were fitted to.
        decision_scores_, labels_, threshold_: by PyOD's names, the anomaly scores 1 - similarity of the rows that were
            fitted to, float64 [rows]; their decisions, int [rows], 1 for an outlier; and the threshold of those scores.
    """

    def __init__(
        self,
        recipe: str | Path = "default",
        *,
        scaling: str | None = None,
        kappa: float | None = None,
        networks: Sequence[Sequence[int]] | None = None,
        memory: int | None = None,
        memory_kib: int | None = None,
        remember: str | None = None,
        temperature: float | None = None,
        weighting: str | None = None,
        compact: bool | None = None,
        trim: float | None = None,
        learning_rate: float | None = None,
        batch_rows: int | None = None,
        swap_noise: Sequence[float] | None = None,
        gaussian_noise: float | None = None,
        epochs: int | None = None,
        steps: int | None = None,
        schedule: str | None = None,
        evaluate_every: int | None = None,
        patience: int | None = None,
        select_on: str | None = None,
        selection_threshold: float | None = None,
        threshold: str | None = None,
        missing: str = "reject",
        device: str = "auto",
        random_state: Any = 41,
    ) -> None:
        self.recipe = recipe
        self.scaling = scaling
        self.kappa = kappa
        self.networks = networks
        self.memory = memory
        self.memory_kib = memory_kib
        self.remember = remember
        self.temperature = temperature
        self.weighting = weighting
        self.compact = compact
        self.trim = trim
        self.learning_rate = learning_rate
        self.batch_rows = batch_rows
        self.swap_noise = swap_noise
        self.gaussian_noise = gaussian_noise
        self.epochs = epochs
        self.steps = steps
        self.schedule = schedule
        self.evaluate_every = evaluate_every
        self.patience = patience
        self.select_on = select_on
        self.selection_threshold = selection_threshold
        self.threshold = threshold
        self.missing = missing
        self.device = device
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "Detector":  # noqa: N803 - scikit-learn's names
        """Train on rows, float [rows, n]: an array or a data frame. `y` is ignored.

        Raises:
            ValueError: the rows are not finite numbers, are too few, or a parameter is out of range.
            CheckFailed: the loss became infinite or NaN.
        """
        from aetk.lab.training.trainer import train

        values = self._validated(X, reset=True)
        names = getattr(self, "feature_names_in_", None)
        rows = values if names is None else {str(name): column for name, column in zip(names, values.T, strict=True)}
        with tempfile.TemporaryDirectory(prefix="aetk-") as folder:
            run = Path(folder) / "run"
            try:
                report = train(
                    rows,
                    recipe=self.recipe,
                    settings=self._settings(),
                    device=self.device,
                    seed=self._seed(),
                    missing=self.missing,
                    out=run,
                    progress=False,
                )
            except BadInput as error:
                raise ValueError(f"{error.message} {error.hint}".strip()) from None
            self._run = {path.name: path.read_bytes() for path in sorted(run.iterdir()) if path.is_file()}
        self.__dict__.pop("_module", None)
        self.offset_ = float(report.threshold.value)
        similarity = self._similarity(values)
        self.decision_scores_ = 1.0 - similarity
        self.labels_ = (similarity < self.offset_).astype(int)
        self.threshold_ = 1.0 - self.offset_
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """The similarity of each row to its reconstruction, float64 [rows]; higher is more usual."""
        check_is_fitted(self)
        return self._similarity(self._validated(X))

    def decision_function(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """`score_samples` less `offset_`, float64 [rows]: negative for an outlier."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803
        """Decide: int [rows], 1 for an ordinary row and -1 for an outlier."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def transform(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Each feature's contribution to 1 - similarity, float64 [rows, n]; a row's contributions sum to it."""
        check_is_fitted(self)
        return self._answers(self._validated(X))[1]

    def to_onnx(
        self, path: str | os.PathLike[str], *, explain: bool = False, opset: int = spec.OPSET
    ) -> "ExportReport":
        """Export as `aetk.export` does: one file with its card, published only if it decides as this estimator does.

        Raises:
            CheckFailed: the parity check failed; nothing is written.
        """
        from aetk.lab.export.publish import export

        check_is_fitted(self)
        with self._folder() as run:
            return export(run, out=Path(path), explain=explain, opset=opset)

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write a run folder, which `aetk export` and `aetk evaluate` take; raise FileExistsError if it exists."""
        check_is_fitted(self)
        target = Path(folder)
        target.mkdir(parents=True)
        for name, content in self._run.items():
            (target / name).write_bytes(content)
        return target

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_run")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.missing == "median"
        return tags

    def __getstate__(self) -> Any:
        state = dict(super().__getstate__())
        state.pop("_module", None)  # is built again from the run
        return state

    def _settings(self) -> dict[str, Any]:
        given = {key: getattr(self, key) for key in _KEYS if getattr(self, key) is not None}
        if "networks" in given:
            given["networks"] = [list(widths) for widths in given["networks"]]
        if "swap_noise" in given:
            given["swap_noise"] = list(given["swap_noise"])
        return given

    def _seed(self) -> int:
        if isinstance(self.random_state, (int, np.integer)):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31))

    def _validated(self, rows: Any, *, reset: bool = False) -> NDArray[np.float64]:
        finite = "allow-nan" if self.missing == "median" else True
        fewest = 2 if reset else 1
        values: NDArray[np.float64] = validate_data(
            self, rows, reset=reset, dtype=np.float64, ensure_all_finite=finite, ensure_min_samples=fewest
        )
        return values

    @contextmanager
    def _folder(self) -> "Iterator[Path]":
        with tempfile.TemporaryDirectory(prefix="aetk-") as folder:
            yield self.save(Path(folder) / "run")

    def _loaded(self) -> "Module":
        from aetk.lab.runs import read_run

        if "_module" not in self.__dict__:
            with self._folder() as run:
                self._module = read_run(run).detector
            self._module.explain = True
        return self._module

    def _similarity(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._answers(values)[0]

    def _answers(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Similarity [rows] and contributions [rows, n] of rows, float64 [rows, n]."""
        import torch

        module, found = self._loaded(), []
        with np.errstate(over="ignore"):  # the module knows how to judge what is beyond float32
            rows = torch.from_numpy(values.astype(np.float32))
        with torch.no_grad():
            for start in range(0, len(rows), _BATCH):
                similarity, _, _, contribution = module(rows[start : start + _BATCH])
                found.append((similarity.numpy().astype(np.float64), contribution.numpy().astype(np.float64)))
        return np.concatenate([part for part, _ in found]), np.concatenate([part for _, part in found])
