"""Reports as JSON."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from aetk.edge.verification import verify
from aetk.render.report_json import in_ascii, to_json


@dataclass(frozen=True)
class Report:
    path: Path
    values: np.ndarray
    nested: tuple
    by_kind: dict


def test_paths_and_nested_reports_become_plain_json_without_arrays_of_rows():
    inner = Report(Path("a/b"), np.float32([0.5]), (), {})
    report = Report(Path("c"), np.array([True, False]), (inner, np.int64(7), None), {1: np.float64(2)})
    assert json.loads(to_json(report)) == {
        "path": "c",
        "nested": [{"path": "a/b", "nested": [], "by_kind": {}}, 7, None],
        "by_kind": {"1": 2.0},
    }


def test_numbers_that_json_does_not_know_become_null():
    text = to_json({"a": float("nan"), "b": np.float32("inf"), "c": [[1.0, -np.inf]]})
    assert json.loads(text) == {"a": None, "b": None, "c": [[1.0, None]]}


def test_a_verdict_comes_along(model):
    data = json.loads(to_json(verify(model)))
    assert data["passed"] is True
    assert data["checks"][0]["golden"]["passed"] is True


def test_text_of_any_script_stays_readable():
    assert "größe" in to_json({"name": "größe"})


@pytest.mark.parametrize("text", ["größe", "κ\U0001f600", "\x7f\u2028", 'quote " and backslash \\', "m\udcff.onnx"])
def test_a_document_in_ascii_reads_back_as_the_same(text):
    document = in_ascii(to_json({text: [text]}))
    assert document.isascii()
    assert json.loads(document) == {text: [text]}


def test_a_file_name_that_is_no_text_can_be_written_and_reads_back():
    document = to_json({"model": Path("m\udcff.onnx")}).encode()
    assert json.loads(document) == {"model": "m\udcff.onnx"}
