"""Evaluation scores through the exported file, or the run, and measures as scikit-learn does."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from aetk.base.errors import BadInput
from aetk.contract import spec
from aetk.edge.scoring.scorer import Scorer
from aetk.lab import evaluation
from aetk.lab.evaluation import evaluate
from aetk.lab.training.trainer import train


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


@pytest.mark.parametrize("tile", [100, 10_000])
def test_a_run_is_measured_as_its_export_is(breast_cancer_run, model, table, tmp_path, monkeypatch, tile):
    monkeypatch.setattr(evaluation, "_TILE", tile)
    table.loc[:2, "mean_area"] = [np.nan, np.inf, 1e39]
    table.to_csv(tmp_path / "t.csv", index=False)
    run, exported = evaluate([breast_cancer_run.run, model], tmp_path / "t.csv", "y").models
    assert run.similarity == pytest.approx(exported.similarity, abs=spec.TOLERANCE)
    assert run.threshold == exported.threshold
    assert run.metrics.macro_f1 == exported.metrics.macro_f1
    assert run.invalid == exported.invalid == 3


def test_each_model_is_given_its_own_columns(model, table, tmp_path):
    table.to_csv(tmp_path / "t.csv", index=False)
    small = train(table[["mean_area", "mean_texture"]], epochs=1, device="cpu", out=tmp_path / "small", progress=False)
    report = evaluate([model, small.run, model], tmp_path / "t.csv", "y")
    first, other, again = report.models
    assert first.metrics == again.metrics != other.metrics
    assert len(report.labels) == len(other.similarity) == 569


def test_a_prevalence_adds_the_natural_average_precision(model, table, tmp_path):
    table.to_csv(tmp_path / "t.csv", index=False)
    plain, natural = (evaluate([model], tmp_path / "t.csv", "y", rate) for rate in (None, 0.01))
    found = natural.models[0]
    weight = np.where(table.y == 1, 0.01 / 212, 0.99 / 357)
    expected = average_precision_score(table.y, -found.similarity, sample_weight=weight)
    assert found.natural_average_precision == pytest.approx(expected)
    assert found.natural_average_precision < found.metrics.average_precision
    assert (plain.prevalence, natural.prevalence) == (None, 0.01)
    assert plain.models[0].natural_average_precision is None
    assert plain.models[0].metrics == found.metrics
