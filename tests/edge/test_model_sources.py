"""A model opens from wherever its bytes are, and travels to other processes."""

import copy
import importlib.resources
import io
import multiprocessing
import os
import pickle
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pytest

from aetk.base.errors import BadInput, CheckFailed
from aetk.edge.inspection import inspect
from aetk.edge.model import load
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.threshold import set_threshold
from aetk.edge.verification import verify


@pytest.fixture
def package(model, tmp_path, monkeypatch):
    """The model as a resource of a package in a zip file."""
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as file:
        file.writestr("detectors/__init__.py", "")
        file.write(model, "detectors/model.onnx")
    monkeypatch.syspath_prepend(tmp_path / "package.zip")
    yield importlib.resources.files("detectors") / "model.onnx"
    sys.modules.pop("detectors", None)


def sources(model, package):
    data = model.read_bytes()
    return {
        "a path": model,
        "text": str(model),
        "a path as bytes": os.fsencode(model),
        "bytes": data,
        "a bytearray": bytearray(data),
        "a memoryview": memoryview(data),
        "a file in memory": io.BytesIO(data),
        "an open file": model.open("rb"),
        "a resource": package,
        "a path in a zip file": zipfile.Path(package.root.filename, "detectors/model.onnx"),
        "a loaded model": load(model),
    }


def test_every_source_gives_the_same_model(model, package, breast_cancer):
    expected = Scorer(model).score(breast_cancer.data)
    for title, source in sources(model, package).items():
        scorer = Scorer(source)
        np.testing.assert_array_equal(scorer.score(breast_cancer.data).similarity, expected.similarity, title)
        assert scorer.model.in_memory == (title not in ("a path", "text", "a path as bytes", "a loaded model"))


def test_a_model_in_memory_is_verified_and_inspected_under_its_name(model, package):
    assert verify(model.read_bytes()).passed
    assert inspect(package).model == Path("model.onnx")
    assert inspect(io.BytesIO(model.read_bytes())).card_copy == "missing"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (b"\0" * 100, "<bytes>: "),
        (io.StringIO("text"), "a file opened as text"),
        (5, "The model is int"),
        (None, "The model is NoneType"),
        (io.BytesIO(), "<memory>: "),
    ],
)
def test_what_is_not_a_model_is_refused_by_its_name(source, words):
    with pytest.raises(BadInput) as refused:
        load(source)
    assert words in refused.value.message
    assert refused.value.hint


def test_bytes_go_through_the_gate_and_are_held_to_their_card(model):
    data = bytearray(model.read_bytes())
    data[data.rindex(b"networks.0.0.weight") + 60] ^= 1
    with pytest.raises(CheckFailed, match="SHA-256"):
        Scorer(bytes(data))


def test_a_key_is_asked_for_where_a_model_is_loaded_already(model, tmp_path):
    with pytest.raises(BadInput, match="A model in memory has no signature"):
        load(model.read_bytes(), tmp_path / "key.pem")
    with pytest.raises(BadInput, match="A model in memory has no signature"):
        load(load(model.read_bytes()), tmp_path / "key.pem")


@pytest.mark.parametrize("from_memory", [False, True], ids=["from a file", "from memory"])
def test_a_scorer_pickles_and_copies_with_its_options(model, breast_cancer, from_memory):
    scorer = Scorer(model.read_bytes() if from_memory else model, threads=1, threshold=0.5)
    pickled = pickle.dumps(scorer)
    assert (len(pickled) > model.stat().st_size) == from_memory
    expected = scorer.score(breast_cancer.data)
    for other in (pickle.loads(pickled), copy.deepcopy(scorer), copy.copy(scorer)):
        assert (other.threads, other.threshold, other.provider) == (1, 0.5, "cpu")
        np.testing.assert_array_equal(other.score(breast_cancer.data).similarity, expected.similarity)
        np.testing.assert_array_equal(other.score(breast_cancer.data).is_anomaly, expected.is_anomaly)


@pytest.mark.parametrize("method", ["spawn", "loky"])
def test_a_scorer_scores_in_other_processes(model, breast_cancer, method):
    scorer, rows = Scorer(model, threads=1), breast_cancer.data[:20]
    if method == "loky":
        there = joblib.Parallel(2)(joblib.delayed(scorer.score)(rows) for _ in range(2))
    else:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
            there = list(processes.map(scorer.score, [rows]))
    for scores in there:
        np.testing.assert_array_equal(scores.similarity, scorer.score(rows).similarity)


def test_a_pickled_scorer_refuses_another_file_at_its_path(model_copy):
    travelling = pickle.dumps(Scorer(model_copy))
    set_threshold(model_copy, 0.5)
    with pytest.raises(CheckFailed, match="is not the model that was to be used"):
        pickle.loads(travelling)


def test_a_path_that_was_relative_is_found_from_another_folder(model_copy, monkeypatch, tmp_path):
    monkeypatch.chdir(model_copy.parent)
    travelling = pickle.dumps(Scorer(model_copy.name))
    monkeypatch.chdir("/")
    assert pickle.loads(travelling).model.path == model_copy.resolve()
