"""Measures models on a labelled table: exported models with the Scorer, runs with PyTorch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.contract.arguments import checked
from aetk.contract.reading import Encoding, TableFormat
from aetk.contract.threshold import check_rate, expected_alarms
from aetk.edge.scoring.lanes import float32
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.tables.format_words import overridden
from aetk.edge.tables.read import Table, read_table
from aetk.lab.data.redundancy import find_redundancy
from aetk.lab.data.warnings import alarm_warnings, column_warnings, label_warnings, ranking_warnings
from aetk.lab.metrics import Metrics, measure, natural_average_precision
from aetk.lab.runs import read_run

if TYPE_CHECKING:
    from aetk.lab.model.detector import Detector

_TILE = 16384
"""Rows that a run's detector computes at a time, because its activations are many times larger than the rows."""


@dataclass(frozen=True)
class ModelEvaluation:
    """One model's answers and quality.

    Attributes:
        model: an `.onnx` file or a run folder.
        similarity: float32 [rows]; -1 for the `invalid` rows, which count as flagged.
        natural_average_precision: average precision at the report's prevalence; None if that is None.
    """

    model: Path
    threshold: float
    metrics: Metrics
    invalid: int
    similarity: NDArray[np.float32]
    natural_average_precision: float | None = None


@dataclass(frozen=True)
class EvaluateReport:
    """Several models on one table.

    Attributes:
        labels: bool [rows], True for an anomaly.
        prevalence: the share of anomalies that the natural average precision assumes; None if it was not requested.
        warnings: about the table and about each model's answers.
    """

    data: Path
    label: str
    labels: NDArray[np.bool_]
    models: tuple[ModelEvaluation, ...]
    prevalence: float | None = None
    warnings: tuple[str, ...] = ()


@checked
def evaluate(
    models: Sequence[str | Path],
    data: str | Path,
    label: str,
    prevalence: float | None = None,
    *,
    overrides: Sequence[str] = (),
    default_format: bool = False,
    on_stage: Callable[[str], None] = lambda _: None,
) -> EvaluateReport:
    """Score a labelled table with each model and measure the decisions.

    Args:
        models: `.onnx` files and folders of finished runs.
        data: a table with the features of all models.
        label: the table's column of 0 (ordinary) and 1 (anomaly); if it is that of a model's labels, of the values that
            they name.
        prevalence: the share of anomalies in real use, if the table holds a different share.
        overrides, default_format: as for `edge.scoring.table_file.score_file`.
        on_stage: is called as each stage begins, with its name: `reading MODEL`, `measuring MODEL, 1 of 2`, ...

    Raises:
        BadInput: a model breaks the contract, a run is not finished, the table lacks the label, a feature or any rows,
            or the prevalence is not a share or the table holds only one class to weight.
        CheckFailed: a model or run was changed after it was made.
    """
    if not models:
        raise BadInput("No model is named; expected at least one .onnx file or run folder.")
    if prevalence is not None:
        check_rate(prevalence, "--prevalence", "the share of anomalies in nature,")
    found, warnings, table, reading = [], list[str](), None, None
    for number, path in enumerate(map(Path, models), 1):
        on_stage(f"reading {path}")
        subject = _subject(path)
        table_format = overridden(subject.table, overrides, default_text=default_format)
        if table is None or reading != (subject.feature_names, subject.encodings, table_format):
            reading = subject.feature_names, subject.encodings, table_format
            on_stage(f"reading {data}")
            table = read_table(
                Path(data), subject.feature_names, label, encodings=subject.encodings, table=table_format
            )
            warnings += _table_warnings(table)
        assert table.labels is not None  # a label was requested
        if prevalence is not None:
            _check_both_classes(table.labels, data, label)
        on_stage(f"measuring {path}, {number} of {len(models)}")
        found.append(_evaluate(path, subject, table.values, table.labels, prevalence))
    assert table is not None  # there is at least one model
    assert table.labels is not None
    warnings += [doubt for model in found for doubt in _answer_warnings(model, table)]
    return EvaluateReport(Path(data), label, table.labels, tuple(found), prevalence, tuple(dict.fromkeys(warnings)))


def _table_warnings(table: Table) -> Iterator[str]:
    assert table.labels is not None
    yield from label_warnings(len(table.labels), int(table.labels.sum()))
    yield from column_warnings(table.names, table.values, find_redundancy(table.values))


def _answer_warnings(model: ModelEvaluation, table: Table) -> Iterator[str]:
    metrics, rows = model.metrics, f"the rows of {table.path}"
    yield from (f"{model.model}: {doubt}" for doubt in ranking_warnings(metrics.auroc, rows))
    alarms = expected_alarms(metrics.false_positives, metrics.false_positives + metrics.true_negatives)
    yield from (f"{model.model}: {doubt}" for doubt in alarm_warnings(alarms, rows))


def _check_both_classes(labels: NDArray[np.bool_], data: str | Path, label: str) -> None:
    if labels.all() or not labels.any():
        raise BadInput(
            f"Column '{label}' of {data} labels every row {int(labels[0])}; expected rows of both classes, 0 and 1, to "
            f"weight to a prevalence.",
            "Leave --prevalence out, or name a table that holds both.",
        )


@dataclass(frozen=True)
class _Subject:
    """A model or run to evaluate; `judge` returns similarity and validity of float64 rows."""

    feature_names: tuple[str, ...]
    encodings: tuple[Encoding, ...] | None
    table: TableFormat
    threshold: float
    judge: Callable[[NDArray[np.float64]], tuple[NDArray[np.float32], NDArray[np.bool_]]]


def _subject(path: Path) -> _Subject:
    """Open a run if the path is a folder, otherwise a model file."""
    if path.is_dir():
        run = read_run(path)
        threshold, judge = float(run.detector.threshold), partial(_by_tiles, run.detector)
        return _Subject(run.feature_names, run.record.encodings, run.record.table_format, threshold, judge)
    scorer = Scorer(path)
    card = scorer.model.card
    return _Subject(card.feature_names, card.encodings, card.table, scorer.threshold, partial(_by_scorer, scorer))


def _by_scorer(scorer: Scorer, rows: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    scores = scorer.score(rows)
    return scores.similarity, scores.is_valid


def _by_tiles(detector: "Detector", rows: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    from aetk.lab.export.golden import answers  # needs PyTorch, which model files do not need

    parts = [answers(detector, float32(rows[start : start + _TILE])) for start in range(0, len(rows), _TILE)]
    similarity, valid = zip(*parts, strict=True)
    return np.concatenate(similarity), np.concatenate(valid)


def _evaluate(
    path: Path,
    subject: _Subject,
    rows: NDArray[np.float64],
    labels: NDArray[np.bool_],
    prevalence: float | None,
) -> ModelEvaluation:
    similarity, valid = subject.judge(rows)
    return ModelEvaluation(
        model=path,
        threshold=subject.threshold,
        metrics=measure(similarity, labels, subject.threshold),
        invalid=int((~valid).sum()),
        similarity=similarity,
        natural_average_precision=(
            None if prevalence is None else natural_average_precision(similarity, labels, prevalence)
        ),
    )
