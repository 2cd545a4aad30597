"""Fixtures that several folders share: one quick training run, its export, and real data."""

import json
import os
import pickle
import shutil
import signal
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, Phase, settings

from aetk.contract import card as cards
from aetk.contract import onnxfile, spec
from aetk.edge.model import card_path

# a busy machine is no fault of the code
settings.register_profile("aetk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# make mutants: a mutant that a test kills is not looked into, and the same examples meet every one
settings.register_profile(
    "mutants",
    settings.get_profile("aetk"),
    phases=[Phase.explicit, Phase.generate],
    max_examples=30,
    derandomize=True,
    database=None,
)
settings.load_profile("aetk")

PARTS = {"a.parquet": 3000, "day=1/b.parquet": 2500, "day=1/empty.parquet": 0, "day=2/c.pq": 4001}
DATA = Path(__file__).resolve().parents[1] / "../shared/data"


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_works():
    """Started in the background, a process is born ignoring SIGINT, and so are its children; the tests need it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """A function that makes something in an empty folder once for all processes of pytest-xdist, and returns it."""
    base = tmp_path_factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make_once(name, make):
        kept = place / f"{name}.pickle"
        with FileLock(kept.with_suffix(".lock")):
            if not kept.exists():
                kept.write_bytes(pickle.dumps(make(tmp_path_factory.mktemp(name))))
            return pickle.loads(kept.read_bytes())

    return make_once


@pytest.fixture(scope="session")
def breast_cancer_run(once):
    """The report of one short training run on the built-in table."""
    from aetk.lab.training.trainer import train

    settings = {"epochs": 30, "device": "cpu", "progress": False}
    return once("runs", lambda folder: train(out=folder / "breast-cancer", **settings))


@pytest.fixture(scope="session")
def model(breast_cancer_run, once):
    """The exported `.onnx` file of that run. Read it only; to change one, take `model_copy`."""
    from aetk.lab.export.publish import export

    return once("exports", lambda folder: export(breast_cancer_run.run, out=folder / "breast-cancer.onnx").model)


@pytest.fixture(scope="session")
def explaining_model(breast_cancer_run, once):
    """The same run exported with contributions."""
    from aetk.lab.export.publish import export

    name = "explaining.onnx"
    return once("explaining", lambda folder: export(breast_cancer_run.run, out=folder / name, explain=True).model)


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
    """A function that changes a model's graph and card, and signs the file again, as a forger would."""

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


@pytest.fixture(scope="session")
def parts(model, breast_cancer, tmp_path_factory):
    """A folder of four files of rows like the built-in table's, a few of them with a missing value."""
    from aetk.edge.scoring.scorer import Scorer

    folder = tmp_path_factory.mktemp("cluster") / "data"
    names, random, first = Scorer(model).feature_names, np.random.default_rng(7), 0
    for name, size in PARTS.items():
        rows = breast_cancer.data[random.integers(0, len(breast_cancer.data), size)]
        rows = rows * random.normal(1, 0.02, rows.shape)
        rows[random.random(size) < 0.01, 4] = np.nan
        columns = {name: rows[:, i] for i, name in enumerate(names)}
        ids = [f"id-{i}" for i in range(first, first + size)]
        labels = (random.random(size) < 0.1).astype(np.int64)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"id": pa.array(ids, pa.string()), **columns, "label": labels}), folder / name)
        first += size
    return folder


@pytest.fixture
def here():
    """An engine that works in this process."""
    from cluster.inprocess import Here

    return Here()
