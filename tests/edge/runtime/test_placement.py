"""Each way of gathering evidence says so when a run did fall back to the CPU."""

import numpy as np
import onnxruntime
import pytest

from aetk.base.errors import Unavailable
from aetk.edge.runtime import placement
from aetk.edge.runtime.providers import Provider
from aetk.edge.runtime.session import open_session

FELL_BACK = ["AzureExecutionProvider", "CPUExecutionProvider"]
CPU = "CPUExecutionProvider"
RUNTIME = onnxruntime.capi.onnxruntime_inference_collection.Session


@pytest.fixture(scope="module")
def data(model):
    if FELL_BACK[0] not in onnxruntime.get_available_providers():
        pytest.skip("this build has no second provider that takes no nodes")
    return model.read_bytes()


@pytest.fixture
def older_runtime(monkeypatch):
    """ONNX Runtime before 1.24: its sessions have no assignment record to show."""
    monkeypatch.delattr(RUNTIME, "get_provider_graph_assignment_info")


def options():
    made = onnxruntime.SessionOptions()
    made.log_severity_level = 3
    return made


def test_the_assignment_record_tells_of_a_session_that_fell_back(data):
    asked = options()
    placement.ask_for_assignment(asked)
    raw = onnxruntime.InferenceSession(data, asked, providers=FELL_BACK)
    assert raw.get_providers() == FELL_BACK  # which is why this is not evidence
    assert placement.assigned_nodes(raw).keys() == {CPU}


def test_the_profile_tells_of_a_run_that_fell_back(data):
    found = placement.executed_nodes(onnxruntime, data, options(), FELL_BACK)
    assert found.keys() == {CPU}


def test_both_ways_count_nodes_and_fusions_only_make_them_fewer(data):
    assigned = open_session(data).placement[CPU]
    executed = placement.executed_nodes(onnxruntime, data, options(), [CPU])[CPU]
    assert 10 < executed <= assigned


def test_the_profile_leaves_no_file_behind(data, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    placement.executed_nodes(onnxruntime, data, options(), [CPU])
    assert list(tmp_path.iterdir()) == []


def test_a_session_rests_on_the_assignment_record_where_there_is_one(data):
    assert open_session(data).evidence == "assignment"


def test_a_session_of_an_older_runtime_rests_on_the_profile(data, older_runtime):
    session = open_session(data)
    assert session.evidence == "profile"
    assert session.placement.keys() == {CPU}
    assert session.run(np.zeros((3, 30), np.float32))["is_anomaly"].shape == (3,)


def test_an_empty_record_says_nothing_and_the_profile_is_taken(data, monkeypatch):
    """As onnxruntime-webgpu leaves it, whose provider runs every node."""
    monkeypatch.setattr(RUNTIME, "get_provider_graph_assignment_info", lambda _: [])
    session = open_session(data)
    assert session.evidence == "profile"
    assert session.placement.keys() == {CPU}
    assert session.placement[CPU] > 10
    with pytest.raises(Unavailable, match=r"none of the model's nodes; \d+ ran on CPUExecutionProvider"):
        open_session(data, Provider("cpu", FELL_BACK[0], "onnxruntime"))


def test_an_older_runtime_that_fell_back_is_refused_on_the_profiles_evidence(data, older_runtime):
    """A provider called `cpu` is not asked to refuse the fallback itself, so that only the evidence can."""
    with pytest.raises(Unavailable, match=r"none of the model's nodes; \d+ ran on CPUExecutionProvider"):
        open_session(data, Provider("cpu", FELL_BACK[0], "onnxruntime"))
