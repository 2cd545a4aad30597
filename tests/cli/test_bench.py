"""`aetk bench`."""

import json

import pytest

SMALL = ("--seconds", 1, "--batch", 1)


def test_a_measurement_is_printed_and_written_with_its_picture(aetk, model, tmp_path):
    result = aetk("bench", model, *SMALL, "--batch", 64, "--provider", "cpu", "--provider", "qnn", "--out", "figures")
    assert result.code == 0, result.err
    assert "qnn: not measured: " in result.out
    assert "QNNExecutionProvider" in result.out
    assert "on CPU" in result.out
    written = json.loads((tmp_path / "figures/breast-cancer.bench.json").read_text())
    assert written["schema_version"] == 1
    assert [row["batch"] for row in written["measured"]] == [1, 64]
    assert (tmp_path / "figures/breast-cancer.bench.png").read_bytes().startswith(b"\x89PNG")


def test_json_on_standard_output_is_what_was_written(aetk, model, tmp_path):
    result = aetk("bench", model, *SMALL, "--json")
    assert result.document == json.loads((tmp_path / "bench/breast-cancer.bench.json").read_text())


def test_without_a_name_the_newest_model_directly_under_exports_is_measured(aetk, model, tmp_path):
    (tmp_path / "exports/reference").mkdir(parents=True)
    (tmp_path / "exports/mine.onnx").write_bytes(model.read_bytes())
    (tmp_path / "exports/reference/newer.onnx").write_bytes(model.read_bytes())
    assert aetk("bench", *SMALL, "--json").document["model"] == "exports/mine.onnx"


def test_there_has_to_be_a_model_under_exports(refused):
    assert "no model in exports/" in refused("bench")


def test_a_required_provider_that_is_not_there_ends_with_3(refused, model):
    assert "qnn is required and does not work here" in refused("bench", model, *SMALL, "--require", "qnn", code=3)


def test_no_working_provider_ends_with_3(refused, model):
    assert "None of the providers works here" in refused("bench", model, *SMALL, "--provider", "qnn", code=3)


@pytest.mark.parametrize(
    "options", [("--seconds", 0), ("--seconds", -1), ("--seconds", "nan"), ("--batch", 0), ("--threads", 0)]
)
def test_an_impossible_grid_is_refused(refused, model, options):
    refused("bench", model, *options)


def test_a_file_in_the_place_of_the_output_folder_is_found_before_measuring(refused, model, table, monkeypatch):
    from aetk.edge import bench

    def probe(*_):
        raise AssertionError("measuring was started")

    monkeypatch.setattr(bench, "probe", probe)
    assert "cells.csv" in refused("bench", model, *SMALL, "--out", table)
