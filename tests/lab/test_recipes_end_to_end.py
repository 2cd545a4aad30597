"""Every preset and every idea of a recipe: trained without a look at a label, exported, and held against PyTorch."""

import numpy as np
import pandas as pd
import pytest
import torch

from aetk.contract import golden
from aetk.edge.model import card_path, load
from aetk.edge.runtime.session import open_session
from aetk.lab import runs
from aetk.lab.export.publish import export
from aetk.lab.presets import RECIPES
from aetk.lab.training.trainer import train

QUICK = {"epochs": 3, "device": "cpu", "progress": False}
ROWS_AND_A_DENOISER = {
    "scaling": "balanced", "kappa": 10, "networks": [[32]], "swap_noise": 0, "gaussian_noise": 1, "memory": 2048,
    "memory_kib": 128, "remember": "rows", "temperature": 0.5, "weighting": "part",
}  # fmt: skip
VARIANTS = {
    **{name: {"recipe": name} for name in RECIPES},
    "without a memory": {"settings": {"memory": 0}},
    "without weights": {"settings": {"weighting": "none"}},
    "plain cosine": {"settings": {"kappa": 0}},
    "many networks": {"settings": {"networks": [[8], [4, 4], []], "swap_noise": 0.1}},
    "robust": {"settings": {"scaling": "robust"}},
    "min-max": {"settings": {"scaling": "min-max"}},
    "rows and a denoiser": {"settings": ROWS_AND_A_DENOISER},
    "compact": {"settings": {"compact": True, "trim": 0.05}},
    "imputing": {"missing": "median"},
}
QUICK_VARIANTS = (*RECIPES, "rows and a denoiser", "imputing")


@pytest.fixture(scope="module")
def fraud(creditcard):
    """The card-fraud validation rows as a data frame without their identifier."""
    return pd.read_csv(creditcard / "val.csv").drop(columns="ID")


@pytest.mark.parametrize("explain", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["plain", "explaining"])
@pytest.mark.parametrize(
    "variant", [v if v in QUICK_VARIANTS else pytest.param(v, marks=pytest.mark.slow) for v in VARIANTS]
)
def test_every_recipe_keeps_parity_contract_and_golden_rows(fraud, tmp_path, variant, explain):
    report = train(fraud, label="Class", out=tmp_path / "run", **QUICK, **VARIANTS[variant])
    published = export(report.run, out=tmp_path / "model.onnx", explain=explain)  # refuses what breaks parity
    assert published.parity.rows > 500
    model = load(published.model)
    assert model.card.recipe == runs.read_record(report.run)["recipe"]
    answers = open_session(model.data).run(model.card.golden.inputs)
    assert golden.compare(model.card.golden, answers, model.card.threshold.value).passed


def test_the_small_model_fits_into_32_kib_and_the_default_with_its_card_into_256(fraud, tmp_path):
    sizes = {}
    for name in ("small", "default"):
        run = train(fraud, label="Class", out=tmp_path / name, recipe=name, **QUICK).run
        model = export(run, out=tmp_path / f"{name}.onnx").model
        sizes[name] = model.stat().st_size, card_path(model).stat().st_size
    assert sizes["small"][0] <= 32 * 1024
    assert sum(sizes["default"]) <= 256 * 1024


def test_every_choice_of_training_is_replayed_with_the_labels_deleted(creditcard, fraud, tmp_path):
    """Labels serve the threshold alone: the same weights, memory and history come of a validation table without."""
    rows = pd.read_csv(creditcard / "train.csv").drop(columns="ID")
    labelled = train(rows, validation=fraud, label="Class", out=tmp_path / "with", **QUICK)
    bare = train(rows, validation=fraud.drop(columns="Class"), out=tmp_path / "without", **QUICK)
    assert (labelled.threshold.method, bare.threshold.method) == ("best-f1", "conformal")
    assert runs.read_history(labelled.run) == runs.read_history(bare.run)
    one, other = (runs.read_run(report.run).detector.state_dict() for report in (labelled, bare))
    assert all(torch.equal(one[name], other[name]) for name in one if name != "threshold")


def test_a_run_weighs_its_reconstructions_by_rows_that_nothing_was_fitted_to(fraud, tmp_path):
    report = train(fraud, label="Class", out=tmp_path / "run", **QUICK)
    detector = runs.read_run(report.run).detector
    assert detector.weights.shape == (3, 30)
    assert np.isclose(detector.weights.square().sum(), 30, rtol=1e-3)
    assert detector.weights.min() > 0
    assert report.selection_rows == (report.rows + report.selection_rows) // 10
