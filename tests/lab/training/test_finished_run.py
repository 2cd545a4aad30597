"""The end of a training: the threshold, the measures, and what the run folder holds."""

import json
from dataclasses import fields

import numpy as np
import pytest
import torch

from aetk.contract.threshold import is_anomaly
from aetk.lab import runs
from aetk.lab.metrics import measure
from aetk.lab.presets import RECIPES
from aetk.lab.training.checkpoint import Evaluation, Progress
from aetk.lab.training.distributed.group import ALONE, Group
from aetk.lab.training.finish import clipping_notes, finish, share_report
from aetk.lab.training.fitting import fit_preprocessing
from lab.small import small_detector

from .planned import ROWS, make, small_table

SHAPES = [[4]]
RECIPE = RECIPES["default"].to_data() | {"networks": SHAPES, "memory": 0, "weighting": "none", "swap_noise": [0.1]}
DONE = Progress(step=9, best_step=6, seconds=1.23456, history=[Evaluation(6, 1, 0.5, -0.25, 0.01)])


@pytest.fixture
def finished(tmp_path):
    """A function that ends a training of the small table with random networks; it returns plan, detector and report."""

    def end(extras=lambda _: {}, **changes):
        plan = make(tmp_path / "run", recipe=RECIPE, **changes)
        preprocessing = fit_preprocessing(plan, ALONE)
        detector = small_detector(2, explain=False, imputes=preprocessing.imputes, shapes=SHAPES)
        return plan, detector, finish(plan, preprocessing, detector, DONE, None, extras, lambda _: None)

    return end


def test_the_threshold_and_the_metrics_are_those_of_the_calibration_rows(finished):
    plan, detector, report = finished()
    with torch.no_grad():
        similarity = detector(torch.from_numpy(plan.parts.calibration.astype(np.float32)))[0].numpy()
    assert np.array_equal(report.calibration_similarity, similarity)
    assert report.threshold.method == "best-f1"
    assert float(detector.threshold) == np.float32(report.threshold.value)
    assert report.metrics == measure(similarity, plan.parts.calibration_labels, report.threshold.value)


def test_without_labels_there_are_no_metrics_and_no_calibration_row_is_flagged(finished):
    _, _, report = finished(data=small_table().drop(columns="y"), label=None)
    assert (report.metrics, report.calibration_labels) == (None, None)
    assert not is_anomaly(report.calibration_similarity, report.threshold.value).any()


def test_the_run_can_be_read_again_and_its_record_counts_the_rows_and_steps(finished):
    plan, detector, report = finished()
    run, record = runs.read_run(report.run), json.loads((report.run / runs.RECORD).read_text())
    state = run.detector.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in detector.state_dict().items())
    assert np.array_equal(run.calibration, plan.parts.calibration.astype(np.float32))
    data = record["training_data"]
    assert data["fingerprint"] == plan.dataset.fingerprint
    assert data["fit_rows"] + data["selection_rows"] + data["calibration_rows"] == ROWS
    assert (record["steps"], record["best_step"], record["fit_seconds"]) == (9, 6, 1.235)
    assert record["warnings"] == list(report.warnings)
    (line,) = runs.read_history(report.run)
    assert (line["step"], line["score"]) == (6, -0.25)


def test_a_feature_tells_the_quantiles_of_the_rows_to_fit_on_and_what_fills_its_gaps(finished):
    table = small_table()
    plan, detector, report = finished(data=table.assign(a=table.a.where(table.index % 3 > 0)), missing="median")
    first, second = json.loads((report.run / runs.RECORD).read_text())["features"]
    assert (first["name"], second["name"], first["missing"]) == ("a", "b", "median")
    assert first["fill"] == float(detector.fill[0])
    middle = second["quantiles"][len(second["quantiles"]) // 2]
    assert middle == pytest.approx(np.median(plan.parts.fit[:, 1]), rel=1e-4)


def test_more_files_are_made_from_the_report_and_vouched_for_with_the_rest(finished):
    _, _, report = finished(extras=lambda report: {"picture.png": f"of {report.rows} rows".encode()})
    assert (report.run / "picture.png").read_bytes() == f"of {report.rows} rows".encode()


class Two(Group):
    """Stands in for two processes: what is shared goes through JSON, as between real ones."""

    world = 2

    def broadcast(self, data):
        return json.loads(json.dumps(data))


@pytest.mark.parametrize("label", ["y", None])
def test_a_report_arrives_in_the_other_processes_as_it_is(finished, label):
    data = small_table() if label else small_table().drop(columns="y")
    report = finished(data=data, label=label)[2]
    assert share_report(report, ALONE) is report
    shared = share_report(report, Two())
    for field in fields(report):
        found, expected = getattr(shared, field.name), getattr(report, field.name)
        assert np.array_equal(found, expected) if isinstance(expected, np.ndarray) else found == expected, field.name


def test_columns_beyond_the_bound_are_named():
    detector = small_detector(3, explain=False)
    bound, rows = detector.bound, np.zeros((5, 3))
    names = ("a", "b", "c")
    assert clipping_notes(detector, names, rows) == []
    rows[2, 1] = 10 * bound / float(detector.inverse_scale[1])
    (note,) = clipping_notes(detector, names, rows)
    assert note.startswith(f"Column 'b' reaches beyond {bound:g}, where values are clipped; scale it first")
    rows[3, 0] = -10 * bound / float(detector.inverse_scale[0])
    (note,) = clipping_notes(detector, names, rows)
    assert note.startswith("2 columns reach beyond")
    assert note.endswith("'a', 'b'.")
