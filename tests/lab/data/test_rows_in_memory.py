"""What `Scorer` takes, `train` takes: the same rows, whatever they come as, train the same detector."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

import aetk
from aetk.base.errors import BadInput
from aetk.lab.data.dataset import load_dataset

QUICK = {"recipe": "small", "settings": {"steps": 5}, "threshold": "conformal:0.1", "device": "cpu", "progress": False}


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(300, 2))
    values = np.c_[hidden, hidden @ rng.normal(size=(2, 3)) + 0.1 * rng.normal(size=(300, 3))]
    return pd.DataFrame(values, columns=list("abcde"))


MAKES = {
    "polars": pl.from_pandas,
    "polars, lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "Arrow table": pa.Table.from_pandas,
    "dict of columns": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "list of dicts": lambda frame: frame.to_dict("records"),
    "list of Series": lambda frame: [row for _, row in frame.iterrows()],
    "structured array": lambda frame: frame.to_records(index=False),
}


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_rows_of_every_make_are_the_same_data(frame, make):
    labelled = frame.assign(label=(np.arange(300) % 50 == 0).astype(int))
    expected = load_dataset(labelled, label="label", drop=["b"])
    found = load_dataset(make(labelled), label="label", drop=["b"])
    assert found.features == expected.features == ("a", "c", "d", "e")
    assert found.fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        pytest.param(torch.tensor, marks=pytest.mark.slow),
        pytest.param(lambda values: values.tolist(), marks=pytest.mark.slow),
    ],
    ids=["array", "tensor", "lists"],
)
def test_rows_without_names_get_names_and_are_scored_by_position(frame, tmp_path, make):
    report = aetk.train(make(frame.to_numpy()), out=tmp_path / "run", **QUICK)
    model = aetk.export(report.run, out=tmp_path / "run.onnx").model
    scorer = aetk.Scorer(model)
    assert scorer.feature_names == ("c1", "c2", "c3", "c4", "c5")
    named = frame.set_axis(scorer.feature_names, axis=1)
    np.testing.assert_array_equal(
        scorer.score(make(frame.to_numpy())).similarity, scorer.score(named[named.columns[::-1]]).similarity
    )


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(range(5), marks=pytest.mark.slow),
        pytest.param([0.5, 1.5, 2.5, 3.5, 4.5], marks=pytest.mark.slow),
        pd.MultiIndex.from_product([["g"], list("abcde")]),
    ],
    ids=["whole numbers", "fractions", "two levels"],
)
def test_a_frame_whose_names_are_not_text_is_scored_as_it_was_trained_on(frame, tmp_path, columns):
    renamed = frame.set_axis(columns, axis=1)
    model = aetk.export(aetk.train(renamed, out=tmp_path / "run", **QUICK).run, out=tmp_path / "run.onnx").model
    scorer = aetk.Scorer(model)
    expected = scorer.score(frame.to_numpy())
    np.testing.assert_array_equal(scorer.score(renamed[renamed.columns[::-1]]).similarity, expected.similarity)


def test_validation_rows_are_read_by_name(frame):
    expected = load_dataset(frame, validation=frame[:50])
    found = load_dataset(frame, validation=pl.from_pandas(frame[["c", "e", "a", "d", "b"]][:50]))
    assert found.fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (pd.Series(np.arange(100.0)), "found 1 ordinary row, expected 10 or more"),
        (np.arange(100.0), "the array is one row of 100 values; expected a table"),
        (pd.DataFrame({"a": pd.to_timedelta(np.arange(20), "s"), "b": 1.0}), "column 'a' is durations"),
        (pd.DataFrame({"a": ["1"] * 20, "b": 1.0}), "column 'a': found text that looks like numbers, such as '1'"),
        ((row for row in [[1.0]]), "found <generator"),
    ],
    ids=["a Series", "one row", "durations", "text", "a generator"],
)
def test_rows_that_are_not_a_table_of_numbers_are_refused(rows, words):
    with pytest.raises(BadInput) as refused:
        load_dataset(rows)
    assert words in refused.value.message
    assert refused.value.hint


def test_columns_of_digits_as_text_are_asked_about_and_constant_ones_left_out(frame):
    mixed = frame.assign(kind="x", when=pd.Timestamp(0), b=["1"] * 300)
    with pytest.raises(BadInput, match="column 'b': found text that looks like numbers") as refused:
        load_dataset(mixed)
    assert "aetk.train(data, drop=['b'])" in refused.value.hint
    assert load_dataset(mixed, drop=["b"]).features == ("a", "c", "d", "e")
