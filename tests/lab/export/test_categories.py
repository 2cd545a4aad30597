"""Exported models with categories: their golden rows, their parity, their card, and a new threshold."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from aetk.contract import onnxfile, spec
from aetk.contract.card import all_indices, between_quantiles, categories, feature_of
from aetk.contract.golden import compare
from aetk.contract.reading import Labels, TableFormat
from aetk.edge.bench.sessions import ordinary_rows
from aetk.edge.inspection import inspect
from aetk.edge.model import load
from aetk.edge.runtime.session import OPTIMIZATIONS, open_session
from aetk.edge.threshold import set_threshold, undo_threshold
from aetk.edge.verification import verify
from aetk.lab.export import parity
from aetk.lab.export.golden import answers, synthetic_rows
from aetk.lab.export.graph import to_onnx
from aetk.lab.export.publish import export, verify_against_run
from aetk.lab.runs import read_run
from aetk.render.edge_text import inspection
from lab.categories import LEVELS, NAMES, dataset, encodings, fit

SEMICOLONS = TableFormat(delimiter=";", labels=Labels("class", anomaly=("bad",)))
QUANTILES = (0, 0, 1, 2, 3, 3, 3)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A function that trains and exports once a recipe: the run and the model."""
    found = {}

    def make(recipe, explain=False, opset=spec.OPSET):
        folder = tmp_path_factory.mktemp("categories")
        if recipe not in found:
            with pytest.MonkeyPatch.context() as patch:
                found[recipe] = fit(patch, dataset(table=SEMICOLONS), folder / recipe, recipe=recipe, epochs=20).run
        if (recipe, explain, opset) not in found:
            out = folder / f"{recipe}.onnx"
            found[recipe, explain, opset] = export(found[recipe], out=out, explain=explain, opset=opset)
        return found[recipe], found[recipe, explain, opset]

    return make


RECIPES = pytest.mark.parametrize("recipe", ["default", "small", "reference"])


@RECIPES
@pytest.mark.parametrize("explain", [False, True])
def test_every_recipe_exports_with_parity_and_verifies(exported, recipe, explain):
    run, report = exported(recipe, explain)
    assert report.parity.passed
    assert report.parity.groups["column 2 with each index,"] == len(all_indices(3))
    assert verify(report.model).passed
    assert verify_against_run(report.model, run).passed


@pytest.mark.parametrize("opset", [17, 18, 23])
def test_every_opset_passes_the_gate_and_decides_alike(exported, opset):
    _, report = exported("small", True, opset)
    assert load(report.model).graph.opset == opset
    assert report.parity.passed


@RECIPES
def test_the_card_says_contract_2_with_levels_and_table(exported, recipe):
    card = load(exported(recipe)[1].model).card
    data = json.loads(card.to_json())
    assert data["contract"] == 2
    assert data["table"] == SEMICOLONS.to_data()
    assert data["features"][1]["levels"] == list(LEVELS["kind"])
    assert (data["features"][1]["missing"], data["features"][1]["fill"]) == ("level", None)
    assert set(data["features"][0]) == {"position", "name", "quantiles", "missing", "fill"}
    assert data["features"][0]["missing"] == "reject"
    assert all(value == round(value) for value in data["features"][3]["quantiles"])
    assert tuple(feature.encoding for feature in card.features) == encodings()


@RECIPES
def test_golden_rows_try_every_index_of_a_category_and_values_that_are_none(exported, recipe):
    golden = load(exported(recipe)[1].model).card.golden
    for position in (1, 3):
        tried = all_indices(len(LEVELS[NAMES[position]]))
        found = golden.inputs[:, position]
        assert all(((found == value) | (np.isnan(found) & np.isnan(value))).any() for value in np.float32(tried))
        outside = ~np.isfinite(found)
        assert (golden.is_valid & outside).any()


def test_the_golden_rows_near_the_threshold_have_whole_indices(exported):
    golden = load(exported("default")[1].model).card.golden
    near = np.abs(golden.similarity64 - load(exported("default")[1].model).card.threshold.value) < 0.002
    assert near.sum() >= 4
    assert (golden.inputs[near][:, [1, 3]] == np.rint(golden.inputs[near][:, [1, 3]])).all()


def test_a_threshold_set_on_a_device_keeps_indices_whole_and_is_undone(exported, tmp_path):
    model = Path(shutil.copy(exported("default")[1].model, tmp_path))
    before = model.read_bytes()
    middle = float(np.median(load(model).card.golden.similarity))
    set_threshold(model, middle)
    card = load(model).card
    made = card.golden.inputs[len(card.golden.original()) :]
    assert len(made) >= 2
    assert (made[:, [1, 3]] == np.rint(made[:, [1, 3]])).all()
    assert len(np.unique(made[:, 0])) == len(made)  # the numbers are walked through
    near = np.abs(card.golden.similarity[-len(made) :] - middle)
    assert (near <= 101 * spec.TOLERANCE).all()
    assert verify(model).passed
    undo_threshold(model)
    assert model.read_bytes() == before


def test_onnx_runtime_takes_each_index_as_pytorch_does_at_every_optimization(exported):
    run, report = exported("default", True)
    detector = read_run(run).detector
    rows = np.tile(np.float32([1.0, 0, 2.0, 1]), (len(all_indices(3)), 1))
    rows[:, 1] = all_indices(3)
    expected, is_valid = answers(detector, rows)
    assert is_valid.all()
    assert len(set(np.round(expected[3:], 6))) == 1  # all of them mean the other level
    for level in OPTIMIZATIONS:
        found = open_session(report.model.read_bytes(), optimization=level).run(rows)
        np.testing.assert_allclose(found["similarity"], expected, atol=1e-6)
        assert found["is_valid"].all()
        np.testing.assert_allclose(found["contribution"].sum(1), 1 - found["similarity"], atol=1e-5)


@pytest.mark.parametrize("missing", ["reject", "median"])
@pytest.mark.parametrize("columns", [24, 0], ids=["wide", "categories alone"])
def test_wide_tables_and_tables_of_categories_alone_export(monkeypatch, tmp_path, columns, missing):
    random = np.random.default_rng(0)
    levels = {f"k{i}": tuple(map(str, range(2 + i))) for i in range(4)}
    names = [*(f"x{i}" for i in range(columns)), *levels]
    rows = random.normal(size=(150, len(names)))
    for i in range(4):
        rows[:, columns + i] = random.integers(0, 3 + i, 150)
    order = random.permutation(len(names))
    data = dataset(rows[:, order], None, [names[i] for i in order], levels)
    run = fit(monkeypatch, data, tmp_path / "run", epochs=3, missing=missing).run
    for explain in (False, True):
        report = export(run, out=tmp_path / "model.onnx", explain=explain)
        assert report.parity.passed
        assert verify(report.model).passed


def test_synthetic_rows_have_indices_in_categories():
    pairs = zip(NAMES, encodings(), strict=True)
    features = [
        feature_of(name, how, QUANTILES if how.levels else (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0), "reject", 0.0)
        for name, how in pairs
    ]
    assert categories(features) == [1, 3]
    rows = synthetic_rows(features)
    ordinary = np.isfinite(rows).all(1) & (np.abs(rows) < 1e6).all(1)
    allowed = set(
        np.float32([*all_indices(3), *all_indices(4), 1e-40])[np.isfinite([*all_indices(3), *all_indices(4), 0])]
    )
    assert set(rows[ordinary][:, [1, 3]].ravel()) <= allowed
    assert (rows[ordinary][:, 0] != np.rint(rows[ordinary][:, 0])).any()
    levels = np.random.default_rng(0).uniform(0.01, 0.99, (50, 4))
    drawn = between_quantiles(features, levels)
    assert (drawn[:, [1, 3]] == np.rint(drawn[:, [1, 3]])).all()
    assert (drawn[:, 0] != np.rint(drawn[:, 0])).any()


def test_the_rows_of_bench_have_whole_indices(exported):
    card = load(exported("small")[1].model).card
    rows = ordinary_rows(card, 100)
    assert (rows[:, [1, 3]] == np.rint(rows[:, [1, 3]])).all()


def test_inspect_shows_the_levels_and_the_table(exported):
    report = inspect(exported("small")[1].model)
    text = inspection(report)
    assert "contract 2" in text
    assert "missing values: reject" in text
    assert "kind: 3 levels (tcp, udp, icmp) and one for all other text" in text
    assert 'table: delimiter ";", labels {"column": "class", "anomaly": ["bad"], "ordinary": []}' in text


def test_a_threshold_equal_to_the_graphs_own_constants_has_its_own_initializer(exported):
    run, report = exported("default")
    detector = read_run(run).detector
    for value in (0.25, 1.0):
        detector.threshold.fill_(value)
        graph = onnxfile.read(report_like(detector, report))
        assert graph.threshold == value
        assert sum("threshold" in node.inputs for node in graph.nodes) == 1


def report_like(detector, report):
    return onnxfile.with_card(to_onnx(detector), load(report.model).card.to_json())


def test_a_wrong_copy_in_the_graph_is_noticed(exported):
    """The golden rows fail if one level of a category is mistaken for another."""
    run, report = exported("default")
    card, detector = load(report.model).card, read_run(run).detector
    with torch.no_grad():
        detector.one_hot.level[0] = -3.0  # the first level now answers to the last index
        answered = [part.numpy() for part in detector(torch.from_numpy(card.golden.inputs))]
    outputs = dict(zip(spec.OUTPUTS, answered, strict=True))
    assert not compare(card.golden, outputs, card.threshold.value).passed


def test_parity_notices_it_too(exported):
    run, report = exported("default")
    found = read_run(run)
    with torch.no_grad():
        found.detector.one_hot.level[0] = -3.0
    assert not parity.compare(found.detector, report.model.read_bytes(), found.calibration).passed
