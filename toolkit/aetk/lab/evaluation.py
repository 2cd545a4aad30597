"""Measures exported models on a labelled table, through the same scorer that runs on the edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aetk.contract.errors import BadInput
from aetk.edge.scorer import Scorer
from aetk.edge.tables import read_table
from aetk.lab.metrics import Metrics, measure


@dataclass(frozen=True)
class ModelEvaluation:
    """One model's answers and quality.

    Attributes:
        similarity: float32 [rows]; -1 for the `invalid` ones, which count as flagged.
    """

    model: Path
    threshold: float
    metrics: Metrics
    invalid: int
    similarity: NDArray[np.float32]


@dataclass(frozen=True)
class EvaluateReport:
    """Several models on one table.

    Attributes:
        labels: bool [rows], True for an anomaly.
    """

    data: Path
    label: str
    labels: NDArray[np.bool_]
    models: tuple[ModelEvaluation, ...]


def evaluate(models: Sequence[str | Path], data: str | Path, label: str) -> EvaluateReport:
    """Score a labelled table with each model and measure the decisions.

    Raises:
        BadInput: not a model of the contract, or a table without the label, a feature, or any rows.
    """
    if not models:
        raise BadInput("No model is named; expected at least one .onnx file.")
    found, labels = [], np.empty(0, bool)
    for path in models:
        scorer = Scorer(path)
        table = read_table(Path(data), scorer.feature_names, label)
        assert table.labels is not None  # a label was asked for
        labels = table.labels
        scores = scorer.score(table.values)
        metrics = measure(scores.similarity, labels, scorer.threshold)
        invalid = int((~scores.is_valid).sum())
        found.append(ModelEvaluation(Path(path), scorer.threshold, metrics, invalid, scores.similarity))
    return EvaluateReport(Path(data), label, labels, tuple(found))
