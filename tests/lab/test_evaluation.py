"""Evaluation scores through the exported file and measures as scikit-learn does."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from aetk.contract.errors import BadInput
from aetk.edge.scorer import Scorer
from aetk.lab.evaluation import evaluate


@pytest.fixture
def table(breast_cancer):
    names = [str(name).replace(" ", "_") for name in breast_cancer.feature_names]
    return pd.DataFrame(breast_cancer.data, columns=names).assign(y=1 - breast_cancer.target)


def test_every_models_figures_are_those_of_its_own_scores(model, explaining_model, table, tmp_path):
    table.to_csv(tmp_path / "t.csv", index=False)
    report = evaluate([model, explaining_model], tmp_path / "t.csv", "y")
    assert [m.model for m in report.models] == [model, explaining_model]
    for found in report.models:
        scores = Scorer(found.model).score(table)
        assert np.array_equal(found.similarity, scores.similarity)
        assert found.metrics.macro_f1 == pytest.approx(f1_score(table.y, scores.is_anomaly, average="macro"))
        assert found.metrics.auroc == pytest.approx(roc_auc_score(table.y, -scores.similarity))
        assert found.metrics.average_precision == pytest.approx(average_precision_score(table.y, -scores.similarity))


def test_columns_are_found_by_name_and_others_ignored(model, table, tmp_path):
    table.to_csv(tmp_path / "t.csv", index=False)
    table[table.columns[::-1]].assign(note="text").to_csv(tmp_path / "other.csv", index=False)
    one, other = (evaluate([model], tmp_path / name, "y").models[0] for name in ("t.csv", "other.csv"))
    assert one.metrics == other.metrics


def test_a_row_that_cannot_be_judged_counts_as_flagged_and_is_counted(model, table, tmp_path):
    table.loc[:2, "mean_area"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    found = evaluate([model], tmp_path / "t.csv", "y").models[0]
    assert found.invalid == 3
    assert (found.similarity[:3] == -1).all()


def test_without_a_model_there_is_nothing_to_evaluate(tmp_path):
    with pytest.raises(BadInput, match="No model"):
        evaluate([], tmp_path / "t.csv", "y")
