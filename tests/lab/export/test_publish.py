"""A file is published only after parity has held, and all of it or nothing."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from aetk.base.errors import BadInput, CheckFailed
from aetk.contract import onnxfile
from aetk.contract import threshold as thresholds
from aetk.edge.model import card_path, load
from aetk.edge.scoring.scorer import Scorer
from aetk.lab import runs
from aetk.lab.export import graph, parity
from aetk.lab.export.graph import to_onnx
from aetk.lab.export.publish import export, verify_against_run


def move_threshold(data):
    return onnxfile.with_threshold(data, onnxfile.read(data).threshold - 2e-4)


def change_a_weight(data):
    proto = onnx.load_from_string(data)
    tensor = [t for t in proto.graph.initializer if len(t.dims) == 2][-1]
    values = numpy_helper.to_array(tensor).copy()
    values[0, 0] += 1e-2
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return proto.SerializeToString(deterministic=True)


@pytest.mark.parametrize("tamper", [move_threshold, change_a_weight])
def test_a_file_that_decides_otherwise_is_not_published_and_the_old_one_stays(
    breast_cancer_run, model_copy, monkeypatch, tamper
):
    before = {path: path.read_bytes() for path in model_copy.parent.iterdir()}
    monkeypatch.setattr(graph, "to_onnx", lambda *arguments: tamper(to_onnx(*arguments)))
    with pytest.raises(CheckFailed, match="does not decide as the PyTorch model does") as error:
        export(breast_cancer_run.run, out=model_copy)
    assert error.value.exit_code == 1
    assert "Nothing was published" in error.value.hint
    assert {path: path.read_bytes() for path in model_copy.parent.iterdir()} == before


def test_the_finished_file_passes_the_gate_once_before_a_runtime_sees_it(breast_cancer_run, tmp_path, monkeypatch):
    seen = []
    read, compare = onnxfile.read, parity.compare
    monkeypatch.setattr(onnxfile, "read", lambda data: seen.append(("gate", data)) or read(data))
    monkeypatch.setattr(parity, "compare", lambda *given: seen.append(("runtime", given[1])) or compare(*given))
    content = export(breast_cancer_run.run, out=tmp_path / "model.onnx").model.read_bytes()
    assert seen == [("gate", content), ("runtime", content)]


def test_the_card_tells_what_the_run_was(model, breast_cancer_run):
    card = load(model).card
    record = runs.read_record(breast_cancer_run.run)
    assert card.threshold == breast_cancer_run.threshold
    assert card.recipe == record["recipe"]
    assert card.training_data == record["training_data"]
    assert card.validation == record["metrics"]
    assert card.feature_names == breast_cancer_run.features
    assert card.name == model.stem
    assert card_path(model).read_bytes() == card.to_json().encode()


def test_the_file_scores_the_calibration_rows_as_training_did(model, breast_cancer_run):
    run = runs.read_run(breast_cancer_run.run)
    similarity = Scorer(model).score(run.calibration).similarity
    assert np.abs(similarity - breast_cancer_run.calibration_similarity).max() < 1e-5
    flagged = thresholds.is_anomaly(similarity, breast_cancer_run.threshold.value)
    assert int((flagged & run.calibration_labels).sum()) == breast_cancer_run.metrics.true_positives


def test_exporting_twice_gives_the_same_bytes(model, breast_cancer_run, tmp_path):
    again = export(breast_cancer_run.run, out=tmp_path / model.name).model
    assert again.read_bytes() == model.read_bytes()


def test_nobodys_values_are_in_the_file(model, breast_cancer_run):
    """Golden rows are drawn from rounded quantiles, so that no row that was trained on can be found in the file."""
    content = model.read_bytes() + card_path(model).read_bytes()
    rows = runs.read_run(breast_cancer_run.run).calibration
    assert not any(row.tobytes() in content for row in rows)


@pytest.mark.parametrize("name", ["model", "model.csv"])
def test_a_name_of_another_kind_is_refused_before_anything_is_exported(breast_cancer_run, tmp_path, monkeypatch, name):
    monkeypatch.setattr(graph, "to_onnx", None)
    with pytest.raises(BadInput, match=r"does not end in \.onnx"):
        export(breast_cancer_run.run, out=tmp_path / name)


def test_the_full_comparison_can_be_repeated_with_a_published_file(model, explaining_model, breast_cancer_run):
    assert verify_against_run(model, breast_cancer_run.run).passed
    assert verify_against_run(explaining_model, breast_cancer_run.run).passed


def test_the_full_comparison_fails_for_a_file_that_was_changed_and_signed_anew(model_copy, breast_cancer_run, resign):
    def steeper(graph):
        next(node for node in graph.node if node.op_type == "LeakyRelu").attribute[0].f = 0.011

    resign(model_copy, steeper)
    assert not verify_against_run(model_copy, breast_cancer_run.run).passed


@pytest.mark.parametrize(
    ("opset", "oldest"),
    [
        (23, "1.23"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in ((17, "1.17"), (20, "1.17"), (21, "1.18"))),
    ],
)
def test_the_card_says_in_words_which_runtime_an_opset_needs(breast_cancer_run, tmp_path, opset, oldest):
    exported = export(breast_cancer_run.run, out=tmp_path / "model.onnx", opset=opset).model
    assert load(exported).card.requires == f"ONNX Runtime {oldest} or newer"
