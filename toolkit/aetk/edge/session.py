"""Opens a model on exactly one execution provider, and proves that it runs there."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.errors import Unavailable
from aetk.edge.providers import PROVIDERS, Provider
from aetk.edge.runtime import onnxruntime

Optimization = Literal["disable", "basic", "extended", "layout", "all"]
OPTIMIZATIONS: tuple[Optimization, ...] = ("disable", "basic", "extended", "layout", "all")
_LEVELS = {"disable": "DISABLE_ALL", "layout": "ENABLE_LAYOUT"}

_ERRORS_ONLY = 3


@dataclass(frozen=True)
class Session:
    """A model on a provider.

    Attributes:
        provider: the one that runs every node.
        placement: nodes of the optimized graph per provider, from ONNX Runtime's assignment record.
        raw: ONNX Runtime's own session.
    """

    provider: Provider
    placement: dict[str, int]
    raw: Any

    def run(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Every output by name for rows, float32 [batch, n]."""
        return dict(zip(self.outputs, self.raw.run(None, {spec.INPUT: features}), strict=True))

    @property
    def outputs(self) -> list[str]:
        """The names of the model's outputs, in order."""
        return [output.name for output in self.raw.get_outputs()]


def open_session(
    model: bytes,
    provider: Provider = PROVIDERS["cpu"],
    *,
    threads: int | None = None,
    optimization: Optimization = "all",
) -> Session:
    """Open a model file's bytes on one provider, never on another in its stead.

    Args:
        model: the content of an `.onnx` file.
        provider: where all nodes must run.
        threads: intra-op threads; None leaves the choice to ONNX Runtime.
        optimization: the graph-optimization level.

    Raises:
        Unavailable: the provider is not in this build, cannot start, or would leave nodes to the CPU.
    """
    ort = onnxruntime()
    if provider.name not in ort.get_available_providers():
        has = f"It has {', '.join(ort.get_available_providers())}."
        if provider.build != "onnxruntime":
            has += f" The build '{provider.build}' may bring it, in place of the one installed, never beside it."
        raise Unavailable(f"The installed onnxruntime {ort.__version__} has no {provider.name}.", has)
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.graph_optimization_level = getattr(
        ort.GraphOptimizationLevel, "ORT_" + _LEVELS.get(optimization, f"ENABLE_{optimization.upper()}")
    )
    if threads is not None:
        options.intra_op_num_threads = threads
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if provider.short != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        raw = ort.InferenceSession(model, options, providers=[(provider.name, provider.options)])
    except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types
        raise Unavailable(f"{provider.name} cannot run this model: {_first_line(error)}") from None
    placement = Counter[str]()
    for subgraph in raw.get_provider_graph_assignment_info():
        placement[subgraph.ep_name] += len(subgraph.get_nodes())
    if set(placement) != {provider.name}:
        found = ", ".join(f"{count} on {name}" for name, count in sorted(placement.items())) or "none at all"
        raise Unavailable(f"{provider.name} does not run the whole model: of its nodes, {found}.")
    return Session(provider, dict(placement), raw)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
