"""Old and new runtimes decide the golden rows as PyTorch did; `benchmarks/compatibility.py` makes README's table."""

import importlib
import re

import pytest

from aetk.edge.model import load

from .conftest import ROOT, check_tools

compatibility = importlib.import_module("compatibility")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return compatibility.make_models(tmp_path_factory.mktemp("compatibility"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the hosts are built once, and runtimes come and go."""
    return tmp_path_factory.mktemp("hosts")


@pytest.mark.parametrize("runtime", compatibility.RUNTIMES, ids=lambda runtime: runtime.name)
def test_every_kind_of_model_decides_its_golden_rows_the_same(runtime, made, folder):
    check_tools(runtime.host)
    found = list(compatibility.verdicts(runtime, made, folder))
    assert [verdict.model for verdict in found] == list(compatibility.MODELS)
    needed = load(made["opset 23"]).card.requires
    new = tuple(map(int, runtime.version.split(".")[:2])) >= tuple(map(int, re.findall(r"\d+", needed)))
    assert [verdict.wrong for verdict in found] == [""] * 5 + ["" if new else f"needs {needed}"]
    assert all(verdict.rows >= 30 and verdict.largest_difference <= 1e-5 for verdict in found if not verdict.wrong)


def test_a_runtime_that_cannot_be_installed_is_told_in_words(made, folder):
    runtime = compatibility.Runtime("python", "onnxruntime", "0.0.1", "CPUExecutionProvider")
    found = list(compatibility.verdicts(runtime, made, folder))
    assert all(verdict.wrong.startswith("not installed: ") for verdict in found)


def test_a_provider_that_is_not_there_is_told_in_words(made, folder):
    runtime = compatibility.Runtime("python", "onnxruntime", "1.24.4", "CUDAExecutionProvider")
    found = list(compatibility.verdicts(runtime, made, folder))
    assert all("has no CUDAExecutionProvider" in verdict.wrong for verdict in found)


def test_the_table_says_which_runtimes_were_tried():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for runtime in compatibility.RUNTIMES:
        assert f"| {runtime.name} |" in readme
