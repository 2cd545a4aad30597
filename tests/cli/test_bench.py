"""`aetk bench`."""

import json

import pytest
from edge.bench.clock import Clock

from aetk.edge.runtime.session import open_session

SMALL = ("--seconds", 1, "--batch", 1)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Every run takes as long as any other, so that what is said of them does not depend on what else is running."""
    return Clock(monkeypatch, tick=1e-3)


def test_a_measurement_is_printed_and_written_with_its_picture(aetk, model, tmp_path):
    result = aetk("bench", model, *SMALL, "--batch", 64, "--provider", "cpu", "--provider", "qnn", "--out", "figures")
    assert result.code == 0, result.err
    assert "qnn: not measured: " in result.out
    assert "QNNExecutionProvider" in result.out
    assert "next:  aetk verify" in result.out
    written = json.loads((tmp_path / "figures/breast-cancer.bench.json").read_text())
    assert written["schema_version"] == 4
    assert {row["setting"]["batch"] for row in written["measured"]} == {1, 64}
    assert (tmp_path / "figures/breast-cancer.bench.png").read_bytes().startswith(b"\x89PNG")


def test_every_row_and_column_are_printed_where_they_are_asked_for(aetk, model):
    command = ("bench", model, "--seconds", 5, "--batch", 1, "--batch", 16, "--batch", 64, "--provider", "cpu")
    short, everything = aetk(*command), aetk(*command, "--all")
    nodes = open_session(model.read_bytes()).placement["CPUExecutionProvider"]
    assert f"{nodes} CPU" in everything.out
    assert f"{nodes} CPU" not in short.out
    assert max(map(len, short.out.split("\n\n")[0].splitlines())) <= 80
    rows = len(everything.out.split("\n\n")[0].splitlines()) - 2
    assert rows == 7  # two of the batch sizes with two alternatives each
    assert f"{rows - 3} more with --all" in short.out


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
    assert "qnn is required and could not be measured here" in refused(
        "bench", model, *SMALL, "--require", "qnn", code=3
    )


def test_no_working_provider_ends_with_3(refused, model):
    assert "None of the providers works here" in refused("bench", model, *SMALL, "--provider", "qnn", code=3)


@pytest.mark.parametrize(
    "options", [("--seconds", 0), ("--seconds", -1), ("--seconds", "nan"), ("--batch", 0), ("--threads", 0)]
)
def test_an_impossible_grid_is_refused(refused, model, options):
    refused("bench", model, *options)


def test_a_file_in_the_place_of_the_output_folder_is_found_before_measuring(refused, model, table, monkeypatch):
    def start(*_):
        raise AssertionError("measuring was started")

    monkeypatch.setattr("aetk.edge.bench.benchmark.open_rows", start)
    assert "cells.csv" in refused("bench", model, *SMALL, "--out", table)


@pytest.fixture
def earlier(aetk, model, tmp_path, monkeypatch):
    """A report of one row, as a file and as data, to be changed; no time goes to cold starts."""
    from aetk.edge.bench.row import NotProbed

    left_out = NotProbed("not asked for")
    monkeypatch.setattr(
        "aetk.edge.bench.benchmark.probe_rows", lambda loaded, opened, *_: [left_out] * len(opened.rows)
    )
    assert aetk("bench", model, *ONE_ROW, "--out", "then").code == 0
    path = tmp_path / "then/breast-cancer.bench.json"
    return path, json.loads(path.read_text())


ONE_ROW = ("--seconds", 3, "--batch", 64, "--threads", 1, "--provider", "cpu")


def scaled(document, factor):
    for turn in document["measured"][0]["timings"]["turns"]:
        turn["samples"] = [max(1, int(sample * factor)) for sample in turn["samples"]]
    return json.dumps(document)


def test_ratios_to_an_earlier_report_are_shown_and_within_the_limit_pass(aetk, model, earlier):
    path, document = earlier
    path.write_text(scaled(document, 10))
    result = aetk("bench", model, *ONE_ROW, "--compare", path, "--fail-above", 1.2)
    assert result.code == 0, result.err
    assert "faster" in result.out
    assert "passed: no row" in result.out


def test_a_slowdown_beyond_the_limit_ends_with_1_and_still_reports(aetk, model, earlier, tmp_path):
    path, document = earlier
    path.write_text(scaled(document, 0.02))
    result = aetk("bench", model, *ONE_ROW, "--compare", path, "--fail-above", 1.2)
    assert result.code == 1
    assert "FAILED: 1 row slower than 1.2 times" in result.out
    assert result.err == ""
    result = aetk("bench", model, *ONE_ROW, "--compare", path, "--fail-above", 1.2, "--json")
    assert result.code == 1
    assert result.document["passed"] is False
    assert result.document["comparison"]["rows"][0]["verdict"] == "slower"


def test_a_slowdown_without_a_limit_is_only_shown(aetk, model, earlier):
    path, document = earlier
    path.write_text(scaled(document, 0.02))
    result = aetk("bench", model, *ONE_ROW, "--compare", path)
    assert result.code == 0
    assert "slower" in result.out


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 3}', '{"schema_version": 4, "measured": 3}'])
def test_a_report_that_cannot_be_read_is_refused_before_measuring(refused, model, tmp_path, monkeypatch, text):
    def start(*_):
        raise AssertionError("measuring was started")

    monkeypatch.setattr("aetk.edge.bench.benchmark.open_rows", start)
    (tmp_path / "then.json").write_text(text)
    assert "then.json" in refused("bench", model, *ONE_ROW, "--compare", "then.json")


def test_a_limit_without_a_report_to_compare_with_is_wrong_usage(refused, model):
    assert "--compare OTHER.json" in refused("bench", model, *ONE_ROW, "--fail-above", 1.2)


def test_sparse_arrivals_and_spinning_are_asked_for_by_name(aetk, model):
    result = aetk("bench", model, "--seconds", 3, "--batch", 1, "--spinning", "off", "--sparse", "--provider", "cpu")
    assert result.code == 0, result.err
    assert "one row every" in result.out
    assert "auto*" in result.out
