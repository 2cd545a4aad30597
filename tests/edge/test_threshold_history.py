"""The thresholds that a model had before: kept in its card, and put back one by one, to the last byte."""

import json
import shutil
from datetime import UTC, datetime

import numpy as np
import pytest

from aetk.base.errors import BadInput, CheckFailed
from aetk.contract import gate, history
from aetk.contract.threshold import Method
from aetk.edge.inspection import inspect
from aetk.edge.model import card_path, load
from aetk.edge.threshold import calibrate_threshold, set_threshold, undo_threshold
from aetk.edge.verification import verify
from aetk.render.edge_text import inspection

from .forgery import add_to_first, edit

WHEN = "2026-03-04T05:06:07Z"


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(history, "now", lambda: WHEN)


@pytest.fixture
def labelled(frame, tmp_path):
    path = tmp_path / "labelled.csv"
    frame.to_csv(path, index=False)
    return path


def files(model):
    """Model and card's copy."""
    return model.read_bytes(), card_path(model).read_bytes()


def test_a_model_as_it_was_exported_has_no_history(model):
    assert load(model).card.history == ()
    assert b'"history"' not in card_path(model).read_bytes()


def test_an_entry_says_value_method_time_and_by_which_rows(model_copy, labelled):
    exported = load(model_copy).card
    calibrate_threshold(model_copy, Method("best-f1"), labelled, "malignant")
    calibrated = load(model_copy).card
    set_threshold(model_copy, 0.5)
    first, second = load(model_copy).card.history
    assert (first.when, first.threshold, first.validation) == (WHEN, exported.threshold, exported.validation)
    assert (second.when, second.threshold) == (WHEN, calibrated.threshold)
    assert (second.threshold.basis, second.threshold.rows) == ("labelled rows of labelled.csv", 60)


def test_the_time_is_utc_in_iso_8601(monkeypatch):
    monkeypatch.undo()
    before = datetime.now(UTC).replace(microsecond=0)
    told = datetime.fromisoformat(history.now())
    assert history.now().endswith("Z")
    assert before <= told <= datetime.now(UTC)


def test_undone_step_by_step_a_model_is_again_what_it_was_to_the_last_byte(model_copy, labelled):
    states = [files(model_copy)]
    for change in (
        lambda: set_threshold(model_copy, 0.8),
        lambda: calibrate_threshold(model_copy, Method("best-f1"), labelled, "malignant"),
        lambda: calibrate_threshold(model_copy, Method("conformal", 0.1), labelled, "malignant"),
        lambda: set_threshold(model_copy, -0.9999),
        lambda: set_threshold(model_copy, 0.8),
    ):
        change()
        states.append(files(model_copy))
    states.pop()
    while states:
        report = undo_threshold(model_copy)
        assert files(model_copy) == states.pop()
        assert report.after == load(model_copy).card.threshold
        assert verify(model_copy).passed
    with pytest.raises(BadInput, match="keeps no earlier threshold"):
        undo_threshold(model_copy)


def test_the_reference_model_comes_back_to_the_last_byte(tmp_path, request):
    folder = request.config.rootpath / "exports/reference"
    for path in folder.glob("breast-cancer.*"):
        shutil.copy(path, tmp_path)
    path = tmp_path / "breast-cancer.onnx"
    before = files(path)
    set_threshold(path, 0.5)
    undo_threshold(path)
    assert files(path) == before


def test_setting_the_threshold_that_is_in_force_replaces_none_and_repairs_the_copy(model_copy):
    set_threshold(model_copy, 0.5)
    before = files(model_copy)
    card_path(model_copy).unlink()
    set_threshold(model_copy, 0.5)
    assert files(model_copy) == before


def test_of_many_the_first_and_the_newest_are_kept(model_copy):
    exported = files(model_copy)
    values = [float(np.float32(0.9 - i / 100)) for i in range(history.KEPT + 5)]
    for value in values:
        set_threshold(model_copy, value)
    kept = [entry.threshold.value for entry in load(model_copy).card.history]
    assert len(kept) == history.KEPT == 16
    assert kept[1:] == values[-history.KEPT : -1]
    for _ in range(history.KEPT):
        undo_threshold(model_copy)
    assert files(model_copy) == exported


def test_a_model_that_an_earlier_aetk_gave_another_threshold_comes_back_to_that(model_copy, resign):
    set_threshold(model_copy, 0.8)
    resign(model_copy, edit_card=lambda card: card.pop("history"))
    before = files(model_copy)
    assert len(load(model_copy).card.golden.made_by) == 2
    set_threshold(model_copy, 0.7)
    undo_threshold(model_copy)
    assert files(model_copy) == before


def test_apps_that_know_of_no_history_let_the_model_in(model_copy):
    set_threshold(model_copy, 0.8)
    found = gate.card(gate.read(model_copy.read_bytes()))
    assert found["contract"] == 1
    assert [sorted(entry) for entry in found["history"]] == [["golden_rows", "threshold", "validation", "when"]]


def test_a_history_is_read_strictly(model_copy, resign):
    def spoilt(change):
        def edit_card(card):
            change(card["history"][0])

        return edit_card

    set_threshold(model_copy, 0.8)
    before = files(model_copy)
    for change, found in (
        (lambda entry: entry.pop("when"), r"lacks history\[0\]\.when"),
        (lambda entry: entry.update(golden_rows="34"), r"history\[0\]\.golden_rows is '34'"),
        (lambda entry: entry["threshold"].update(value=2.0), "threshold 2 is not a similarity"),
    ):
        model_copy.write_bytes(before[0])
        resign(model_copy, edit_card=spoilt(change))
        with pytest.raises(BadInput, match=found):
            load(model_copy)


def test_a_model_that_fails_its_golden_rows_gets_no_earlier_threshold_back(model_copy, resign):
    set_threshold(model_copy, 0.8)
    resign(model_copy, edit("outlet_bias_0", add_to_first(0.1)))
    before = files(model_copy)
    with pytest.raises(CheckFailed, match="fails its golden rows"):
        undo_threshold(model_copy)
    assert files(model_copy) == before


def test_inspection_shows_the_newest_first(model_copy, labelled):
    calibrate_threshold(model_copy, Method("best-f1"), labelled, "malignant")
    set_threshold(model_copy, 0.5)
    lines = inspection(inspect(model_copy)).splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith("threshold "))
    assert lines[place] == "threshold 0.5 by fixed:0.5"
    assert lines[place + 1].startswith(f"  until {WHEN}: ")
    assert lines[place + 1].endswith(" by best-f1, from 60 labelled rows of labelled.csv")
    assert lines[place + 2].startswith(f"  until {WHEN}: ")
    assert not lines[place + 3].startswith("  until")
    assert json.loads(load(model_copy).card.to_json())["history"][1]["threshold"]["method"] == "best-f1"
