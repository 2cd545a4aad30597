import ml_dtypes
import numpy as np
import pandas as pd
import pytest
from contract.row_kinds import BY_NAME, ROWS

from aetk.base.errors import BadInput, Unavailable
from aetk.contract import spec
from aetk.edge.scoring.scorer import Scorer


@pytest.fixture(scope="module")
def scorer(model):
    return Scorer(model)


@pytest.fixture(scope="module")
def rows(breast_cancer):
    return breast_cancer.data.astype(np.float32)


def same(scores, expected):
    assert np.abs(scores.similarity - expected.similarity).max() <= spec.TOLERANCE
    assert (scores.is_anomaly == expected.is_anomaly).all()
    assert (scores.is_valid == expected.is_valid).all()


def test_the_runs_own_similarities_are_reproduced(scorer, breast_cancer_run):
    from aetk.lab.runs import read_run

    calibration = read_run(breast_cancer_run.run).calibration
    similarity = scorer.score(calibration).similarity
    assert np.abs(similarity - breast_cancer_run.calibration_similarity).max() <= spec.TOLERANCE


def test_anomalies_are_found_better_than_by_chance(scorer, breast_cancer):
    scores = scorer.score(breast_cancer.data)
    malignant = breast_cancer.target == 0
    assert scores.similarity[malignant].mean() < scores.similarity[~malignant].mean()
    assert scores.is_anomaly[malignant].mean() > scores.is_anomaly[~malignant].mean()


@pytest.mark.parametrize(
    "shape",
    [
        lambda rows: rows.astype(np.float64),
        lambda rows: np.asfortranarray(rows),
        lambda rows: np.repeat(rows, 2, axis=0)[::2],
        lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
        lambda rows: rows[::-1][::-1],
        lambda rows: rows.astype(">f4"),
        lambda rows: rows.tolist(),
        lambda rows: rows.astype(object),
    ],
    ids=["float64", "fortran", "every other row", "every other column", "reversed", "big-endian", "lists", "objects"],
)
def test_numbers_in_any_layout_are_scored_alike(scorer, rows, shape):
    same(scorer.score(shape(rows)), scorer.score(rows))


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, np.float16, np.bool_])
def test_numbers_of_any_type_are_scored_by_their_value(scorer, dtype):
    whole = np.random.default_rng(0).integers(0, 100, (5, 30)).astype(dtype)
    same(scorer.score(whole), scorer.score(whole.astype(np.float32)))


def test_a_data_frame_is_read_by_column_name(scorer, rows):
    frame = pd.DataFrame(rows, columns=list(scorer.feature_names)).assign(note="text")
    shuffled = frame[frame.columns[::-1]]
    same(scorer.score(shuffled), scorer.score(rows))
    with pytest.raises(BadInput, match="no column 'mean_radius'"):
        scorer.score(frame.drop(columns="mean_radius"))


@pytest.mark.parametrize("kind", ROWS, ids=lambda kind: kind.title)
def test_rows_of_every_kind_are_answered_alike_in_any_order_of_their_names(scorer, rows, kind):
    frame = pd.DataFrame(rows[:5].astype(np.float64), columns=list(scorer.feature_names))
    if kind.read == BY_NAME:
        frame = frame[sorted(frame.columns, reverse=True)].assign(note="text")
    found = scorer.score(kind.make(frame))
    exact = rows[: len(found.similarity)].copy()
    if "bfloat16" in kind.title:
        exact = exact.astype(ml_dtypes.bfloat16)
    same(found, scorer.score(exact))


def test_a_missing_value_of_a_data_frame_makes_its_row_invalid(scorer, rows):
    frame = pd.DataFrame(rows[:3], columns=list(scorer.feature_names)).astype("Float64")
    frame.loc[1, "mean_radius"] = pd.NA
    assert scorer.score(frame).is_valid.tolist() == [True, False, True]


def test_rows_are_scored_the_same_in_any_batch(scorer, rows):
    many = np.tile(rows, (16, 1))
    assert len(many) > 2 * 4096
    scores = scorer.score(many)
    assert scores.similarity.shape == (len(many),)
    alone = scorer.score(rows)
    assert np.abs(scores.similarity - np.tile(alone.similarity, 16)).max() <= spec.TOLERANCE


def test_one_row_may_come_flat(scorer, rows):
    same(scorer.score(rows[0]), scorer.score(rows[:1]))
    assert scorer.score(rows[0]).similarity.shape == (1,)


def test_no_rows_give_no_scores(scorer):
    scores = scorer.score(np.empty((0, 30)))
    assert scores.similarity.shape == scores.is_anomaly.shape == scores.is_valid.shape == (0,)


def test_answers_have_the_contracts_types(scorer, rows):
    scores = scorer.score(rows)
    assert (scores.similarity.dtype, scores.is_anomaly.dtype, scores.is_valid.dtype) == (np.float32, bool, bool)
    assert scores.contribution is None
    assert np.abs(scores.similarity).max() <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.402e38, 1e39, -1e300, 10**400])
def test_a_row_that_cannot_be_judged_is_flagged_and_its_neighbours_are_not_touched(scorer, rows, value):
    spoilt = rows[:3].astype(object)
    spoilt[1, 7] = value
    scores, clean = scorer.score(spoilt), scorer.score(rows[:3])
    assert scores.similarity[1] == -1
    assert scores.is_anomaly[1]
    assert scores.is_valid.tolist() == [True, False, True]
    assert np.abs(scores.similarity - clean.similarity)[[0, 2]].max() <= spec.TOLERANCE


def test_a_huge_but_finite_value_is_judged(scorer, rows):
    huge = rows[:1].copy()
    huge[0, 3] = 3.3e38
    scores = scorer.score(huge)
    assert scores.is_valid[0]
    assert -1 <= scores.similarity[0] < 1


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((2, 29)), np.zeros((2, 31)), np.zeros(29), np.zeros((2, 3, 30)), 1.0, []],
    ids=["narrow", "wide", "narrow and flat", "three axes", "a number", "an empty list"],
)
def test_rows_of_another_shape_are_refused(scorer, wrong):
    with pytest.raises(BadInput, match=r"expected \[rows, 30\]"):
        scorer.score(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        [["a"] * 30],
        np.full((1, 30), "1.5"),
        np.full((1, 30), "1_000", object),
        np.full((1, 30), b"1"),
        np.full((1, 30), 1 + 2j),
        np.full((1, 30), "2024-01-01", "datetime64[D]"),
        [[1.0] * 30, [1.0] * 29],
        [[{}] * 30],
    ],
    ids=["words", "strings", "objects", "bytes", "complex", "dates", "ragged", "dicts"],
)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_values_that_are_no_numbers_are_refused(scorer, wrong):
    with pytest.raises(BadInput):
        scorer.score(wrong)


def test_an_own_threshold_decides_instead_of_the_models(model, rows):
    similarity = Scorer(model).score(rows).similarity
    middle = float(np.median(similarity))
    own = Scorer(model, threshold=middle)
    assert own.threshold == np.float32(middle)
    assert (own.score(rows).is_anomaly == (similarity < np.float32(middle))).all()
    assert Scorer(model, threshold=1.0).score(rows).is_anomaly.all()
    with pytest.raises(BadInput, match="expected -1 < threshold <= 1"):
        Scorer(model, threshold=-1.0)


def test_with_an_own_threshold_a_row_that_cannot_be_judged_is_still_flagged(model):
    scores = Scorer(model, threshold=-0.999).score(np.full((1, 30), np.nan))
    assert scores.is_anomaly.tolist() == [True]


def test_contributions_sum_to_one_minus_similarity(explaining_model, model, rows):
    spoilt = np.concatenate([rows, np.full((1, 30), np.nan, np.float32)])
    scores = Scorer(explaining_model).score(spoilt)
    assert scores.contribution.shape == (570, 30)
    assert (scores.contribution >= 0).all()
    assert np.abs(scores.contribution[:-1].sum(1) - (1 - scores.similarity[:-1])).max() < 1e-4
    assert (scores.contribution[-1] == 0).all()
    same(scores, Scorer(model).score(spoilt))


def test_the_first_provider_that_runs_the_model_is_used(model):
    assert Scorer(model, providers=["cuda", "CPU"]).provider == "cpu"
    with pytest.raises(Unavailable, match=r"None of the providers .*CUDA.*Tensorrt"):
        Scorer(model, providers=["cuda", "tensorrt"])
    with pytest.raises(BadInput, match="No provider is named"):
        Scorer(model, providers=[])
