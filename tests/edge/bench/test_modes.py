"""Modes of a device with a memory of its own, as far as a machine without one can show them."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from aetk.base.errors import Unavailable
from aetk.edge.bench import setting as settings
from aetk.edge.bench.pinned import copy_to_pinned
from aetk.edge.bench.setting import Setting, modes_of, open_for, runner
from aetk.edge.model import load
from aetk.edge.runtime.providers import PROVIDERS


@pytest.mark.parametrize(
    ("provider", "modes"),
    [
        ("openvino", ("run",)), ("tensorrt", ("run", "pinned", "bound")),
        ("cuda", ("run", "pinned", "bound", "graph")),
    ],
)  # fmt: skip
def test_a_memory_of_its_own_allows_pinned_and_bound_rows_and_cuda_a_graph(provider, modes):
    assert modes_of(PROVIDERS[provider]) == modes


def test_a_graph_is_captured_by_a_session_of_its_own_for_each_batch_size():
    assert Setting("cuda", 64, "graph").session == Setting("cuda", 64, "graph")
    assert {Setting("cuda", 64, mode).session for mode in ("run", "pinned", "bound")} == {Setting("cuda", 1)}
    assert Setting("cpu", 64, "scorer", 2, False).session == Setting("cpu", 1, "run", 2, False)


def test_the_session_of_a_graph_is_opened_with_the_providers_option_for_it_beside_its_others(model, monkeypatch):
    asked = []
    monkeypatch.setattr(settings, "open_session", lambda data, provider, **_: asked.append(provider.options))
    for mode in ("bound", "graph"):
        open_for(b"", Setting("cuda", 64, mode))
    plain = PROVIDERS["cuda"].options
    assert asked == [plain, {**plain, "enable_cuda_graph": "1"}]
    assert plain["use_tf32"] == "0"


def test_a_graph_has_been_captured_before_the_first_run_that_is_measured(model, monkeypatch):
    runs = []

    class Binding:
        def __init__(self, session, inputs):
            self.rows = inputs["features"]

        def run(self):
            runs.append(len(self.rows))

    monkeypatch.setattr(settings, "Binding", Binding)
    rows = np.zeros((16, 30), np.float32)
    runner(load(model), object(), Setting("cuda", 16, "graph"), rows)
    assert runs == [16] * 3
    runner(load(model), object(), Setting("cuda", 16, "bound"), rows)
    assert runs == [16] * 3


def test_pinned_rows_are_left_out_where_the_runtime_hands_out_no_such_memory():
    with pytest.raises(Unavailable, match="does not provide pinned host memory for CUDAExecutionProvider"):
        copy_to_pinned(PROVIDERS["cuda"], np.zeros((2, 3), np.float32))


def test_pinned_rows_are_a_view_of_memory_that_the_runtime_allocated(model):
    """The CPU's own memory stands for that of a device's driver; the allocator stays registered, so in a process."""
    code = f"""
from types import SimpleNamespace
import numpy as np, onnxruntime as ort
from aetk.edge.bench.pinned import copy_to_pinned
from aetk.edge.bench.setting import Setting, open_for, runner
from aetk.edge.model import load
from aetk.edge.runtime.providers import PROVIDERS

memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
ort.create_and_register_allocator(memory, None)
devices = [
    SimpleNamespace(ep_name="OtherExecutionProvider", memory_info=None, ep_metadata={{}}),
    SimpleNamespace(ep_name="CPUExecutionProvider", memory_info=lambda kind: None, ep_metadata={{}}),
    SimpleNamespace(
        ep_name="CPUExecutionProvider",
        ep_metadata={{}},
        memory_info=lambda kind: memory if kind == ort.OrtDeviceMemoryType.HOST_ACCESSIBLE else None,
    ),
]
ort.get_ep_devices = lambda: devices
rows = np.random.default_rng(0).normal(size=(64, 30)).astype(np.float32)
pinned = copy_to_pinned(PROVIDERS["cpu"], rows)
print(np.array_equal(pinned, rows), pinned.flags.owndata, pinned.flags.c_contiguous)
loaded = load({str(model)!r})
setting = Setting("cpu", 64, "pinned")
session = open_for(loaded.data, setting)
answers = [runner(loaded, session, replaced, rows)() for replaced in (setting, Setting("cpu", 64))]
print(all(np.array_equal(a, b, equal_nan=a.dtype == np.float32) for a, b in zip(*answers)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True False True\nTrue\n", "")


def test_a_provider_of_another_name_has_no_graph():
    assert "graph" not in modes_of(replace(PROVIDERS["cuda"], name="ROCMExecutionProvider"))
