"""Tables become checked data sets, and data sets become disjoint parts."""

import numpy as np
import pandas as pd
import pytest
import torch

from aetk.base.errors import BadInput
from aetk.contract import spec
from aetk.contract.threshold import parse_method
from aetk.lab.data.dataset import Dataset, load_dataset
from aetk.lab.data.preprocessing import Preprocessing, impute, medians
from aetk.lab.data.split import split
from aetk.lab.model.expansion import Expansion
from aetk.lab.presets import RECIPES

COLUMNS = [f"V{i}" for i in range(1, 31)]


@pytest.fixture(scope="session")
def val(creditcard):
    """The labelled card-fraud rows as a data frame."""
    return pd.read_csv(creditcard / "val.csv")


def test_card_fraud_columns_labels_and_rows_are_read(creditcard):
    dataset = load_dataset(
        creditcard / "train.csv", validation=creditcard / "val.csv", label="Class", drop=["ID"], missing="reject"
    )
    assert dataset.features == tuple(COLUMNS)
    assert dataset.rows.shape == (7122, 30)
    assert dataset.labels is None
    assert dataset.validation.shape == (1875, 30)
    assert int(dataset.validation_labels.sum()) == 95


def test_a_data_frame_a_csv_file_and_a_parquet_file_are_the_same_data(creditcard, val, tmp_path):
    val.to_parquet(tmp_path / "val.parquet")
    sources = (val, creditcard / "val.csv", tmp_path / "val.parquet")
    found = [load_dataset(source, label="Class", drop=["ID"]) for source in sources]
    assert len({dataset.fingerprint for dataset in found}) == 1
    assert np.array_equal(found[0].rows, found[1].rows)


@pytest.mark.parametrize("change", ["value", "label", "name", "order"])
def test_the_fingerprint_changes_with_everything_that_matters(val, change):
    other = val.copy()
    if change == "value":
        other.loc[7, "V3"] += 1e-9
    elif change == "label":
        other.loc[0, "Class"] = 1 - other.loc[0, "Class"]
    elif change == "name":
        other = other.rename(columns={"V30": "Time"})
    else:
        other = other[::-1]
    one, two = (load_dataset(frame, label="Class", drop=["ID"]) for frame in (val, other))
    assert one.fingerprint != two.fingerprint


@pytest.mark.parametrize(
    "column",
    [
        pd.timedelta_range("1s", periods=50),
        np.full(50, 1 + 2j),
        ["1000"] * 50,
    ],
    ids=["durations", "complex", "text of digits"],
)
def test_a_frames_column_that_holds_no_numbers_is_named(val, column):
    with pytest.raises(BadInput, match="'t'"):
        load_dataset(val[:50].assign(t=column), label="Class", drop=["ID"])


def test_a_frames_nullable_integers_and_booleans_are_numbers(val):
    frame = val[:50].assign(n=pd.array([1, 2] * 25, dtype="Int64"), b=[True, False] * 25)
    dataset = load_dataset(frame, label="Class", drop=["ID"])
    assert dataset.rows[:2, -2:].tolist() == [[1, 1], [2, 0]]


def test_the_labels_of_a_frame_are_checked_row_by_row(val):
    with pytest.raises(BadInput, match=r"label column 'Class' holds 0 .*, 2 \(1 row\)"):
        load_dataset(val.assign(Class=val.Class.where(val.index != 3, 2)), label="Class", drop=["ID"])


def test_the_built_in_table_calls_malignant_the_anomaly(breast_cancer):
    dataset = load_dataset(None)
    assert np.array_equal(dataset.rows, breast_cancer.data)
    assert np.array_equal(dataset.labels, breast_cancer.target == 0)


def test_medians_pass_over_missing_and_infinite_values():
    rows = np.array([[1.0, np.nan], [3.0, np.inf], [np.nan, -np.inf], [11.0, 3.402e38]])
    assert medians(rows).tolist() == [3.0, 0.0]


def numbered(rows, labelled, first=0):
    """Rows that carry their own number in the first column, and labels of which every fifth is an anomaly."""
    values = np.random.default_rng(first).normal(size=(rows, 3))
    values[:, 0] = np.arange(first, first + rows)
    return values, (np.arange(rows) % 5 == 0 if labelled else None)


@pytest.mark.parametrize("recipe", list(RECIPES))
@pytest.mark.parametrize("method", ["fixed:0.95", "best-f1", "conformal"])
@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("labelled", [True, False])
def test_parts_are_disjoint_and_complete(recipe, method, validated, labelled):
    rows, labels = numbered(200, labelled and not validated)
    other, other_labels = numbered(100, labelled, first=1000) if validated else (None, None)
    dataset = Dataset("n", "s", ("id", "a", "b"), rows, labels, other, other_labels)
    parts = split(dataset, RECIPES[recipe], parse_method(method), seed=41)
    fit, selection, calibration = (set(part[:, 0]) for part in (parts.fit, parts.selection, parts.calibration))

    assert not fit & calibration
    assert not fit & selection
    if recipe == "reference" and method.startswith("fixed"):
        assert selection == calibration
        assert "also selected the weights" in parts.basis
    else:
        assert not selection & calibration
        assert parts.selection_labels is None
    assert fit | selection | calibration == set(rows[:, 0]) | (set(other[:, 0]) if validated else set())
    assert min(len(fit), len(selection), len(calibration)) > 0


@pytest.mark.parametrize("recipe", list(RECIPES))
@pytest.mark.parametrize("method", ["fixed:0.95", "best-f1", "conformal"])
@pytest.mark.parametrize("validated", [True, False])
def test_labels_stay_with_their_rows_and_anomalies_out_of_training(recipe, method, validated):
    rows, labels = numbered(200, True)
    other, other_labels = numbered(100, True, first=1000) if validated else (None, None)
    dataset = Dataset("n", "s", ("id", "a", "b"), rows, labels, other, other_labels)
    parts = split(dataset, RECIPES[recipe], parse_method(method), seed=41)
    truth = dict(zip(rows[:, 0], labels, strict=True)) | (
        dict(zip(other[:, 0], other_labels, strict=True)) if validated else {}
    )
    assert not any(truth[number] for number in parts.fit[:, 0])
    assert [truth[number] for number in parts.calibration[:, 0]] == parts.calibration_labels.tolist()
    if parts.selection_labels is None:
        assert not any(truth[number] for number in parts.selection[:, 0])
    else:
        assert [truth[number] for number in parts.selection[:, 0]] == parts.selection_labels.tolist()


def test_the_split_depends_on_the_seed_alone():
    rows, labels = numbered(200, True)
    dataset = Dataset("n", "s", ("id", "a", "b"), rows, labels, None, None)
    first, again, other = (split(dataset, RECIPES["default"], parse_method("best-f1"), seed) for seed in (1, 1, 2))
    assert np.array_equal(first.fit, again.fit)
    assert not np.array_equal(first.fit, other.fit)


def test_imputing_fills_missing_and_infinite_values_and_no_other():
    rows, _ = numbered(100, False)
    rows[::3, 1], rows[1::3, 1] = np.nan, -np.inf
    holes = ~np.isfinite(rows)
    filled = impute(rows, np.array([0.0, 7.0, 0.0]))
    assert (filled[holes] == 7).all()
    assert np.array_equal(filled[~holes], rows[~holes])


def test_only_a_run_that_imputes_fills_rows_before_it_scales_them():
    rows = np.array([[1.0, np.nan], [3.0, 4.0]])
    fitted = {"center": torch.tensor([1.0, 2.0]), "inverse_scale": torch.tensor([0.5, 1.0])}
    imputing, plain = (
        Preprocessing(**fitted, fill=torch.tensor([0.0, 8.0]).double(), imputes=i, expansion=Expansion((0, 0)))
        for i in (True, False)
    )
    assert imputing(rows).tolist() == [[0.0, 6.0], [1.0, 2.0]]
    assert plain.filled(rows) is rows
    assert plain(rows)[0].isnan().tolist() == [False, True]


@pytest.mark.parametrize("kind", ["csv", "frame"])
def test_too_many_features_are_refused_by_the_header_alone(tmp_path, kind):
    names = [f"c{i}" for i in range(spec.MAX_FEATURES + 2)]
    path = tmp_path / "wide.csv"
    path.write_text(",".join(names) + "\n" + ",".join("0" * len(names)) + "\n")
    data = path if kind == "csv" else pd.DataFrame(np.zeros((1, len(names))), columns=names)
    with pytest.raises(BadInput, match="has 16,385 feature columns; a model takes at most 16,384") as caught:
        load_dataset(data, label="c0")
    assert "--drop" in caught.value.hint
    with pytest.raises(BadInput, match="found 1 ordinary row"):
        load_dataset(data, drop=["c0", "c1"])


def test_the_built_in_table_is_scikit_learns(breast_cancer):
    table = load_dataset(None)
    assert table.features == tuple(str(name).replace(" ", "_") for name in breast_cancer.feature_names)
    assert np.array_equal(table.rows, breast_cancer.data)
    assert np.array_equal(table.labels, breast_cancer.target == 0)
