"""A provider that takes no node of the model, or finds no device, is refused in words that say so."""

import json

import pytest

from aetk.edge.model import load

from .conftest import MODEL, SOFTWARE

PLUGINS = pytest.mark.parametrize("environment", ["plugins"], indirect=True)
WITHOUT_DEVICE = {name: value for name, value in SOFTWARE.items() if name != "ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER"}
NO_NODE = "{} does not run the whole model: it ran none of the model's nodes; {} ran on CPUExecutionProvider."
WITHOUT_NODES = [("ggml", "ggml"), ("qnn", "QNNExecutionProvider"), ("qnn:cpu", "QNNExecutionProvider")]
"""Plugins that list the processor as their device and take no node: QNN's backends are those of other processors."""
GPUS = """
import onnxruntime, onnxruntime_ep_webgpu

onnxruntime.register_execution_provider_library("webgpu", onnxruntime_ep_webgpu.get_library_path())
print(sum(str(device.device.type).endswith("GPU") for device in onnxruntime.get_ep_devices()))
"""
NO_RECORD = """
import sys
from pathlib import Path
from aetk.base.errors import Unavailable
from aetk.edge.runtime import placement
from aetk.edge.runtime.providers import find_provider
from aetk.edge.runtime.session import open_session

placement.assigned_nodes = lambda _: {}
try:
    open_session(Path(sys.argv[1]).read_bytes(), find_provider("ggml"))
except Unavailable as error:
    print(error.message)
"""


def refusal(environment, *arguments, **options):
    """The message of a command that ends with exit code 3; the plugin writes its own log to the same stream."""
    said = environment.run("aetk", *arguments, exit_code=3, **options)
    assert "Traceback" not in said
    (message,) = [line for line in said.splitlines() if line.startswith("aetk: ")]
    return message.removeprefix("aetk: ")


def commands(provider):
    """Each command that opens a session."""
    named = ("--provider", provider)
    return ["verify", MODEL, *named], ["score", MODEL, "rows.csv", *named], ["bench", MODEL, *named]


def skip_on_a_gpu(environment):
    """The plugin lists the machine's GPU, whether it has a driver or not."""
    listed = environment.run("python", "-c", GPUS)
    if listed.strip() != "0":
        pytest.skip("this machine has a GPU")


@pytest.fixture(autouse=True)
def table(tmp_path):
    """A row to score."""
    names = load(MODEL).card.feature_names
    (tmp_path / "rows.csv").write_text(f"{','.join(names)}\n{','.join('1' for _ in names)}\n")


@PLUGINS
@pytest.mark.parametrize(("short", "name"), WITHOUT_NODES)
def test_a_plugin_that_takes_no_node_is_refused_on_the_records_evidence(environment, short, name):
    for command in commands(short):
        assert NO_NODE.format(name, 34) in refusal(environment, *command)
    assert [path.name for path in environment.folder.iterdir()] == ["rows.csv"]


@PLUGINS
def test_a_plugin_that_takes_no_node_is_refused_on_the_profiles_evidence(environment):
    """Of a run, in which fusions left fewer nodes than the record counts."""
    assert NO_NODE.format("ggml", 30) in environment.run("python", "-c", NO_RECORD, MODEL)


@PLUGINS
def test_a_required_plugin_that_takes_no_node_ends_a_benchmark(environment):
    said = refusal(environment, "bench", MODEL, "--provider", "cpu", "--provider", "ggml", "--require", "ggml")
    assert said == f"ggml is required and could not be measured here: {NO_NODE.format('ggml', 34)}"


@PLUGINS
def test_the_doctor_says_that_a_plugin_takes_no_node_of_a_model(environment):
    """Its answer is the whole of standard output, though QNN's library prints a line there."""
    report = json.loads(environment.run("aetk", "doctor", "--json"))
    reasons = {state["provider"]: state["reason"] for state in report["providers"]}
    for short, name in WITHOUT_NODES[:2]:
        assert reasons[short] == NO_NODE.format(name, 6)


@PLUGINS
def test_a_plugin_without_a_device_is_refused(environment):
    skip_on_a_gpu(environment)
    for command in commands("webgpu"):
        said = refusal(environment, *command, variables=WITHOUT_DEVICE)
        assert "The plugin of WebGpuExecutionProvider lists no device" in said


@PLUGINS
def test_the_doctor_says_why_a_plugin_has_no_device(environment):
    skip_on_a_gpu(environment)
    report = json.loads(environment.run("aetk", "doctor", "--json", variables=WITHOUT_DEVICE))
    (state,) = [state for state in report["providers"] if state["provider"] == "webgpu"]
    assert not state["works"]
    assert "lists no device" in state["reason"]
