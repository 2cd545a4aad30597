"""docs/scale.md tells what was measured at full size, and the figures hold what is promised."""

import json

from scale.report import DOCUMENT, RESULTS, document

KEPT = json.loads(RESULTS.read_text())


def test_the_tables_are_those_of_the_kept_run():
    assert DOCUMENT.read_text() == document(), "run: make test-scale FULL=1"


def test_the_kept_run_had_its_size_and_pace():
    assert KEPT["ray"]["rows"] == KEPT["ray_killed"]["rows"] == 20_000_000
    assert KEPT["ray"]["files"] == 64
    assert KEPT["ray"]["ratio"] >= 0.8
    assert KEPT["spark"]["rows"] == 2_000_000
    assert 0 < KEPT["ray_killed"]["found_by_the_second_driver"] < 64


def test_the_kept_threshold_is_that_of_memory():
    assert abs(KEPT["ray_threshold"]["value"] - KEPT["ray_threshold"]["in_memory"]) <= 1e-6
    assert KEPT["ray_threshold"]["rows"] > 19_000_000
