"""ONNX Runtime's telemetry is switched off by the import of aetk, unless the person has decided, and doctor tells."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aetk.base import telemetry as variable
from aetk.edge.bench.setting import Setting
from aetk.edge.bench.snippet import snippet
from aetk.edge.runtime import telemetry
from aetk.edge.runtime.telemetry import Telemetry, examine_telemetry

ROOT = Path(__file__).resolve().parents[3]
IMPORT = re.compile(r"^\s*(?:import|from) onnxruntime\b", re.MULTILINE)
NAME = "ORT_DISABLE_TELEMETRY"


def printed(code, **variables):
    environment = {name: value for name, value in os.environ.items() if name != NAME} | variables
    return subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)


@pytest.fixture
def build(tmp_path, monkeypatch):
    """A function that installs a runtime with a library of such bytes."""

    def install(content):
        (tmp_path / "capi").mkdir()
        (tmp_path / "capi/onnxruntime_pybind11_state.so").write_bytes(content)
        found = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
        monkeypatch.setattr(telemetry, "find_spec", lambda name: found)

    return install


@pytest.mark.parametrize(
    "statement", ["import aetk", "import aetk.contract.gate", "from aetk.edge.scoring.batch_scorer import BatchScorer"]
)
def test_any_import_of_aetk_switches_it_off_for_the_process_and_its_children(statement):
    child = f"import os; print(os.environ[{NAME!r}])"
    assert printed(f"{statement}\nimport subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])") == "1\n"


@pytest.mark.parametrize("chosen", ["0", "1", "", "no"])
def test_what_the_person_has_set_stays(chosen):
    assert printed(f"import aetk, os; print([os.environ[{NAME!r}]])", **{NAME: chosen}) == f"[{chosen!r}]\n"


def test_aetk_imports_the_runtime_after_the_variable_is_set():
    code = f"""
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "onnxruntime":
            print(os.environ.get({NAME!r}))

sys.meta_path.insert(0, Watch())
import aetk.lab.export.publish, aetk.cli.main
from aetk.edge.runtime.ort import onnxruntime
onnxruntime()
"""
    assert printed(code) == "1\n"


@pytest.mark.parametrize(
    ("given", "state"),
    [(None, "off"), ("1", "off"), ("TRUE", "off"), (" yes", "off"), ("0", "on"), ("", "on"), ("2", "on")],
)
def test_its_state_is_what_the_runtime_makes_of_the_variable(build, monkeypatch, given, state):
    build(b"... ORT_DISABLE_TELEMETRY ...")
    monkeypatch.setattr(variable, "GIVEN", given)
    monkeypatch.setattr(variable, "TOO_LATE", False)
    found = examine_telemetry()
    assert found.state == state
    assert ("by aetk" in found.reason, "as you set it" in found.reason) == (given is None, given is not None)


@pytest.mark.parametrize("content", [b"", b"an older build"])
def test_a_build_without_it_is_told_apart(build, content):
    build(content)
    assert examine_telemetry() == Telemetry("none", "not in this build of onnxruntime")


def test_a_program_that_loaded_the_runtime_first_is_told_that_it_is_on():
    code = "import sys; sys.modules['onnxruntime'] = type(sys)('onnxruntime')\n"
    code += "from aetk.base import telemetry; print(telemetry.TOO_LATE)"
    assert printed(code) == "True\n"
    assert printed(code, **{NAME: "1"}) == "False\n"


def test_without_a_runtime_it_is_what_it_would_be(monkeypatch):
    monkeypatch.setattr(telemetry, "find_spec", lambda name: None)
    assert examine_telemetry().state in ("off", "on")


def handed_out():
    """Every text of ours that imports the runtime in someone else's program, by name."""
    places = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("exports/hosts/*/README.md")]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in places}
    texts["detector.py"] = (ROOT / "exports/hosts/python/detector.py").read_text(encoding="utf-8")
    texts["bench's snippet"] = snippet("model.onnx", [Setting("cpu", 1)])
    return {name: text for name, text in texts.items() if IMPORT.search(text)}


@pytest.mark.parametrize("name", handed_out())
def test_what_we_hand_out_sets_the_variable_just_before_it_imports_the_runtime(name):
    lines = handed_out()[name].splitlines()
    for number, line in enumerate(lines):
        if IMPORT.match(line):
            assert f'os.environ.setdefault("{NAME}", "1")' in lines[number - 1]


def test_three_texts_are_handed_out():
    assert handed_out().keys() == {"README.md", "detector.py", "bench's snippet"}
