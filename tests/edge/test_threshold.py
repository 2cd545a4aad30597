import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import numpy_helper

from aetk.base.errors import BadInput, CheckFailed
from aetk.contract import onnxfile, spec
from aetk.contract.card import parse
from aetk.contract.threshold import Method
from aetk.edge import destination
from aetk.edge.model import card_path, load
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.threshold import calibrate_threshold, change_threshold, set_threshold
from aetk.edge.verification import verify

from .forgery import add_to_first, edit


def without_threshold_and_card(path):
    proto = onnx.load(path)
    (holder,) = (tensor for tensor in proto.graph.initializer if tensor.name == spec.THRESHOLD)
    proto.graph.initializer.remove(holder)
    del proto.metadata_props[:]
    return proto


def test_a_threshold_set_by_hand_is_in_force_everywhere(model_copy, breast_cancer):
    before = load(model_copy)
    middle = np.float32(np.median(Scorer(model_copy).score(breast_cancer.data).similarity) + 1e-4)
    report = set_threshold(model_copy, middle)
    after = load(model_copy)
    assert after.graph.threshold == after.card.threshold.value == middle
    assert (report.before, report.after) == (before.card.threshold, after.card.threshold)
    assert (report.after.method, report.after.rows, report.after.alarms) == (f"fixed:{middle:.6g}", 0, None)
    scores = Scorer(model_copy).score(breast_cancer.data)
    assert (scores.is_anomaly == ~(scores.similarity >= middle)).all()
    assert 200 < scores.is_anomaly.sum() < 400


def test_nothing_else_in_the_model_changes(model, model_copy):
    set_threshold(model_copy, 0.8)
    assert without_threshold_and_card(model_copy) == without_threshold_and_card(model)


def test_the_card_changes_in_threshold_history_figures_digest_and_golden_rows_alone(model, model_copy):
    set_threshold(model_copy, 0.8)
    before, after = load(model).card, load(model_copy).card
    assert set(after.validation) == {"rows", "anomalies", "auroc", "average_precision"}  # the rest was at the old one
    assert after.validation.items() <= before.validation.items()
    for part in ("name", "features", "similarity", "recipe", "training_data", "versions", "requires"):
        assert getattr(after, part) == getattr(before, part)
    assert after.model_sha256 == onnxfile.digest(model_copy.read_bytes()) != before.model_sha256
    assert card_path(model_copy).read_text(encoding="utf-8") == after.to_json()


def test_golden_inputs_and_similarities_stay_and_rows_near_the_new_threshold_are_marked(model, model_copy):
    set_threshold(model_copy, 0.8)
    before, after = load(model).card.golden, load(model_copy).card.golden
    n = len(before)
    assert after.inputs[:n].tobytes() == before.inputs.tobytes()
    assert after.similarity[:n].tobytes() == before.similarity.tobytes()
    assert [who.split()[0] for who, _ in after.made_by] == ["torch", "onnxruntime"]
    added = after.similarity[n:] - np.float32(0.8)
    assert len(added) == 4
    assert added.min() < 0 < added.max()
    assert np.abs(added).max() < 200 * spec.TOLERANCE


def test_setting_it_again_and_again_does_not_pile_up_golden_rows(model_copy):
    for value in (0.8, 0.7, 0.6, 0.7):
        set_threshold(model_copy, value)
    assert len(load(model_copy).card.golden.made_by) == 2
    assert verify(model_copy).passed


@pytest.mark.parametrize("value", [1.0, 0.95, 0.5, 0.0, 1e-12, -0.5, -0.9999999])
def test_a_model_with_another_threshold_still_proves_itself(model_copy, value):
    set_threshold(model_copy, value)
    report = verify(model_copy)
    assert report.passed
    assert report.card_copy == "current"


def test_a_threshold_that_equals_another_constant_of_the_graph_stays_apart_from_it(model_copy):
    tensors = [numpy_helper.to_array(tensor) for tensor in onnx.load(model_copy).graph.initializer]
    constants = {array.item() for array in tensors if array.shape == () and array.dtype == np.float32}
    usable = [value for value in constants if -1 < value <= 1]
    assert len(usable) > 1
    for value in usable:
        set_threshold(model_copy, value)
        set_threshold(model_copy, 0.3)
        assert verify(model_copy).passed


@pytest.mark.parametrize("value", [-1.0, 1.1, np.nan, np.inf])
def test_a_value_that_is_no_similarity_is_refused_and_nothing_changes(model_copy, value):
    before = model_copy.read_bytes()
    with pytest.raises(BadInput):
        set_threshold(model_copy, value)
    assert model_copy.read_bytes() == before


def test_a_changed_model_is_refused(model_copy):
    changed = onnxfile.with_threshold(model_copy.read_bytes(), 0.5)
    model_copy.write_bytes(changed)
    with pytest.raises(CheckFailed, match="SHA-256"):
        set_threshold(model_copy, 0.8)
    assert model_copy.read_bytes() == changed


def test_a_model_that_fails_its_golden_rows_is_not_signed_again(model_copy, resign):
    resign(model_copy, edit("outlet_bias_0", add_to_first(0.1)))
    before = model_copy.read_bytes()
    with pytest.raises(CheckFailed, match="fails its golden rows"):
        set_threshold(model_copy, 0.8)
    assert model_copy.read_bytes() == before


def test_the_model_is_renamed_before_the_cards_copy(model_copy, monkeypatch):
    """The embedded card is the truth: were the copy first, it would speak of a model that is not there yet."""
    written = []
    monkeypatch.setattr(destination, "write_atomically", lambda files: written.extend(files))
    set_threshold(model_copy, 0.8)
    (model, content), (copy, card) = written
    assert (model, copy) == (model_copy, card_path(model_copy))
    assert onnxfile.read(content).metadata[spec.CARD_KEY].encode() == card
    assert parse(card.decode()).threshold.value == np.float32(0.8)


def test_best_f1_is_calibrated_on_labelled_rows(model_copy, frame, tmp_path):
    data = tmp_path / "labelled.csv"
    frame.to_csv(data, index=False)
    report = calibrate_threshold(model_copy, Method("best-f1"), data, "malignant")
    assert report.after.rows == 60
    assert report.after.basis == "labelled rows of labelled.csv"
    assert report.after.alarms.rows == (frame["malignant"] == 0).sum()
    assert load(model_copy).graph.threshold == report.after.value
    assert verify(model_copy).passed


def test_conformal_flags_what_its_rate_promises_of_the_table(model_copy, breast_cancer, frame, tmp_path):
    data = tmp_path / "ordinary.parquet"
    names = list(load(model_copy).card.feature_names)
    ordinary = frame.reindex(range(200))
    ordinary[names] = breast_cancer.data[breast_cancer.target == 1][:200]
    ordinary[names].to_parquet(data)
    report = calibrate_threshold(model_copy, Method("conformal", 0.1), data)
    assert (report.after.target, report.after.rows, report.invalid) == (0.1, 200, 0)
    assert Scorer(model_copy).score(ordinary[names]).is_anomaly.sum() == 19


def test_rows_that_cannot_be_judged_are_left_out_and_counted(model_copy, frame, tmp_path):
    data = tmp_path / "gaps.csv"
    frame.loc[[3, 7], "mean_radius"] = np.nan
    frame.to_csv(data, index=False)
    report = calibrate_threshold(model_copy, Method("best-f1"), data, "malignant")
    assert (report.invalid, report.after.rows) == (2, 58)


def test_too_few_rows_change_nothing(model_copy, frame, tmp_path):
    before, data = model_copy.read_bytes(), tmp_path / "few.csv"
    frame.to_csv(data, index=False)
    with pytest.raises(BadInput, match="at least 999 ordinary"):
        calibrate_threshold(model_copy, Method("conformal", 0.001), data)
    assert model_copy.read_bytes() == before


def test_one_call_changes_a_threshold_in_any_of_the_four_ways(model_copy, breast_cancer, tmp_path):
    table = tmp_path / "rows.csv"
    frame = pd.DataFrame(breast_cancer.data, columns=load(model_copy).card.feature_names)
    frame.assign(label=1 - breast_cancer.target).to_csv(table, index=False)
    exported = load(model_copy).card.threshold
    assert change_threshold(model_copy, 0.8).after.method == "fixed:0.8"
    with_labels = {"data": str(table), "label": "label"}
    assert change_threshold(model_copy, best_f1=True, **with_labels).after.method == "best-f1"
    found = change_threshold(model_copy, false_alarms=0.05, **with_labels, dry_run=True)
    assert (found.after.method, found.after.target, found.out) == ("conformal:0.05", 0.05, None)
    change_threshold(model_copy, undo=True)
    assert change_threshold(model_copy, undo=True).after == exported


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"value": 0.8, "undo": True},
        {"false_alarms": 0.1},
        {"value": 0.8, "data": "x.csv"},
        {"undo": True, "label": "a"},
    ],
)
def test_none_or_several_of_the_ways_or_one_without_its_data_is_refused(model_copy, given):
    before = model_copy.read_bytes()
    with pytest.raises(BadInput, match="false_alarms"):
        change_threshold(model_copy, **given)
    assert model_copy.read_bytes() == before
