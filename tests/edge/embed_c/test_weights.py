"""Rounded weights: a smaller file, golden rows of its own, what it changes, and where it is refused."""

import numpy as np
import pytest

from aetk.base.errors import CheckFailed
from aetk.edge.embed import embed_c
from aetk.edge.embed_c import evaluate, files, golden_rows
from aetk.edge.embed_c import graph as graphs
from aetk.edge.model import load

from .conftest import compiled, run
from .test_answers import CLOSE, answers, random_rows

INT16 = ["default", "small", "reference", "imputing", "wide", "no memory explained"]


@pytest.mark.parametrize("name", INT16)
def test_int16_halves_the_constants_and_passes_its_own_golden_rows(shapes, compiler, tmp_path, name):
    report = embed_c(shapes[name], tmp_path / "app", weights="int16")
    whole = files.write(load(shapes[name]))
    assert report.sizes.constants < 0.62 * whole.sizes.constants
    assert report.change.flipped_decisions == 0
    assert 0 < report.change.largest_difference <= 1e-4
    done = run([compiled(tmp_path / "app", "-O2", sources=("selftest.c", "detector.c"), out="selftest")])
    assert done.returncode == 0, done.stdout
    assert float(done.stdout.split()[-1]) <= CLOSE


@pytest.mark.parametrize("weights", ["int16", "int8"])
def test_c_answers_as_the_rounded_weights_do_and_blocks_as_rows(shapes, make_program, weights, monkeypatch):
    monkeypatch.setattr(golden_rows, "rounded", lambda graph, card, *_: (card.golden, None))
    model = shapes["default explained"]
    loaded = load(model)
    program = make_program(model, weights=weights)
    rows = random_rows(loaded.card, 2000)
    graph = graphs.read(loaded.graph, contribution=True)
    from aetk.edge.embed_c import source

    stored = source.write(loaded.graph, loaded.card, weights, contribution=True).matrices.stored
    expected = evaluate.evaluate(graph, rows, stored)
    decisions, shares = program.one_by_one(rows)
    assert np.abs(decisions["similarity"] - expected["similarity"]).max() <= CLOSE
    assert np.abs(shares - expected["contribution"]).max() <= CLOSE
    assert (program.blocks(rows)[0] == decisions).all()


@pytest.mark.parametrize("name", ["default explained", "reference", "wide and imputing explained", "no anchor"])
def test_the_graph_computed_with_numpy_is_what_the_runtime_computes(shapes, name):
    loaded = load(shapes[name])
    rows = np.concatenate([random_rows(loaded.card, 500), loaded.card.golden.inputs])
    graph = graphs.read(loaded.graph, contribution=True)
    found, expected = evaluate.evaluate(graph, rows, {}), answers(shapes[name], rows)
    assert np.abs(found["similarity"] - expected["similarity"]).max() <= CLOSE
    assert (found["is_valid"] == expected["is_valid"]).all()
    if "contribution" in expected:
        assert np.abs(found["contribution"] - expected["contribution"]).max() <= CLOSE


def test_weights_that_flip_a_golden_decision_are_refused(model, tmp_path, monkeypatch):
    def other(graph, rows, stored):
        flags = np.ones(len(rows), bool)
        return {"similarity": np.full(len(rows), 0.5), "is_anomaly": flags, "is_valid": flags}

    monkeypatch.setattr(golden_rows, "evaluate", other)
    with pytest.raises(CheckFailed, match="golden rows are decided differently; a similarity moves by up to"):
        embed_c(model, tmp_path / "app", weights="int8")
    assert not (tmp_path / "app").exists()
