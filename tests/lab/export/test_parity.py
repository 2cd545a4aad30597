"""Parity passes on honest exports, and fails on every tampered one."""

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import helper, numpy_helper

from aetk.contract import onnxfile, spec
from aetk.lab.export.golden import in_float64
from aetk.lab.export.graph import to_onnx
from aetk.lab.export.parity import BATCHES, _near_threshold, compare
from aetk.lab.runs import read_run
from aetk.lab.training.trainer import train


@pytest.fixture(scope="session")
def run(breast_cancer_run):
    return read_run(breast_cancer_run.run)


@pytest.fixture(scope="session")
def exported(run):
    return to_onnx(run.detector)


def edited(data, change):
    proto = onnx.load_from_string(data)
    change(proto.graph)
    return proto.SerializeToString(deterministic=True)


def nudge(graph):
    """One weight of the last layer a little larger."""
    tensor = [t for t in graph.initializer if len(t.dims) == 2][-1]
    values = numpy_helper.to_array(tensor).copy()
    values[0, 0] += 1e-2
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def judge_everything(graph):
    """Rows with missing values pass for valid."""
    node = next(node for node in graph.node if spec.IS_VALID in node.output)
    node.op_type = "Less" if node.op_type == "Greater" else "GreaterOrEqual"


def strictly(graph):
    """The decision without its Not."""
    node = next(node for node in graph.node if spec.IS_ANOMALY in node.output)
    node.CopyFrom(helper.make_node("Identity", list(node.input), list(node.output)))


def steeper(graph):
    """Another slope of LeakyReLU, as a converter might leave it at its own default."""
    next(node for node in graph.node if node.op_type == "LeakyRelu").attribute[0].f = 0.011


def test_an_honest_export_passes_on_every_kind_of_row(run, exported):
    report = compare(run.detector, exported, run.calibration)
    assert report.passed
    assert report.batches == BATCHES
    assert len(report.levels) == 5
    assert report.groups["calibration"] == len(run.calibration)
    assert {"near the threshold", "one huge value", "one missing value", "one infinite value", "all nan"} <= set(
        report.groups
    )
    assert 0 < report.largest_difference <= report.tolerance


@pytest.mark.parametrize("change", [nudge, judge_everything, strictly, steeper], ids=lambda change: change.__name__)
def test_a_changed_graph_fails(run, exported, change):
    assert not compare(run.detector, edited(exported, change), run.calibration).passed


@pytest.mark.parametrize("shift", [2e-4, -2e-4, 5e-5])
def test_a_moved_threshold_flips_rows_near_it(run, exported, shift):
    moved = onnxfile.with_threshold(exported, float(run.detector.threshold) + shift)
    report = compare(run.detector, moved, run.calibration)
    assert not report.passed
    assert report.flipped_decisions > 0
    assert report.largest_difference <= report.tolerance  # the similarity alone would not have told


def test_rows_near_the_threshold_lie_2_10_and_100_tolerances_away_on_both_sides(run):
    threshold = float(run.detector.threshold)
    rows = _near_threshold(run.detector, run.calibration)
    distance = (in_float64(run.detector)(rows) - threshold) / spec.TOLERANCE
    assert rows.dtype == np.float32
    for expected in (-100, -10, -2, 2, 10, 100):
        assert (np.abs(distance - expected) < 0.5).sum() == 32, expected
    assert len(rows) == 6 * 32


def test_rows_within_the_tolerance_are_counted_as_near_ties_and_not_as_flips(run, exported):
    similarity = in_float64(run.detector)(run.calibration)
    middle = float(np.float32(similarity[len(similarity) // 2]))
    ties = int((np.abs(similarity - middle) <= spec.TOLERANCE).sum())
    try:
        before = float(run.detector.threshold)
        run.detector.threshold.fill_(middle)
        report = compare(run.detector, onnxfile.with_threshold(exported, middle), run.calibration)
    finally:
        run.detector.threshold.fill_(before)
    assert report.near_ties >= ties > 0
    assert report.passed


def test_contributions_are_compared_too(run):
    run.detector.explain = True
    try:
        data = to_onnx(run.detector)
        assert compare(run.detector, data, run.calibration).passed

        def spoil(graph):
            node = next(node for node in graph.node if spec.CONTRIBUTION in node.output)
            name = node.output[0]
            node.output[0] = "honest"
            graph.node.append(helper.make_node("Mul", ["honest", "factor"], [name]))
            graph.initializer.append(numpy_helper.from_array(np.float32(1.001), "factor"))

        assert not compare(run.detector, edited(data, spoil), run.calibration).passed
    finally:
        run.detector.explain = False


@pytest.mark.slow
@pytest.mark.parametrize("name", ["6_cardio", "30_satellite", "38_thyroid", "41_Waveform", "43_WDBC"])
def test_no_row_of_public_anomaly_detection_sets_is_decided_differently(name, creditcard, tmp_path):
    path = creditcard.parent / f"adbench/{name}.npz"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    content = np.load(path)
    columns = [f"x{i}" for i in range(content["X"].shape[1])]
    pd.DataFrame(content["X"], columns=columns).assign(y=content["y"]).to_csv(tmp_path / "t.csv", index=False)
    train(tmp_path / "t.csv", label="y", epochs=3, device="cpu", out=tmp_path / "run", progress=False)
    run = read_run(tmp_path / "run")
    report = compare(run.detector, to_onnx(run.detector), run.calibration)
    assert report.passed
    assert report.flipped_decisions == report.flipped_validity == report.broken_rule == 0
    assert report.groups["near the threshold"] == 192
