from email.message import Message
from importlib import metadata
from types import SimpleNamespace

import onnx
import pytest

from aetk.base.errors import Unavailable
from aetk.edge import doctor
from aetk.edge.runtime.providers import PROVIDERS
from aetk.edge.runtime.tiny_models import decision_model


def installed(name, version="1.30.0", files=("onnxruntime/__init__.py",)):
    about = Message()
    about["Name"] = name
    return SimpleNamespace(metadata=about, version=version, files=files)


@pytest.fixture
def with_distributions(monkeypatch):
    return lambda *found: monkeypatch.setattr(metadata, "distributions", lambda: iter(found))


def test_this_machine_runs_the_cpu_provider_and_says_why_not_the_others():
    report = doctor.examine()
    states = {state.provider: state for state in report.providers}
    assert states.keys() == PROVIDERS.keys()
    assert states["cpu"].works
    assert states["cpu"].reason == ""
    assert all(state.reason for state in report.providers if not state.works)
    assert report.cpus >= 1
    assert report.packages["numpy"] == metadata.version("numpy")
    assert list(report.runtimes.values()) == [metadata.version(name) for name in report.runtimes]
    assert report.problems == ()


def test_a_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(doctor, "_PACKAGES", ("numpy", "surely-not-installed"))
    assert doctor.examine().packages == {"numpy": metadata.version("numpy"), "surely-not-installed": None}


def test_two_builds_of_onnxruntime_at_once_are_reported(with_distributions):
    with_distributions(installed("onnxruntime"), installed("onnxruntime-gpu", "1.31.0"), installed("numpy"))
    report = doctor.examine()
    assert report.runtimes == {"onnxruntime": "1.30.0", "onnxruntime-gpu": "1.31.0"}
    (problem,) = report.problems
    assert problem.startswith("onnxruntime and onnxruntime-gpu are installed together")


def test_add_ons_of_onnxruntime_are_not_taken_for_builds(with_distributions):
    add_on = installed("onnxruntime-extensions", files=("onnxruntime_extensions/__init__.py",))
    with_distributions(installed("onnxruntime"), add_on, installed("onnxruntime-tools", files=None))
    report = doctor.examine()
    assert list(report.runtimes) == ["onnxruntime"]
    assert report.problems == ()


def test_no_onnxruntime_is_a_problem_with_its_remedy(with_distributions):
    with_distributions(installed("numpy"))
    (problem,) = doctor.examine().problems
    assert "pip install 'aetk[cpu]'" in problem


@pytest.mark.parametrize("error", [Unavailable("no such library"), RuntimeError("no such library")])
def test_a_runtime_of_which_nothing_works_is_a_problem(monkeypatch, error):
    def broken(model, provider):
        raise error

    monkeypatch.setattr(doctor, "open_session", broken)
    report = doctor.examine()
    assert not any(state.works for state in report.providers)
    reasons = {state.provider: state.reason for state in report.providers}
    assert "no such library" in reasons["cpu"]
    assert "not in the installed onnxruntime; the build 'onnxruntime-gpu' may have it" in reasons["cuda"]
    assert "No provider works" in report.problems[0]


def test_the_model_that_providers_are_tried_on_is_sound():
    proto = onnx.load_from_string(decision_model())
    onnx.checker.check_model(proto, full_check=True)
    assert (proto.ir_version, proto.opset_import[0].version) == (8, 17)
