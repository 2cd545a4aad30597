"""`aetk score` and `aetk threshold` with an engine, here one that works in this process."""

import json
import sys

import pytest

from aetk.cluster import engines
from aetk.edge.model import load


@pytest.fixture
def asked(here, monkeypatch):
    """What was asked for, of engines that all work in this process."""
    found = []

    def find(name, resources):
        found.append((name, resources))
        return here

    monkeypatch.setattr(engines, "find_engine", find)
    return found


def test_a_folder_is_scored(aetk, model, parts, asked, tmp_path):
    result = aetk("score", model, parts, "--engine", "ray", "--workers", 3, "--threads", 2, "--id", "id")
    assert asked[0] == ("ray", engines.Resources(workers=3, threads=2))
    assert "9,501 rows of 4 files on here with 1 worker" in result.out
    assert result.out.endswith("wrote: data.scores/\n")
    assert json.loads((tmp_path / "data.scores/_aetk-summary.json").read_text())["rows"] == 9501
    again = aetk("score", model, parts, "--engine", "ray", "--id", "id")
    assert "(all of it was there)" in again.out
    (tmp_path / "data.scores/a.parquet").unlink()
    third = aetk("score", model, parts, "--engine", "ray", "--id", "id", "--json").document
    assert (third["found"], third["partitions"], third["rows"]) == (3, 4, 9501)


def test_a_threshold_is_calibrated(aetk, model_copy, parts, asked):
    aetk("threshold", model_copy, "--false-alarms", 0.01, "--data", parts, "--engine", "spark")
    card = load(model_copy).card
    assert card.threshold.method == "conformal:0.01"
    assert card.threshold.rows > 9000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["score", "m.onnx", "d", "--workers", 2], "--workers goes with --engine"),
        (["score", "m.onnx", "d", "--gpus", 1], "--gpus goes with --engine"),
        (["score", "m.onnx", "s3://bucket/d"], "s3://bucket/d is a URL; those are for --engine"),
        (["score", "m.onnx", "d", "--engine", "dask"], "'dask' is not one of"),
        (["threshold", "m.onnx", "--set", 0.5, "--engine", "ray"], "--engine goes with --false-alarms"),
        (["threshold", "m.onnx", "--workers", 2], "--workers goes with --engine"),
    ],
)
def test_options_that_do_not_go_together_are_refused(refused, arguments, words):
    assert words in refused(*arguments)


@pytest.mark.parametrize(("name", "extra"), [("ray", "aetk[ray,cpu]"), ("spark", "aetk[spark,cpu]")])
def test_an_engine_that_is_not_installed_is_named_with_its_extra(refused, model, parts, monkeypatch, name, extra):
    package = {"ray": "ray", "spark": "pyspark"}[name]
    for module in [package, f"{package}.data", f"{package}.sql", f"{package}.errors"]:
        monkeypatch.setitem(sys.modules, module, None)
    assert extra in refused("score", model, parts, "--engine", name, code=3)
