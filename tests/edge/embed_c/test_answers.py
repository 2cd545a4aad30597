"""The C file answers as ONNX Runtime does, row by row and in blocks."""

import numpy as np
import onnxruntime
import pytest

from aetk.edge.embed_c import evaluate
from aetk.edge.embed_c import graph as graphs
from aetk.edge.model import load

from .conftest import TRAININGS

ROWS = 20_000
CLOSE = 1e-6
NAMES = [*TRAININGS, *(f"{name} explained" for name in TRAININGS)]


def answers(model, rows):
    names = ["similarity", "is_anomaly", "is_valid", "contribution"]
    found = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"features": rows})
    return dict(zip(names, found, strict=False))


def random_rows(card, count, seed=5):
    """Golden rows of ordinary values, with noise from none to much."""
    random = np.random.default_rng(seed)
    ordinary = card.golden.inputs[(np.abs(card.golden.inputs) < 1e6).all(1)]
    chosen = ordinary[random.integers(len(ordinary), size=count)]
    noise = random.normal(size=chosen.shape) * random.choice([0, 0.1, 1, 10], size=(count, 1)) * chosen.std(0)
    return (chosen + noise).astype(np.float32)


def missing_rows(card):
    """Each column alone, some of them, and all of them: NaN, infinite, or too large to count as finite."""
    row = random_rows(card, 1)[0]
    n = len(row)
    random = np.random.default_rng(2)
    patterns = np.concatenate([np.eye(n, dtype=bool), random.random((300, n)) < random.random((300, 1)), [[True] * n]])
    return np.concatenate(
        [np.where(patterns, np.float32(value), row) for value in (np.nan, np.inf, -np.inf, 3.402e38)]
    ).astype(np.float32)


def check(found, expected, card, rounding=0.0):
    """Hold answers against the runtime's; `rounding` is how far the runtime's own similarities are from float64's."""
    decisions, shares = found
    near = np.abs(expected["similarity"] - np.float32(card.threshold.value)) <= card.similarity.tolerance
    assert ((decisions["is_anomaly"] != expected["is_anomaly"]) & ~near).sum() == 0
    assert (decisions["is_valid"] == expected["is_valid"]).all()
    close = max(CLOSE, 1.5 * rounding)
    assert np.abs(decisions["similarity"] - expected["similarity"]).max() <= close
    if shares is not None:
        assert np.abs(shares - expected["contribution"]).max() <= close


@pytest.mark.parametrize("name", NAMES)
def test_it_decides_as_onnxruntime_on_random_missing_and_golden_rows(shapes, make_program, name):
    card = load(shapes[name]).card
    program = make_program(shapes[name])
    rows = np.concatenate([random_rows(card, ROWS), missing_rows(card), card.golden.inputs])
    expected = answers(shapes[name], rows)
    exact = evaluate.evaluate(graphs.read(load(shapes[name]).graph, contribution=False), rows, {})["similarity"]
    one_by_one, blocks = program.one_by_one(rows), program.blocks(rows)
    check(one_by_one, expected, card, np.abs(expected["similarity"] - exact).max())
    assert (one_by_one[0] == blocks[0]).all()  # bit for bit
    if one_by_one[1] is not None:
        assert (one_by_one[1] == blocks[1]).all()


@pytest.mark.parametrize("opset", [17, 18, 19, 20, 21, 22, 23])
def test_every_opset_is_known(breast_cancer_run, make_program, tmp_path, opset):
    from aetk.lab.export.publish import export

    model = export(breast_cancer_run.run, out=tmp_path / "model.onnx", opset=opset, explain=True).model
    card = load(model).card
    rows = np.concatenate([random_rows(card, 500), missing_rows(card)])
    check(make_program(model).blocks(rows), answers(model, rows), card)


def test_the_contribution_may_be_left_out(shapes, make_program):
    program = make_program(shapes["default explained"], contribution=False)
    card = load(shapes["default explained"]).card
    rows = random_rows(card, 100)
    assert not program.explains
    check(program.one_by_one(rows), answers(shapes["default explained"], rows), card)


@pytest.mark.parametrize("threshold", [-0.5, 0.3, 0.9999, np.nan])
def test_a_threshold_of_ones_own_decides_by_the_rule_and_closed_where_it_is_no_number(shapes, make_program, threshold):
    program = make_program(shapes["default"])
    rows = random_rows(load(shapes["default"]).card, 200)
    for call in (program.one_by_one, program.blocks):
        decisions, _ = call(rows, threshold)
        assert (decisions["is_anomaly"] == ~(decisions["similarity"] >= np.float32(threshold))).all()


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
def test_a_row_gets_the_same_answer_in_any_block(shapes, make_program, count):
    program = make_program(shapes["small"])
    rows = random_rows(load(shapes["small"]).card, 100)
    assert (program.blocks(rows[:count])[0] == program.blocks(rows)[0][:count]).all()


def test_threads_do_not_disturb_one_another(shapes, make_program):
    from concurrent.futures import ThreadPoolExecutor

    program = make_program(shapes["default"])
    rows = random_rows(load(shapes["default"]).card, 3000)
    expected = program.one_by_one(rows)[0]
    with ThreadPoolExecutor(4) as pool:
        for found, _ in pool.map(program.one_by_one, [rows] * 8):
            assert (found == expected).all()
