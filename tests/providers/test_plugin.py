"""A provider that comes as a plugin: found, registered, listed with its device, and proved to run every node."""

import json

import numpy as np
import pytest

from aetk.contract import spec
from aetk.edge.scoring.scorer import Scorer

from .conftest import MODEL, SOFTWARE

PROVIDER = "WebGpuExecutionProvider"
DRIVER_ONLY = {"VK_ICD_FILENAMES": SOFTWARE["VK_ICD_FILENAMES"]}
SPAWNED = """
import multiprocessing, sys
import numpy as np
from aetk.edge.scoring.scorer import Scorer

def work(scorer):
    return scorer.provider, scorer.placement, scorer.score(np.load("rows.npy")).similarity.tolist()

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(__import__("json").dumps(pool.map(work, [Scorer(sys.argv[1], providers=["webgpu:gpu"])])))
"""
SNIPPET = """
import sys
from pathlib import Path
from aetk.edge.bench.setting import Setting
from aetk.edge.bench.snippet import snippet

print(snippet(Path(sys.argv[1]), [Setting("webgpu:0", 1)]))
"""
RUN = """
import numpy as np
print(for_1_row.run(None, {"features": np.load("rows.npy")})[0].tolist(), for_1_row.get_providers())
"""


def test_doctor_lists_the_plugin_and_its_device(plugin):
    report = json.loads(plugin.run("aetk", "doctor", "--json"))
    states = {state["provider"]: state for state in report["providers"]}
    assert states["webgpu"]["works"], states["webgpu"]["reason"]
    assert states["webgpu"]["plugin"].startswith("onnxruntime-ep-webgpu ")
    (device,) = [device for device in report["devices"] if device["provider"].startswith("webgpu")]
    assert (device["provider"], device["kind"], device["vendor"]) == ("webgpu:gpu", "GPU", "0x8086")
    assert device["metadata"]["pci_bus_id"] == "0000:00:1e.0"
    assert list(report["runtimes"]) == ["onnxruntime"]
    assert report["problems"] == []


def test_every_path_decides_as_the_golden_rows_say(plugin):
    (check,) = json.loads(plugin.run("aetk", "verify", MODEL, "--provider", "webgpu:gpu", "--json"))["checks"]
    assert check["provider"] == "webgpu:gpu"
    assert check["placement"].keys() == {PROVIDER}
    assert all(path["golden"]["passed"] for path in check["paths"])


def test_a_device_that_is_not_there_ends_with_3(plugin):
    said = plugin.run("aetk", "verify", MODEL, "--provider", "webgpu:npu", exit_code=3, variables=DRIVER_ONLY)
    assert f"{PROVIDER} has no device npu here; it has webgpu:gpu." in said


def test_without_a_gpu_in_sight_the_plugin_lists_no_device(blind_plugin):
    said = blind_plugin.run("aetk", "verify", MODEL, "--provider", "webgpu", exit_code=3, variables=DRIVER_ONLY)
    assert f"The plugin of {PROVIDER} lists no device" in said


def test_the_benchs_snippet_registers_the_plugin_and_picks_the_device(plugin, rows):
    np.save(plugin.folder / "rows.npy", rows[:3])
    code = plugin.run("python", "-c", SNIPPET, MODEL)
    similarity, _, providers = plugin.run("python", "-c", code + RUN).strip().rpartition("] [")
    assert providers.startswith(f"'{PROVIDER}'")
    assert json.loads(f"{similarity}]") == pytest.approx(Scorer(MODEL).score(rows[:3]).similarity, abs=spec.TOLERANCE)


def test_a_process_of_its_own_opens_the_same_device(plugin, rows):
    np.save(plugin.folder / "rows.npy", rows[:3])
    (plugin.folder / "spawned.py").write_text(SPAWNED)
    ((provider, placement, similarity),) = json.loads(plugin.run("python", "spawned.py", MODEL))
    assert (provider, placement.keys()) == ("webgpu:gpu", {PROVIDER})
    assert similarity == pytest.approx(Scorer(MODEL).score(rows[:3]).similarity, abs=spec.TOLERANCE)


def test_bench_measures_it_and_its_fresh_processes_open_it_too(plugin):
    asked = ("--provider", "webgpu:0", "--require", "webgpu:0", "--batch", 1, "--seconds", 40, "--json")
    report = json.loads(plugin.run("aetk", "bench", MODEL, *asked))
    (row,) = report["measured"]
    assert (row["setting"]["provider"], row["placement"].keys()) == ("webgpu:0", {PROVIDER})
    assert row["cold"]["load_seconds"] > 0
