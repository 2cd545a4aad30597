"""Changes a model's threshold on any machine: neither PyTorch nor the onnx package is needed."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from aetk.base.errors import BadInput, CheckFailed
from aetk.base.names import as_text
from aetk.contract import history, onnxfile, spec
from aetk.contract.arguments import checked
from aetk.contract.card import Card, categories
from aetk.contract.golden import Golden, compare, rows_near
from aetk.contract.history import Replaced
from aetk.contract.threshold import Method, Threshold, calibrate, check_rate, check_value
from aetk.edge.destination import Destination
from aetk.edge.model import LoadedModel
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.session import open_session
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.tables.read import read_table

_ANY_THRESHOLD = ("rows", "anomalies", "auroc", "average_precision")
"""The validation figures that do not depend on the threshold, and so stay true."""


@dataclass(frozen=True)
class ThresholdReport:
    """A model's threshold before and after.

    Attributes:
        invalid: the number of invalid rows in the calibration table, which were left out.
        out: the file that was written; None in a dry run.
    """

    model: Path
    before: Threshold
    after: Threshold
    invalid: int
    out: Path | None


@checked
def change_threshold(
    model: str | Path,
    value: float | None = None,
    *,
    false_alarms: float | None = None,
    best_f1: bool = False,
    undo: bool = False,
    data: str | Path | None = None,
    label: str | None = None,
    sign_key: str | Path | None = None,
    out: str | Path | None = None,
    dry_run: bool = False,
) -> ThresholdReport:
    """Give a model another threshold in one of four ways; `inspect` shows the present one.

    Args:
        model: the model to change.
        value: a similarity, as for `set_threshold`.
        false_alarms: the highest rate of false alarms, for a split-conformal threshold on `data`.
        best_f1: whether to take the highest macro F1 on `data` with `label`.
        undo: whether to put back the threshold that the present one replaced, as `undo_threshold` does.
        data: a table with the model's features, for `false_alarms` and `best_f1`.
        label: as for `calibrate_threshold`.
        sign_key: as for `set_threshold`.
        out: as for `set_threshold`.
        dry_run: as for `set_threshold`.

    Raises:
        BadInput: none of the four ways or several of them, a rate out of range, `data` missing or not needed, or an
            error of the chosen way.
        CheckFailed: see `set_threshold`.
    """
    if sum([value is not None, false_alarms is not None, best_f1, undo]) != 1:
        raise BadInput("Expected one of value, false_alarms, best_f1 and undo.", "Choose one.")
    is_calibrated = false_alarms is not None or best_f1
    if is_calibrated != (data is not None) or (label is not None and data is None):
        raise BadInput(
            "data and label go with false_alarms or best_f1, which need data.", "Name a table, or leave it out."
        )
    if undo:
        return undo_threshold(model, sign_key=sign_key, out=out, dry_run=dry_run)
    if value is not None:
        return set_threshold(model, value, sign_key=sign_key, out=out, dry_run=dry_run)
    assert data is not None
    method = (
        Method("best-f1") if false_alarms is None else Method("conformal", check_rate(false_alarms, "--false-alarms"))
    )
    return calibrate_threshold(model, method, Path(data), label, sign_key=sign_key, out=out, dry_run=dry_run)


@checked
def set_threshold(
    model: str | Path,
    value: float,
    *,
    sign_key: str | Path | None = None,
    out: str | Path | None = None,
    dry_run: bool = False,
) -> ThresholdReport:
    """Give a model a fixed threshold; model and card are replaced together. The card keeps the earlier one.

    Args:
        model: the model to change.
        value: -1 < value <= 1.
        sign_key: a private Ed25519 key in PEM, to sign the new file; a signed model needs one.
        out: another file to write, so that `model` stays as it is; its name ends in `.onnx`.
        dry_run: whether nothing is written.

    Raises:
        BadInput: not a model of the contract, a value out of range, a signed model without a key, or another process
            keeps writing into the model's folder.
        CheckFailed: the model is not the one that its card describes, or fails its golden rows.
    """
    destination = Destination(out, dry_run, sign_key)
    with destination.held(Path(model)) as loaded:
        value = check_value(value)
        return reissue(loaded, Threshold(value, f"fixed:{value:.6g}", None, 0, "set by hand", None), 0, destination)


@checked
def calibrate_threshold(
    model: str | Path,
    method: Method,
    data: Path,
    label: str | None = None,
    *,
    sign_key: str | Path | None = None,
    out: str | Path | None = None,
    dry_run: bool = False,
) -> ThresholdReport:
    """Choose a model's threshold from the rows of a table.

    Args:
        model: the model to change.
        method: `best-f1` or `conformal`.
        data: a table with the model's features. Without a label column every row counts as ordinary.
        label: a column of 0 (ordinary) and 1 (anomaly).
        sign_key: as for `set_threshold`.
        out: as for `set_threshold`.
        dry_run: as for `set_threshold`.

    Raises:
        BadInput: see `edge.tables.read.read_table`, `contract.threshold.calibrate` and `set_threshold`.
        CheckFailed: see `set_threshold`.
    """
    destination = Destination(out, dry_run, sign_key)
    with destination.held(Path(model)) as loaded:
        table = read_table(Path(data), loaded.card.feature_names, label)
        scores = Scorer(loaded).score(table.values)
        valid = scores.is_valid
        labels = None if table.labels is None else table.labels[valid]
        rows = "labelled rows" if labels is not None and method.kind == "best-f1" else "ordinary rows"
        threshold = calibrate(method, scores.similarity[valid], labels, f"{rows} of {as_text(table.path.name)}")
        return reissue(loaded, threshold, int((~valid).sum()), destination)


@checked
def undo_threshold(
    model: str | Path, *, sign_key: str | Path | None = None, out: str | Path | None = None, dry_run: bool = False
) -> ThresholdReport:
    """Put back the threshold that the present one replaced, from the card's history.

    When all changes are undone, the model is again the exported file, byte for byte.

    Args:
        model: the model to change.
        sign_key: as for `set_threshold`.
        out: as for `set_threshold`.
        dry_run: as for `set_threshold`.

    Raises:
        BadInput: the card has no earlier threshold; or see `set_threshold`.
        CheckFailed: see `set_threshold`.
    """
    destination = Destination(out, dry_run, sign_key)
    with destination.held(Path(model)) as loaded:
        card = loaded.card
        if not card.history:
            raise BadInput(
                f"{loaded.path} keeps no earlier threshold; there is nothing to undo.",
                "See the present one and its history with: aetk inspect",
            )
        *earlier, last = card.history
        golden = card.golden.original()
        if last.golden_rows != len(golden):
            golden = _golden_near(loaded, last.threshold.value)
        before = replace(
            card, threshold=last.threshold, validation=last.validation, golden=golden, history=tuple(earlier)
        )
        return _publish(loaded, before, 0, destination)


def reissue(loaded: LoadedModel, threshold: Threshold, invalid: int, destination: Destination) -> ThresholdReport:
    """Write a model from `Destination.held` with another threshold, whose calibration left `invalid` rows out.

    With the threshold that it already has, the model stays the same.

    Raises:
        CheckFailed: with the new threshold the model would fail its golden rows.
    """
    card = loaded.card
    if threshold == card.threshold:
        return _publish(loaded, card, invalid, destination)
    entry = Replaced(history.now(), card.threshold, card.validation, len(card.golden))
    changed = replace(
        card,
        threshold=threshold,
        validation={name: figure for name, figure in card.validation.items() if name in _ANY_THRESHOLD},
        golden=_golden_near(loaded, threshold.value),
        history=history.extended(card.history, entry),
    )
    return _publish(loaded, changed, invalid, destination)


def _publish(loaded: LoadedModel, card: Card, invalid: int, destination: Destination) -> ThresholdReport:
    """Write a model with another card; the threshold of the card is put into the graph, its digest into the card."""
    data = onnxfile.with_card(onnxfile.with_threshold(loaded.data, card.threshold.value), None)
    answers = open_session(data).run(card.golden.inputs)
    if not compare(card.golden, answers, card.threshold.value, card.similarity.tolerance).passed:
        raise CheckFailed(
            f"{loaded.path}: with the new threshold the model fails its golden rows on this machine.",
            "Nothing was changed. See what differs with: aetk verify",
        )
    text = replace(card, model_sha256=onnxfile.digest(data)).to_json()
    out = destination.publish(loaded.path, onnxfile.with_card(data, text), text)
    return ThresholdReport(loaded.path, loaded.card.threshold, card.threshold, invalid, out)


def _golden_near(loaded: LoadedModel, threshold: float) -> Golden:
    """The golden rows of the export, and new ones near a threshold with the answers of this machine."""
    session, tolerance = open_session(loaded.data), loaded.card.similarity.tolerance
    golden = loaded.card.golden.original()
    similarity, kept = lambda rows: session.run(rows)[spec.SIMILARITY], categories(loaded.card.features)
    inputs = rows_near(golden, similarity, threshold, tolerance, kept)
    outputs = session.run(inputs)
    made = Golden(
        inputs,
        outputs[spec.SIMILARITY],
        outputs[spec.SIMILARITY].astype(np.float64),
        outputs[spec.IS_VALID],
        ((f"onnxruntime {onnxruntime().__version__}", len(inputs)),) if len(inputs) else (),
    )
    return golden.append(made.select(~made.near_ties(threshold, tolerance)))
