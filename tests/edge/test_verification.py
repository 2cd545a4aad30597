import re

import numpy as np
import pytest

from aetk.base.errors import BadInput, Unavailable
from aetk.contract import onnxfile, spec
from aetk.contract.golden import compare
from aetk.edge.model import card_path, load
from aetk.edge.runtime.session import open_session
from aetk.edge.scoring import lanes
from aetk.edge.scoring.lanes import HostLane
from aetk.edge.scoring.scorer import Scorer
from aetk.edge.scoring.tiles import Tiles
from aetk.edge.threshold import set_threshold
from aetk.edge.verification import verify
from aetk.render.edge_text import verification

from .forgery import add_to_first, edit, swap_columns


@pytest.mark.parametrize("which", ["model", "explaining_model"])
def test_an_exported_model_proves_itself(which, request):
    report = verify(request.getfixturevalue(which))
    assert report.passed
    assert report.card_copy == "current"
    (check,) = report.checks
    assert check.provider == "cpu"
    assert check.runtime.startswith("onnxruntime ")
    assert set(check.placement) == {"CPUExecutionProvider"}
    assert check.golden.rows == len(load(report.model).card.golden)
    assert check.golden.near_ties == 0
    assert report.model_sha256 == onnxfile.digest(report.model.read_bytes())


@pytest.mark.parametrize(
    "forge",
    [
        edit("networks.0.0.weight", add_to_first(0.05)),
        edit("outlet_bias_0", add_to_first(0.01)),
        edit("scale.bias", add_to_first(0.1)),
        edit("scale.weight", lambda values: values * np.float32(1.001)),
        swap_columns,
    ],
    ids=["a weight", "a bias", "a center", "the scale", "swapped columns"],
)
def test_golden_rows_betray_a_change_that_was_signed_anew(model_copy, resign, forge):
    resign(model_copy, forge)
    report = verify(model_copy)
    assert not report.passed
    assert report.checks[0].golden.largest_difference > spec.TOLERANCE


def test_a_decision_by_another_rule_is_refused_whoever_signed_it(model_copy, resign):
    def turn(graph):
        (node,) = (node for node in graph.node if node.op_type == "GreaterOrEqual")
        node.input[0], node.input[1] = node.input[1], node.input[0]

    resign(model_copy, turn)
    with pytest.raises(BadInput, match=r"is not Not\(GreaterOrEqual"):
        verify(model_copy)


def test_golden_rows_betray_a_validity_that_never_fails(model_copy, resign):
    def blind(graph):
        (node,) = (node for node in graph.node if "is_valid" in node.output)
        edit(node.input[1], lambda _: -3e38)(graph)

    resign(model_copy, blind)
    report = verify(model_copy)
    assert not report.passed
    assert report.checks[0].golden.flipped_validity > 0


@pytest.mark.parametrize("tolerances", [20, -20, 1000, -1000])
def test_golden_rows_betray_a_moved_threshold_without_the_digest(model, tolerances):
    loaded = load(model)
    moved = onnxfile.with_threshold(loaded.data, loaded.graph.threshold + tolerances * spec.TOLERANCE)
    golden = loaded.card.golden
    report = compare(golden, open_session(moved).run(golden.inputs), loaded.card.threshold.value)
    assert report.flipped_decisions > 0
    assert report.largest_difference <= spec.TOLERANCE


def test_a_threshold_moved_in_graph_and_card_alike_contradicts_the_golden_decisions(model_copy, resign):
    moved = float(np.float32(load(model_copy).graph.threshold - 20 * spec.TOLERANCE))

    def move(card):
        card["threshold"]["value"] = moved

    resign(model_copy, edit(spec.THRESHOLD, lambda _: moved), move)
    with pytest.raises(BadInput):
        verify(model_copy)


def test_a_stale_card_copy_is_reported_and_repaired_by_the_next_writing_command(model_copy):
    copy = card_path(model_copy)
    current = copy.read_bytes()
    copy.write_bytes(current.replace(b"breast", b"breasts", 1))
    assert verify(model_copy).card_copy == "stale"
    assert verify(model_copy).passed
    set_threshold(model_copy, 0.9)
    assert verify(model_copy).card_copy == "current"
    copy.unlink()
    assert verify(model_copy).card_copy == "missing"
    set_threshold(model_copy, 0.8)
    assert verify(model_copy).card_copy == "current"


PATHS = ["one row", "a tile", "tiles and a last row"]


@pytest.mark.parametrize("which", ["model", "explaining_model"])
def test_the_golden_rows_are_replayed_by_every_path_of_the_scorer(which, request, monkeypatch):
    calls, score = [], Scorer.score
    monkeypatch.setattr(Scorer, "score", lambda scorer, rows: calls.append(rows.copy()) or score(scorer, rows))
    loaded = load(request.getfixturevalue(which))
    (check,) = verify(loaded).checks
    tile, golden = Scorer(loaded).tile, loaded.card.golden
    assert [path.path for path in check.paths] == PATHS
    assert [path.rows for path in check.paths] == [1, tile, 2 * tile + 1]
    assert [len(rows) for rows in calls] == [1] * 2 * len(golden) + [tile] * 2 + [2 * tile + 1] * 2
    assert all(path.golden.passed and path.golden.rows == len(golden) for path in check.paths)
    single = np.concatenate(calls[: len(golden)])
    assert np.array_equal(single, golden.inputs, equal_nan=True)
    assert np.array_equal(np.concatenate(calls[len(golden) : 2 * len(golden)]), single[::-1], equal_nan=True)
    assert check.golden.largest_difference == max(path.golden.largest_difference for path in check.paths)


FAULTS = {
    "one row": lambda count, size: slice(None) if count == 1 else slice(0),
    "a tile": lambda count, size: slice(None) if count == size else slice(0),
    "tiles and a last row": lambda count, size: slice(-1, None) if count > size else slice(0),
}
"""Which rows of a call of `count` are answered wrongly, where a tile is of `size`."""


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", ["similarity", "validity"])
def test_a_runtime_that_errs_on_one_path_alone_fails(model, monkeypatch, path, fault):
    run = Tiles.run

    def wrong(self, rows, results):
        run(self, rows, results)
        spoilt = FAULTS[path](len(rows), self._tile)
        if fault == "similarity":
            results[0][spoilt] -= 2 * spec.TOLERANCE
        else:
            results[2][spoilt] = ~results[2][spoilt]

    monkeypatch.setattr(Tiles, "run", wrong)
    report = verify(model)
    assert not report.passed
    assert not report.checks[0].golden.passed
    assert [check.path for check in report.checks[0].paths if not check.golden.passed] == [path]
    shown = verification(report)
    assert shown.count(" FAILED") == 2  # the provider, and the path
    assert re.search(rf"{path}( \([\d,]+ rows\))? FAILED", shown)


def test_a_lane_that_keeps_its_first_row_is_found_out(model, monkeypatch):
    """As on a device with memory of its own, whose runtime copies a row when it is bound."""

    class Stale(HostLane):
        first = None

        def run(self, rows, results):
            self.first = rows.copy() if self.first is None else self.first
            super().run(self.first, results)

    assert verify(model).passed
    monkeypatch.setattr(lanes, "open_lane", Stale)
    (check,) = verify(model).checks
    assert [path.path for path in check.paths if path.golden.passed] == ["a tile"]
    assert check.golden.flipped_decisions > 0
    assert check.golden.flipped_validity > 0


def test_a_provider_that_is_not_there_is_refused_and_not_replaced(model):
    with pytest.raises(Unavailable, match="has no CUDAExecutionProvider"):
        verify(model, providers=["cpu", "cuda"])
    with pytest.raises(BadInput, match="No provider is called 'gpu'"):
        verify(model, providers=["gpu"])
