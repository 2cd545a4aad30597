"""The self-test of every host: it holds for every preset and option, and fails on what a forger might change."""

import base64
import json
import math
import os
import re
import shutil
import subprocess

import numpy as np
import onnx
import pytest
from edge.forgery import add_to_first, edit, swap_columns
from patience import PATIENCE

from aetk.contract import gate, onnxfile, spec
from aetk.contract.foreign import other_kind
from aetk.edge.model import card_path, load

MODELS = ["default", "small", "reference", "explained", "median", "retuned"]


@pytest.fixture
def forged(models, tmp_path):
    """A copy of the default model that may be changed."""
    shutil.copy(models["default"], tmp_path / "forged.onnx")
    shutil.copy(card_path(models["default"]), tmp_path / "forged.card.json")
    return tmp_path / "forged.onnx"


def move_threshold(model, tolerances):
    data = model.read_bytes()
    threshold = onnxfile.read(data).threshold + tolerances * spec.TOLERANCE
    model.write_bytes(onnxfile.with_threshold(data, float(np.float32(threshold))))


def rewrite(model, change):
    proto = onnx.load(model)
    change(proto.graph)
    model.write_bytes(proto.SerializeToString(deterministic=True))


CHANGES = {
    "a weight": edit("networks.0.0.weight", add_to_first(0.05)),
    "swapped columns": swap_columns,
}


@pytest.mark.parametrize("name", MODELS)
def test_it_passes_and_says_what_ran(app, models, name):
    done = app.run("selftest", "--json", "--model", models[name])
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    card = load(models[name]).card
    assert report["passed"] is True
    assert report["rows"] == len(card.golden)
    assert report["tolerance"] == card.similarity.tolerance
    assert 0 <= report["largest_difference"] <= card.similarity.tolerance
    assert report["microseconds"] > 0
    assert "onnxruntime" in report["runtime"]
    assert report["provider"]


WRONG = """
import sys

import detector

class Wrong(detector.Detector):
    first = None

    def score(self, rows):
        if len(rows) == 1 and sys.argv[1] == "one":
            rows = self.first = rows if self.first is None else self.first
        if len(rows) > 1 and sys.argv[1] == "all":
            rows = rows[::-1]
        return super().score(rows)

print(Wrong("model/detector.onnx").selftest().passed)
"""


@pytest.mark.parametrize(("path", "verdict"), [("none", "True"), ("one", "False"), ("all", "False")])
def test_the_python_app_finds_a_runtime_that_errs_on_single_rows_or_on_many_alone(build, path, verdict):
    folder = build("python")[0] / "app"
    command = [folder / ".venv/bin/python", "-c", WRONG, path]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout == f"{verdict}\n", done.stderr


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_file_is_refused_by_its_digest(app, forged, change):
    rewrite(forged, change)
    done = app.run("selftest", "--model", forged)
    assert done.returncode == 1
    assert done.stderr.startswith(f"detector: {forged}: the model's SHA-256 is not the one in its card")


def test_a_moved_threshold_is_refused_by_the_digest(app, forged):
    move_threshold(forged, 20)
    done = app.run("selftest", "--model", forged)
    assert done.returncode == 1
    assert "SHA-256" in done.stderr


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_golden_rows_betray_a_change_that_was_signed_anew(app, forged, resign, change):
    resign(forged, change)
    done = app.run("selftest", "--json", "--model", forged)
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["passed"] is False
    assert report["largest_difference"] > report["tolerance"]


@pytest.mark.parametrize("tolerances", [20, -20])
def test_golden_rows_betray_a_moved_threshold_that_was_signed_anew(app, forged, resign, tolerances):
    move_threshold(forged, tolerances)
    resign(forged)
    done = app.run("selftest", "--json", "--model", forged)
    if app.host == "python":
        assert done.returncode == 1
        assert ": the graph's threshold is " in done.stderr
        return
    report = json.loads(done.stdout)
    assert report["passed"] is False
    assert report["flipped_decisions"] > 0
    assert report["broken_rule"] > 0


@pytest.mark.parametrize("tolerances", [20, -20])
def test_golden_rows_betray_a_threshold_that_was_moved_in_the_card_too(app, forged, resign, tolerances):
    move_threshold(forged, tolerances)
    moved = onnxfile.read(forged.read_bytes()).threshold
    resign(forged, edit_card=lambda card: card["threshold"].update(value=moved))
    report = json.loads(app.run("selftest", "--json", "--model", forged).stdout)
    assert report["passed"] is False
    assert report["flipped_decisions"] > 0
    assert report["broken_rule"] == 0


def test_golden_rows_betray_similarities_that_are_no_numbers(app, forged, resign):
    resign(forged, edit("networks.0.0.weight", lambda values: values * np.nan))
    done = app.run("selftest", "--json", "--model", forged)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["largest_difference"] is None or math.isfinite(report["largest_difference"])
    assert report["passed"] is False


def test_a_card_that_was_changed_is_refused_by_its_own_digest(app, forged):
    forged.write_bytes(forged.read_bytes().replace(b"best-f1", b"by-hand", 1))
    card_path(forged).unlink()
    done = app.run("selftest", "--model", forged)
    assert done.returncode == 1
    assert done.stderr.startswith(f"detector: {forged}: the card's SHA-256 is not the one that it carries")


def test_a_stale_copy_of_the_card_is_refused(app, forged):
    copy = card_path(forged)
    copy.write_text(copy.read_text(encoding="utf-8").replace("best-f1", "by hand"), encoding="utf-8")
    done = app.run("selftest", "--model", forged)
    assert done.returncode == 1
    assert done.stderr.startswith(f"detector: {copy}: not the card that is inside forged.onnx.")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
def test_a_copy_that_is_no_regular_file_is_refused(app, forged, make):
    copy = card_path(forged)
    copy.unlink()
    make(copy)
    done = app.run("selftest", "--model", forged, timeout=PATIENCE)
    assert done.returncode == 1
    assert done.stderr.startswith(f"detector: {copy}: not the card that is inside forged.onnx.")


def test_a_model_needs_no_copy_of_its_card(app, forged):
    card_path(forged).unlink()
    assert app.run("selftest", "--model", forged).returncode == 0


@pytest.mark.parametrize(
    ("contract", "keys"), [(2, {}), (1, {"table": None}), (1, {"table": {"delimiter": ";"}})], ids=str
)
def test_a_card_of_contract_2_has_what_contract_1_does_not_know_and_no_other_has(app, forged, resign, contract, keys):
    resign(forged, edit_card=lambda card: card.update(contract=contract, **keys))
    done = app.run("selftest", "--model", forged)
    assert done.returncode == 2
    message = "its card is damaged or incomplete; expected the JSON that `aetk export` wrote."
    assert done.stderr == f"detector: {forged}: {message}\n  Export the model again.\n"


def test_a_card_of_another_contract_is_refused(app, forged, resign):
    resign(forged, edit_card=lambda card: card.update(contract=3))
    done = app.run("selftest", "--model", forged)
    assert done.returncode == 2
    message = "its card is of contract version 3, expected 1 or 2.\n  Export the model again.\n"
    assert done.stderr == f"detector: {forged}: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "It carries no aetk card."),
        (b"no model at all", "not a readable ONNX file."),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "It carries no aetk card."),
        (None, "No such model: {path}."),
    ],
    ids=["an empty file", "text", "a picture", "no file"],
)
def test_what_is_no_model_gets_one_message(app, tmp_path, content, message):
    if app.host == "python" and content is not None:
        message = "ONNX"  # the gate's words say more
    path = tmp_path / "other.onnx"
    if content is not None:
        path.write_bytes(content)
    done = app.run("selftest", "--model", path)
    assert done.returncode == 2
    assert done.stderr.startswith("detector: ")
    assert message.format(path=path) in done.stderr.splitlines()[0]
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (None, "Name the model that it belongs to, NAME.onnx for NAME.card.json."),
        (b'{"a": 1}', "Name the model in its place."),
        (b"V1,V2\n1,2\n", "Name the model in its place."),
        (b"\xef\xbb\xbf\r\nV1;V2\r\n1;2\r\n", "Name the model in its place."),
        (b"PAR1\x15\x04\x15", "Name the model in its place."),
    ],
    ids=["a card", "JSON", "a table", "a table with semicolons", "a Parquet file"],
)
def test_what_was_named_in_place_of_a_model_is_told_in_the_toolkits_words(app, forged, tmp_path, content, hint):
    path = tmp_path / "other.onnx"
    path.write_bytes(card_path(forged).read_bytes() if content is None else content)
    done = app.run("selftest", "--model", path)
    assert done.returncode == 2
    kind, _ = other_kind(path.read_bytes())
    assert done.stderr == f"detector: {path}: Not a model but {kind}; expected an .onnx file.\n  {hint}\n"


def test_a_file_that_is_too_large_for_a_model_is_refused(app, tmp_path):
    path = tmp_path / "large.onnx"
    path.write_bytes(b"no model at all")
    os.truncate(path, 2**28 + 1)
    done = app.run("selftest", "--model", path)
    assert done.returncode == 2
    found = f"detector: {path} is larger than 256 MiB; expected a model of the aetk contract."
    assert done.stderr == f"{found}\n  Export one with: aetk export --onnx\n"


@pytest.mark.parametrize("number", [7, 14], ids=["graph", "card"])
def test_a_second_graph_or_card_is_refused(app, forged, number):
    data = forged.read_bytes()
    once_more = [field.raw for field in gate.fields(memoryview(data)) if field.number == number]
    forged.write_bytes(data + once_more[-1])
    done = app.run("selftest", "--model", forged)
    assert done.returncode == 2
    assert done.stderr.startswith(f"detector: {forged}: ")
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda card: card.pop("features"),
        lambda card: card["features"][0].update(name=7),
        lambda card: card["features"][1].update(name=card["features"][0]["name"]),
        lambda card: card["golden"].update(inputs=card["golden"]["inputs"][:-8]),
        lambda card: card["golden"].update(similarity="no base64"),
        lambda card: card["golden"]["is_valid"].pop(),
        lambda card: card["golden"].update(is_anomaly=["yes"] * card["golden"]["rows"]),
        lambda card: card["threshold"].update(value=None),
        lambda card: card["similarity"].update(tolerance=0.002),
        lambda card: card["similarity"].update(tolerance=0),
        lambda card: card["similarity"].update(tolerance="1e-5"),
        lambda card: card.pop("requires"),
        lambda card: card.update(golden=[]),
    ],
)
def test_a_card_that_lacks_something_is_refused_in_one_line(app, forged, resign, spoil):
    resign(forged, edit_card=spoil)
    done = app.run("selftest", "--model", forged)
    assert done.returncode == 2, done.stderr
    message = "its card is damaged or incomplete; expected the JSON that `aetk export` wrote."
    assert done.stderr == f"detector: {forged}: {message}\n  Export the model again.\n"


def test_a_card_that_lists_another_number_of_columns_is_refused(app, forged, resign):
    """The Python app, which has aetk's gate, sees it in the graph before the runtime does."""

    def shorten(card):
        golden = card["golden"]
        inputs = np.frombuffer(base64.b64decode(golden["inputs"]), "<f4").reshape(golden["rows"], -1)[:, 1:]
        golden["inputs"] = base64.b64encode(inputs.tobytes()).decode()
        card["features"].pop()

    resign(forged, edit_card=shorten)
    done = app.run("selftest", "--model", forged)
    assert done.returncode in ((1,) if app.host == "python" else (2, 3))
    words = r"CPUExecutionProvider cannot run this model: |The model does not take |.*: the graph takes 30 features, "
    assert re.match(f"detector: ({words})", done.stderr)
    assert len(done.stderr.splitlines()) == 2


def test_a_runtime_that_is_too_old_or_a_graph_that_it_refuses_is_exit_3_with_what_the_model_requires(
    app, forged, resign
):
    resign(
        forged, lambda graph: graph.node[0].attribute.pop() if graph.node[0].attribute else graph.node[0].input.pop()
    )
    done = app.run("selftest", "--model", forged)
    if app.host == "python":
        assert done.returncode == 2
        assert "Not a model of the aetk contract" in done.stderr
        return
    assert done.returncode == 3
    assert done.stderr.startswith("detector: CPUExecutionProvider cannot run this model: ")
    assert done.stderr.endswith("\n  The model requires ONNX Runtime 1.17 or newer.\n")
