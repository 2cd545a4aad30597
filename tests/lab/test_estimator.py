"""The estimator keeps scikit-learn's interface, and decides as the file that it exports."""

import pickle
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import aetk
from aetk.lab.recipe import Recipe

QUICK = {"recipe": "small", "steps": 30}


@pytest.fixture(scope="module")
def rows():
    """float64 [400, 4]: the last column follows from the others."""
    random = np.random.default_rng(1)
    free = random.normal(size=(400, 3)) * (1, 10, 0.1) + (0, 5, 0)
    return np.column_stack([free, free.sum(1)])


@pytest.fixture(scope="module")
def strange(rows):
    """Rows whose last column does not follow from the others."""
    return rows[:50] * (1, 1, 1, -1) + (0, 0, 0, 120)


@pytest.fixture(scope="module")
def fitted(rows):
    """An estimator, fitted to a frame with names."""
    return aetk.Detector(**QUICK, threshold="conformal:0.05").fit(pd.DataFrame(rows, columns=list("abcd")))


NO_OUTLIERS = "without a rate, the threshold may lie below all training rows"
EXPECTED = {"check_outliers_train": NO_OUTLIERS, "check_outliers_fit_predict": NO_OUTLIERS}


@pytest.mark.slow
@parametrize_with_checks([aetk.Detector(recipe="small", steps=20)], expected_failed_checks=lambda _: EXPECTED)
def test_it_is_an_estimator_by_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_it_decides_as_the_file_that_it_exports(fitted, rows, strange, tmp_path):
    report = fitted.to_onnx(tmp_path / "model.onnx", explain=True)
    assert report.parity.passed
    scorer = aetk.Scorer(report.model)
    assert scorer.feature_names == ("a", "b", "c", "d")
    table = pd.DataFrame(np.concatenate([rows, strange]), columns=list("abcd"))
    scores = scorer.score(table)
    np.testing.assert_array_equal(fitted.predict(table), np.where(scores.is_anomaly, -1, 1))
    np.testing.assert_allclose(fitted.score_samples(table), scores.similarity, atol=1e-5)
    np.testing.assert_allclose(fitted.transform(table), scores.contribution, atol=1e-5)
    assert fitted.offset_ == pytest.approx(scorer.threshold)


def test_what_it_was_not_fitted_to_is_an_outlier(fitted, rows, strange):
    assert (fitted.predict(pd.DataFrame(strange, columns=list("abcd"))) == -1).all()
    labels = np.repeat([1, 0], [len(rows), len(strange)])
    scores = fitted.decision_function(pd.DataFrame(np.concatenate([rows, strange]), columns=list("abcd")))
    assert roc_auc_score(labels, scores) > 0.99


def test_the_training_rows_scores_have_pyods_names_too(fitted, rows):
    decisions = fitted.predict(pd.DataFrame(rows, columns=list("abcd")))
    np.testing.assert_array_equal(fitted.labels_, (decisions == -1).astype(int))
    np.testing.assert_array_equal(fitted.labels_, fitted.decision_scores_ > fitted.threshold_)
    assert 0 < fitted.labels_.sum() < 0.2 * len(rows)


def test_a_pickle_decides_alike(fitted, strange):
    table = pd.DataFrame(strange, columns=list("abcd"))
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.score_samples(table), fitted.score_samples(table))


def test_every_key_of_a_recipe_is_a_parameter():
    keys = {field.name for field in fields(Recipe)} - {"name"}
    assert keys <= set(aetk.Detector().get_params())


def test_a_clone_has_every_key_of_the_recipe_as_a_parameter(rows):
    made = clone(
        aetk.Detector(recipe="small", networks=[[8], [4]], swap_noise=[0.1, 0.2], steps=5, memory=0, kappa=2.0)
    )
    assert made.get_params()["networks"] == [[8], [4]]
    one, other = (
        made.fit(rows).score_samples(rows),
        clone(made).set_params(random_state=7).fit(rows).score_samples(rows),
    )
    assert (one != other).any()


def test_the_same_seed_gives_the_same_scores(rows):
    one, other = (aetk.Detector(**QUICK, random_state=3).fit(rows).score_samples(rows) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_it_stands_in_a_pipeline_and_a_search(rows, strange):
    order = np.random.default_rng(0).permutation(len(rows) + len(strange))
    data, truth = np.concatenate([rows, strange])[order], np.repeat([1, -1], [len(rows), len(strange)])[order]
    scores = cross_val_score(
        make_pipeline(StandardScaler(), aetk.Detector(**QUICK)), data, truth, scoring="roc_auc", cv=2
    )
    assert scores.min() > 0.5
    found = GridSearchCV(aetk.Detector(**QUICK), {"kappa": [1.0, 3.0]}, scoring="roc_auc", cv=2).fit(data, truth)
    assert found.best_score_ > 0.5


def test_contributions_come_as_a_frame_where_frames_are_asked_for(rows):
    table = pd.DataFrame(rows, columns=list("abcd"))
    made = aetk.Detector(**QUICK).set_output(transform="pandas").fit(table)
    shares = made.transform(table)
    assert list(shares.columns) == list("abcd")
    np.testing.assert_allclose(shares.sum(axis=1), 1 - made.score_samples(table), atol=1e-5)


def test_missing_values_are_replaced_only_if_asked_for(rows):
    holed = rows.copy()
    holed[::50, 1] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        aetk.Detector(**QUICK).fit(holed)
    assert np.isfinite(aetk.Detector(**QUICK, missing="median").fit(holed).score_samples(holed)).all()


def test_a_saved_run_is_exported_as_any_other(fitted, tmp_path):
    run = fitted.save(tmp_path / "run")
    exported = aetk.export(run, out=tmp_path / "a.onnx").model.read_bytes()
    assert exported == fitted.to_onnx(tmp_path / "b/a.onnx").model.read_bytes()
    with pytest.raises(FileExistsError):
        fitted.save(run)


@pytest.mark.parametrize("wrong", [{"recipe": "tiny"}, {"kappa": -1.0}, {"missing": "zero"}, {"threshold": "best-f1"}])
def test_a_parameter_out_of_range_is_a_value_error_at_fit(rows, wrong):
    with pytest.raises(ValueError, match=r"\."):
        aetk.Detector(**{**QUICK, **wrong}).fit(rows)
