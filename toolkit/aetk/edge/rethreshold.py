"""Re-issues a model with another threshold, on any device: neither PyTorch nor the onnx package is needed."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aetk.contract import onnxfile, spec
from aetk.contract.errors import CheckFailed
from aetk.contract.files import write_atomically
from aetk.contract.golden import Golden, compare, rows_near
from aetk.contract.locks import FOLDER_WAIT, locked
from aetk.contract.names import as_text
from aetk.contract.threshold import Method, Threshold, calibrate, check_value
from aetk.edge.model import LoadedModel, card_path, load
from aetk.edge.runtime import onnxruntime
from aetk.edge.scorer import Scorer
from aetk.edge.session import Session, open_session
from aetk.edge.signing import signed
from aetk.edge.tables import read_table

_ANY_THRESHOLD = ("rows", "anomalies", "auroc", "average_precision")
"""The validation figures that do not depend on the threshold, and so stay true."""


@dataclass(frozen=True)
class ThresholdReport:
    """A model's threshold before and after.

    Attributes:
        invalid: rows of the calibration table that could not be judged, and were left out.
    """

    model: Path
    before: Threshold
    after: Threshold
    invalid: int


def set_threshold(model: str | Path, value: float, *, sign_key: Path | None = None) -> ThresholdReport:
    """Give a model a fixed threshold; model and card are replaced together, and signed anew with a private key.

    Raises:
        BadInput: not a model of the contract, not -1 < value <= 1, or another process writes into the model's folder
            and does not end.
        CheckFailed: the model is not the one that its card describes.
    """
    with held(model, sign_key) as loaded:
        value = check_value(value)
        return reissue(loaded, Threshold(value, f"fixed:{value:.6g}", None, 0, "set by hand", None), 0, sign_key)


def calibrate_threshold(
    model: str | Path, method: Method, data: Path, label: str | None = None, *, sign_key: Path | None = None
) -> ThresholdReport:
    """Calibrate a model's threshold anew on a table.

    Args:
        model: the model to change.
        method: `best-f1` or `conformal`.
        data: a table with the model's features. Without a label column every row passes for ordinary.
        label: a column of 0 (ordinary) and 1 (anomaly).
        sign_key: a private Ed25519 key in PEM, to sign the file anew.

    Raises:
        BadInput: see `edge.tables.read_table` and `contract.threshold.calibrate`; or another process as above.
    """
    with held(model, sign_key) as loaded:
        table = read_table(Path(data), loaded.card.feature_names, label)
        scores = Scorer(loaded).score(table.values)
        valid = scores.is_valid
        labels = None if table.labels is None else table.labels[valid]
        rows = "labelled rows" if labels is not None and method.kind == "best-f1" else "ordinary rows"
        threshold = calibrate(method, scores.similarity[valid], labels, f"{rows} of {as_text(table.path.name)}")
        return reissue(loaded, threshold, int((~valid).sum()), sign_key)


@contextlib.contextmanager
def held(model: str | Path, sign_key: Path | None) -> Iterator[LoadedModel]:
    """Load a model and hold its folder until it is written, so that of two at once none undoes the other."""
    with locked(Path(model).resolve().parent, FOLDER_WAIT):
        loaded = load(Path(model))
        signed(loaded.path, b"", sign_key)  # before the work, for what stands in its way
        yield loaded


def reissue(loaded: LoadedModel, threshold: Threshold, invalid: int, sign_key: Path | None) -> ThresholdReport:
    """Write a model that is held anew, with a threshold that left `invalid` rows out.

    Raises:
        CheckFailed: with the threshold it would fail its golden rows.
    """
    data = onnxfile.with_card(onnxfile.with_threshold(loaded.data, threshold.value), None)
    session = open_session(data)
    tolerance = loaded.card.similarity.tolerance
    golden = loaded.card.golden.original()
    golden = golden.append(_near_rows(golden, session, threshold.value, tolerance))
    kept = {name: figure for name, figure in loaded.card.validation.items() if name in _ANY_THRESHOLD}
    card = replace(
        loaded.card, threshold=threshold, validation=kept, golden=golden, model_sha256=onnxfile.digest(data)
    ).to_json()
    if not compare(golden, session.run(golden.inputs), threshold.value, tolerance).passed:
        raise CheckFailed(
            f"{loaded.path}: with the new threshold the model fails its golden rows on this machine.",
            "Nothing was changed. See what differs with: aetk verify",
        )
    path = loaded.path.resolve()  # where a link points, model and card stay together
    published = onnxfile.with_card(data, card)
    write_atomically([(path, published), (card_path(path), card.encode()), *signed(path, published, sign_key)])
    return ThresholdReport(loaded.path, loaded.card.threshold, threshold, invalid)


def _near_rows(golden: Golden, session: Session, threshold: float, tolerance: float) -> Golden:
    inputs = rows_near(golden, lambda rows: session.run(rows)[spec.SIMILARITY], threshold, tolerance)
    outputs = session.run(inputs)
    made = Golden(
        inputs,
        outputs[spec.SIMILARITY],
        outputs[spec.SIMILARITY].astype(np.float64),
        outputs[spec.IS_VALID],
        ((f"onnxruntime {onnxruntime().__version__}", len(inputs)),) if len(inputs) else (),
    )
    return made.select(~made.near_ties(threshold, tolerance))
