"""Finds out on which provider ONNX Runtime runs each of a model's nodes.

`get_providers()` is not evidence: it lists the requested providers, even if every node is on the CPU. Two things are
evidence: the assignment record that the runtime makes while it partitions the graph (1.24 and newer), and the events of
a profiled run, each of which names the provider whose kernel ran. Some builds (WebGPU's) leave the record empty, and so
does ONNX Runtime 1.24 for a plugin.
"""

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

Evidence = Literal["assignment", "profile"]

_RECORD = "session.record_ep_graph_assignment_info"
_KERNEL = "_kernel_time"


def ask_for_assignment(options: Any) -> None:
    """Make a session with these options keep its assignment record; an older runtime ignores the entry."""
    options.add_session_config_entry(_RECORD, "1")


def assigned_nodes(raw: Any) -> dict[str, int]:
    """The number of nodes per provider in the assignment record of a session (see `ask_for_assignment`).

    These are the nodes as they were partitioned; later fusions may leave fewer to run. The result is empty if the
    runtime keeps no record, which says nothing about the nodes.
    """
    nodes = Counter[str]()
    if not hasattr(raw, "get_provider_graph_assignment_info"):
        return {}
    for subgraph in raw.get_provider_graph_assignment_info():
        nodes[subgraph.ep_name] += len(subgraph.get_nodes())
    return dict(nodes)


def executed_nodes(ort: Any, model: bytes, options: Any, providers: list[Any] | None) -> dict[str, int]:
    """The number of nodes per provider in the profile of one run, in a separate session, since profiling is slow.

    Args:
        ort: the onnxruntime module.
        model: the content of an `.onnx` file with one float32 input; its symbolic dimensions are taken as 1.
        options: new session options; profiling is switched on in them.
        providers: as InferenceSession takes them; None if the options name a plugin's device.
    """
    with TemporaryDirectory(prefix="aetk-placement-") as folder:
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        raw = ort.InferenceSession(model, options, providers=providers, enable_fallback=0)
        (features,) = raw.get_inputs()
        shape = [dim if isinstance(dim, int) else 1 for dim in features.shape]
        raw.run(None, {features.name: np.zeros(shape, np.float32)})
        events = json.loads(Path(raw.end_profiling()).read_text(encoding="utf-8"))
    ran = [event for event in events if event.get("cat") == "Node" and event.get("name", "").endswith(_KERNEL)]
    return dict(Counter(event["args"]["provider"] for event in ran))
