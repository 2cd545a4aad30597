"""Other execution providers than the CPU in the page and in the Node.js app.

A provider runs every node of a model and decides as the CPU does, or is refused in words. WebGPU is computed in
software, by the driver that comes with Chromium.
"""

import csv
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from onnx import helper

from .conftest import ENVIRONMENT, ROOT, App, leave_out

COMPARED = ["default", "small", "reference", "explained"]
ROWS = 400
ODD = 40
NEAR = 1e-6
"""How near WebGPU's similarities are to the CPU's; a tenth of the contract's tolerance."""

DRIVER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")


def built(build, host):
    folder, done = build(host)
    assert done.returncode == 0, done.stdout + done.stderr
    return App(host, folder / "app")


@pytest.fixture
def node(build):
    return built(build, "node")


@pytest.fixture
def with_webgpu(node):
    """Runs the Node.js app with a Vulkan driver that needs no graphics device."""
    if not DRIVER.exists():
        leave_out(f"WebGPU needs the Vulkan driver {DRIVER}; tests/hosts/tools.sh installs it")

    def run(*arguments):
        environment = {**ENVIRONMENT, "VK_ICD_FILENAMES": str(DRIVER)}
        command = node.command(*arguments)
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run


def test_the_page_decides_on_webgpu_as_on_wasm(build, models):
    page = built(build, "web")
    command = ["node", "tests/providers.mjs", "--rows", str(ROWS), *(str(models[name]) for name in COMPARED)]
    done = subprocess.run(command, cwd=page.folder, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name, line in zip(COMPARED, done.stdout.splitlines(), strict=True):
        found = json.loads(line)
        assert "wrong" not in found, found
        assert found["rows"] == ROWS + ODD
        assert 0 < found["flagged"] < ROWS + ODD
        assert found["invalid"] > 0
        assert (found["flipped_decisions"], found["flipped_validity"]) == (0, 0)
        assert found["largest_difference"] <= NEAR
        assert (found["largest_contribution_difference"] is not None) == (name == "explained")
        assert found["device"]


@pytest.mark.parametrize("name", ["default", "explained"])
def test_the_node_app_decides_on_webgpu_as_on_the_cpu(node, with_webgpu, models, creditcard, tmp_path, name):
    report = with_webgpu("selftest", "--json", "--provider", "webgpu", "--model", models[name])
    assert report.returncode == 0, report.stderr
    assert json.loads(report.stdout)["provider"] == "WebGpuExecutionProvider"
    for provider, run in {"cpu": node.run, "webgpu": with_webgpu}.items():
        out = tmp_path / f"{provider}.csv"
        done = run("score", creditcard / "test.csv", "--provider", provider, "--model", models[name], "--out", out)
        assert done.returncode == 0, done.stderr
    with (tmp_path / "cpu.csv").open() as one, (tmp_path / "webgpu.csv").open() as other:
        pairs = list(zip(csv.reader(one), csv.reader(other), strict=True))
    assert len(pairs) == 1923
    assert all((cpu[0], cpu[2:4]) == (webgpu[0], webgpu[2:4]) for cpu, webgpu in pairs)
    assert all(math.isclose(float(cpu[1]), float(webgpu[1]), rel_tol=0, abs_tol=NEAR) for cpu, webgpu in pairs[1:])


def add_node_that_webgpu_lacks(graph):
    """Makes similarity depend on a node that WebGPU has no kernel for, and leaves its value as it is."""
    (producer,) = (node for node in graph.node if "similarity" in node.output)
    producer.output[list(producer.output).index("similarity")] = "similarity_before"
    graph.initializer.append(helper.make_tensor("nothing", onnx.TensorProto.FLOAT, [], [0.0]))
    at = list(graph.node).index(producer) + 1
    for made in (
        helper.make_node("Add", ["similarity_before", "share"], ["similarity"]),
        helper.make_node("Mul", ["soft", "nothing"], ["share"]),
        helper.make_node("Softsign", ["similarity_before"], ["soft"]),
    ):
        graph.node.insert(at, made)


def test_a_provider_that_lacks_a_node_is_refused(node, with_webgpu, models, resign, tmp_path):
    model = shutil.copy(models["default"], tmp_path / "lacks.onnx")
    resign(model, add_node_that_webgpu_lacks)
    assert node.run("selftest", "--model", model).returncode == 0
    done = with_webgpu("selftest", "--provider", "webgpu", "--model", model)
    assert (done.returncode, done.stdout) == (3, "")
    refused = "WebGpuExecutionProvider does not run every node of this model; the CPU would run the others."
    assert done.stderr.endswith(f"detector: {refused}\n  Use --provider cpu.\n")


def turn_validity(card):
    card["golden"]["is_valid"] = [1 - flag for flag in card["golden"]["is_valid"]]


def test_a_provider_that_decides_otherwise_scores_no_table(node, with_webgpu, models, creditcard, resign, tmp_path):
    """The model is at fault here; the app cannot tell the two apart."""
    model = shutil.copy(models["small"], tmp_path / "wrong.onnx")
    resign(model, edit_card=turn_validity)
    out = tmp_path / "out.csv"
    done = with_webgpu("score", creditcard / "test.csv", "--provider", "webgpu", "--model", model, "--out", out)
    assert done.returncode == 1
    assert "WebGpuExecutionProvider does not decide the golden rows as it should: 0 decisions and " in done.stderr
    assert not out.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, onnxruntime-node has other providers")
@pytest.mark.parametrize(
    ("provider", "message", "exit_code"),
    [
        ("cuda", "CUDAExecutionProvider cannot run this model: Failed to load shared library", 3),
        ("coreml", "has no CoreMLExecutionProvider.", 3),
        ("dml", "has no DmlExecutionProvider.", 3),
        ("vpu", "No provider is called 'vpu'.", 2),
    ],
)
def test_a_provider_that_is_not_there_is_told_in_two_lines(node, models, provider, message, exit_code):
    done = node.run("selftest", "--provider", provider, "--model", models["default"])
    assert (done.returncode, done.stdout) == (exit_code, "")
    first, second = done.stderr.splitlines()
    assert first.startswith("detector: ")
    assert message in first
    assert second.startswith("  ")


def test_a_runtime_that_would_leave_nodes_to_the_cpu_in_silence_is_refused(node, models, tmp_path):
    app = shutil.copytree(node.folder, tmp_path / "app", symlinks=True)
    old = ["npm", "install", "--no-save", "--ignore-scripts", "onnxruntime-node@1.17.3"]
    subprocess.run(old, cwd=app, env=ENVIRONMENT, capture_output=True, check=True)
    for provider, exit_code in {"cpu": 0, "cuda": 3}.items():
        done = App("node", app).run("selftest", "--provider", provider, "--model", models["default"])
        assert done.returncode == exit_code, done.stderr
    assert "1.17.3 cannot say whether CUDAExecutionProvider runs every node." in done.stderr


def test_the_readmes_name_the_providers(node):
    text = (ROOT / "exports/hosts/node/README.md").read_text(encoding="utf-8")
    (known,) = node.run("selftest", "--provider", "none").stderr.splitlines()[1:]
    for name in known.removeprefix("  Known: ").rstrip(".").split(", "):
        assert f"`{name}`" in text
