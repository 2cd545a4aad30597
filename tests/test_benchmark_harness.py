"""The harness of `benchmarks/`: results are kept as they are, ratios are fair, and what fails is said."""

import json

import pytest

import harness


def test_what_is_kept_can_be_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    kept = harness.Timing("a", 2, ((0.1, 0.25), (0.5,)))
    harness.keep("x", [kept])
    assert harness.read("x", tuple[harness.Timing, ...])[1] == (kept,)
    assert json.loads((tmp_path / "results" / "x.json").read_text())["schema_version"] == harness.SCHEMA_VERSION


def test_a_ratio_is_taken_within_rounds_and_by_row():
    slow = harness.Timing("slow", 10, ((2.0,), (4.0,), (8.0,)))
    fast = harness.Timing("fast", 5, ((0.5,), (1.0,), (2.0,)))
    assert harness.ratio(slow, fast).median == pytest.approx(2.0)


def test_a_variant_that_fails_is_skipped_with_its_reason():
    def make():
        raise ImportError("no such peer")

    timings = harness.interleave({"peer": harness.attempt(1, make), "we": harness.attempt(1, lambda: int)}, rounds=2)
    assert timings[0].skipped == "ImportError: no such peer"
    assert len(timings[1].rounds) == 2
    assert [table.title for table in harness.skipped(timings)] == ["Skipped"]


def test_a_missed_goal_says_no():
    cells = harness.Goal("ratio", 1.401, 1.4, at_least=False).cells()
    assert cells == ["ratio", "at most 1.4", "1.401", "NO"]
