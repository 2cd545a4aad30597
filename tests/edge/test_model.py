import base64
import os

import numpy as np
import pytest

from aetk.base.errors import BadInput, CheckFailed
from aetk.contract import onnxfile, spec
from aetk.edge.inspection import inspect
from aetk.edge.model import card_path, load, newest_model

from .forgery import edit, swap_columns


def test_a_model_comes_with_its_card(model):
    loaded = load(model)
    assert loaded.data == model.read_bytes()
    assert loaded.card.to_json() == loaded.card_path.read_text(encoding="utf-8")
    assert loaded.card_copy == "current"
    assert loaded.graph.threshold == loaded.card.threshold.value


def test_the_cards_copy_lies_beside_the_model(model):
    assert card_path(model).name == "breast-cancer.card.json"
    assert card_path(model).is_file()


def test_a_copy_is_current_stale_or_missing(model_copy):
    copy = card_path(model_copy)
    copy.write_text(copy.read_text() + " ")
    assert load(model_copy).card_copy == "stale"
    copy.unlink()
    assert load(model_copy).card_copy == "missing"


def test_no_such_model_a_folder_and_another_file_are_refused_by_name(tmp_path, model):
    with pytest.raises(BadInput, match=r"No such model: .*gone\.onnx"):
        load(tmp_path / "gone.onnx")
    with pytest.raises(BadInput, match="is a folder"):
        load(tmp_path)
    with pytest.raises(BadInput, match=r"breast-cancer\.card\.json: Not a"):
        load(card_path(model))


def test_a_model_without_a_card_is_refused(model_copy):
    model_copy.write_bytes(onnxfile.with_card(model_copy.read_bytes(), None))
    with pytest.raises(BadInput, match="carries no aetk card"):
        load(model_copy)


def test_one_changed_weight_breaks_the_digest(model_copy):
    data = bytearray(model_copy.read_bytes())
    weights = next(i for i in onnxfile.read(bytes(data)).initializers if i.name == "networks.0.0.weight")
    assert weights.shape == (80, 30)
    data[data.rindex(b"networks.0.0.weight") + 60] ^= 1
    model_copy.write_bytes(data)
    with pytest.raises(CheckFailed, match="SHA-256"):
        load(model_copy)


def test_a_moved_threshold_breaks_the_digest(model_copy):
    model_copy.write_bytes(onnxfile.with_threshold(model_copy.read_bytes(), 0.5))
    with pytest.raises(CheckFailed, match="SHA-256"):
        load(model_copy)


def test_swapped_columns_in_the_graph_break_the_digest(model_copy, resign):
    before = load(model_copy).card.model_sha256

    def restore(card):
        card["model_sha256"] = before

    resign(model_copy, swap_columns, restore)
    with pytest.raises(CheckFailed, match="SHA-256"):
        load(model_copy)


def test_a_threshold_that_is_not_the_cards_is_refused_whoever_signed_it(model_copy, resign):
    resign(model_copy, edit(spec.THRESHOLD, lambda _: 0.5))
    with pytest.raises(CheckFailed, match=r"graph's threshold is 0\.5, its card says"):
        load(model_copy)


def test_another_number_of_features_than_the_cards_is_refused_whoever_signed_it(model_copy, resign):
    def shorten(card):
        rows, golden = card["golden"]["rows"], card["golden"]
        inputs = np.frombuffer(base64.b64decode(golden["inputs"]), "<f4").reshape(rows, -1)[:, 1:]
        golden["inputs"] = base64.b64encode(inputs.tobytes()).decode()
        card["features"].pop()

    resign(model_copy, edit_card=shorten)
    with pytest.raises(CheckFailed, match="takes 30 features, its card lists 29"):
        load(model_copy)


def test_a_card_that_was_changed_breaks_its_own_digest(model_copy):
    data = model_copy.read_bytes()
    changed = data.replace(b"malignant is the anomaly", b"malignant is no anomaly!")
    assert changed != data
    model_copy.write_bytes(changed)
    with pytest.raises(CheckFailed, match="the card's SHA-256 is not the one that it carries"):
        load(model_copy)


def test_a_card_of_another_model_is_refused(model, explaining_model, model_copy):
    other = onnxfile.read(explaining_model.read_bytes()).metadata[spec.CARD_KEY]
    model_copy.write_bytes(onnxfile.with_card(model.read_bytes(), other))
    with pytest.raises(CheckFailed, match="SHA-256"):
        load(model_copy)


def test_an_inspection_says_what_the_file_is(model):
    report = inspect(model)
    assert report.model_bytes == model.stat().st_size
    assert report.card_bytes == card_path(model).stat().st_size
    assert (report.ir_version, report.opset, report.card_copy) == (8, 17, "current")
    assert [v.name for v in report.outputs] == list(spec.OUTPUTS)
    assert report.operators["Gemm"] == 10  # scaling, copying, six layers, the memory, the penalty
    assert report.parameters > 30 * 64
    assert len(report.card.features) == 30


def test_the_newest_model_is_taken_by_its_time_and_never_from_a_subfolder(tmp_path):
    (tmp_path / "reference").mkdir()
    for age, name in enumerate(["reference/c.onnx", "b.onnx", "a.onnx", "a.card.json"]):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    assert newest_model(tmp_path).name == "b.onnx"


def test_of_models_of_one_time_as_a_clone_leaves_them_the_highest_number_is_the_newest(tmp_path):
    for number in (8, 9, 10, 11, 1):
        (tmp_path / f"m-{number}.onnx").touch()
        os.utime(tmp_path / f"m-{number}.onnx", (1000, 1000))
    assert newest_model(tmp_path).name == "m-11.onnx"


def test_a_pipe_in_the_place_of_the_copy_is_no_reason_to_wait(model_copy):
    card_path(model_copy).unlink()
    os.mkfifo(card_path(model_copy))
    assert load(model_copy).card_copy == "stale"
