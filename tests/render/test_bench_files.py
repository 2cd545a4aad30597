"""A benchmark's JSON holds everything raw, with what is derived from it beside it."""

import json
from dataclasses import replace
from pathlib import Path

from edge.bench.making import measured, report, timings

from aetk.edge.bench.row import Measured
from aetk.render.bench_files import bench_json


def test_every_sample_of_every_turn_is_in_the_document():
    row = measured(samples=1000)
    text = bench_json(report([row]))
    document = json.loads(text)
    assert document["schema_version"] == 4
    turns = document["measured"][0]["timings"]["turns"]
    assert [turn["samples"] for turn in turns] == [list(turn.samples) for turn in row.timings.turns]
    assert {
        "environment",
        "products",
        "bounds",
        "before",
        "after",
        "disturbances",
        "too_long",
        "conclusion",
    } <= document.keys()


def test_samples_stand_on_one_line_and_texts_are_left_alone():
    named = replace(report([measured(samples=1000)]), model=Path("[ 1, 2 ].onnx"))
    text = bench_json(named)
    assert len(text.splitlines()) < 200
    assert json.loads(text)["model"] == "[ 1, 2 ].onnx"


def test_statistics_are_derived_and_null_where_samples_do_not_suffice():
    row = measured(batch=64, microseconds=100)
    shaky = Measured(row.setting, row.cold, timings(100, 120), row.placement, row.evidence)
    stable, unstable = (r["statistics"] for r in json.loads(bench_json(report([row, shaky])))["measured"])
    assert stable["p50"] == row.median
    assert stable["p99.9"] is None
    assert stable["samples"] == 100
    assert stable["unstable"] is False
    assert unstable["unstable"] is True
    assert len(unstable["window_medians"]) == 2
