"""Fixtures that several folders share: one quick training run, its export, and real data."""

import json
import shutil
import signal
from pathlib import Path

import onnx
import pytest
from hypothesis import HealthCheck, settings

from aetk.contract import card as cards
from aetk.contract import onnxfile, spec
from aetk.edge.model import card_path

# a busy machine is no fault of the code
settings.register_profile("aetk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aetk")

DATA = Path(__file__).resolve().parents[1] / "../shared/data"


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_works():
    """Started in the background, a process is born ignoring SIGINT, and so are its children; the tests need it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def breast_cancer_run(tmp_path_factory):
    """The report of one short training run on the built-in table."""
    from aetk.lab.training import train

    return train(epochs=30, device="cpu", out=tmp_path_factory.mktemp("runs") / "breast-cancer", progress=False)


@pytest.fixture(scope="session")
def model(breast_cancer_run, tmp_path_factory):
    """The exported `.onnx` file of that run. Read it only; to change one, take `model_copy`."""
    from aetk.lab.export import export

    return export(breast_cancer_run.run, out=tmp_path_factory.mktemp("exports") / "breast-cancer.onnx").model


@pytest.fixture(scope="session")
def explaining_model(breast_cancer_run, tmp_path_factory):
    """The same run exported with contributions."""
    from aetk.lab.export import export

    return export(breast_cancer_run.run, out=tmp_path_factory.mktemp("exports") / "explaining.onnx", explain=True).model


@pytest.fixture
def model_copy(model, tmp_path):
    """A copy of model and card that a test may change."""
    shutil.copy(card_path(model), tmp_path)
    return Path(shutil.copy(model, tmp_path))


@pytest.fixture(scope="session")
def breast_cancer():
    """scikit-learn's table: `data` float64 [569, 30], `target` 0 for malignant, which is the anomaly."""
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer()


@pytest.fixture(scope="session")
def creditcard():
    """The folder of the card-fraud tables."""
    folder = DATA / "creditcard"
    if not folder.is_dir():
        pytest.skip(f"needs the card-fraud tables in {folder}")
    return folder


@pytest.fixture(scope="session")
def resign():
    """A function that changes a model's graph and card, and signs the file anew, as a forger would."""

    def change(path, edit_graph=lambda graph: None, edit_card=lambda card: None):
        proto = onnx.load(path)
        edit_graph(proto.graph)
        signed = proto.SerializeToString(deterministic=True)
        card = json.loads(next(p.value for p in proto.metadata_props if p.key == spec.CARD_KEY))
        card["model_sha256"] = onnxfile.digest(signed)
        edit_card(card)
        text = cards.seal(card)
        path.write_bytes(onnxfile.with_card(signed, text))
        card_path(path).write_text(text, encoding="utf-8")

    return change
