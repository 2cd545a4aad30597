"""Opens a model on exactly one execution provider, and proves that it runs there."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import Unavailable, first_line, out_of_memory
from aetk.contract import spec
from aetk.edge.runtime import placement
from aetk.edge.runtime.ort import onnxruntime
from aetk.edge.runtime.placement import Evidence
from aetk.edge.runtime.providers import PROVIDERS, Provider

Optimization = Literal["disable", "basic", "extended", "layout", "all"]
OPTIMIZATIONS: tuple[Optimization, ...] = ("disable", "basic", "extended", "layout", "all")
_LEVELS = {"disable": "DISABLE_ALL", "layout": "ENABLE_LAYOUT"}

_ERRORS_ONLY = 3
_ELSEWHERE = "Try --provider cpu, or see what works here with: aetk doctor"
SPINNING = "session.intra_op.allow_spinning"
"""The session option by which waiting threads spin ("1", the runtime's default) or sleep ("0")."""


@dataclass(frozen=True)
class Session:
    """A model on a provider.

    Attributes:
        provider: the one that runs every node.
        placement: nodes per provider, all of them on that one.
        evidence: how that is known: the runtime's assignment record, or the profile of a run where that is empty.
        raw: ONNX Runtime's own session.
    """

    provider: Provider
    placement: dict[str, int]
    evidence: Evidence
    raw: Any

    def run(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Every output by name for rows, float32 [batch, n]; Unavailable where the runtime gives up."""
        try:
            return dict(zip(self.outputs, self.raw.run(None, {spec.INPUT: features}), strict=True))
        except Exception as error:  # noqa: BLE001 - all but the runtime's own are raised again
            raise gave_up(self.provider, error) from None

    @cached_property
    def outputs(self) -> list[str]:
        """The names of the model's outputs, in order."""
        return [output.name for output in self.raw.get_outputs()]

    @cached_property
    def memory(self) -> str | None:
        """Where every input and output lies, in the words of a provider's `device`; None where that is not known.

        Only what lies there can be bound once and written again: from elsewhere the runtime copies an input when it is
        bound, and never looks at it again.
        """
        if not hasattr(self.raw, "get_input_memory_infos"):  # older than 1.23
            return "cpu" if self.provider.name == PROVIDERS["cpu"].name else None
        infos = [*self.raw.get_input_memory_infos(), *self.raw.get_output_memory_infos()]
        found = {info.name.lower() for info in infos}
        return found.pop() if len(found) == 1 else None


def gave_up(provider: Provider, error: Exception) -> Exception:
    """What ONNX Runtime raises in a run, of a dozen unrelated types, as Unavailable; any other error as it is."""
    if not type(error).__module__.startswith("onnxruntime"):
        return error
    refused = Unavailable(f"{provider.name} cannot run this model: {first_line(error, 300)}", _ELSEWHERE)
    return out_of_memory(error) or refused


def open_session(
    model: bytes,
    provider: Provider = PROVIDERS["cpu"],
    *,
    threads: int | None = None,
    spinning: bool | None = None,
    optimization: Optimization = "all",
) -> Session:
    """Open a model file's bytes on one provider, never on another in its stead.

    Args:
        model: the content of an `.onnx` file.
        provider: where all nodes must run.
        threads: intra-op threads; None leaves the choice to ONNX Runtime.
        spinning: whether waiting intra-op threads spin or sleep; None leaves the choice to ONNX Runtime.
        optimization: the graph-optimization level.

    Raises:
        Unavailable: the provider is not in this build, cannot start, or would leave nodes to the CPU.
    """
    ort = onnxruntime()
    if provider.name not in ort.get_available_providers():
        remedy = _ELSEWHERE
        if provider.build != "onnxruntime":
            remedy += f"; the build '{provider.build}' may bring it, in place of the one installed, never beside it"
        raise Unavailable(f"The installed onnxruntime {ort.__version__} has no {provider.name}.", f"{remedy}.")

    def options() -> Any:
        return _options(ort, provider, threads, spinning, optimization)

    providers = [(provider.name, provider.options)]
    evidence: Evidence
    try:
        raw = ort.InferenceSession(model, options(), providers=providers, enable_fallback=0)
        nodes, evidence = placement.assigned_nodes(raw), "assignment"
        if not nodes:
            nodes, evidence = placement.executed_nodes(ort, model, options(), providers), "profile"
    except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types
        refused = Unavailable(f"{provider.name} cannot run this model: {first_line(error, 300)}", _ELSEWHERE)
        raise out_of_memory(error) or refused from None
    if set(nodes) != {provider.name}:
        found = ", ".join(f"{count} on {name}" for name, count in sorted(nodes.items())) or "none at all"
        raise Unavailable(f"{provider.name} does not run the whole model: of its nodes, {found}.", _ELSEWHERE)
    return Session(provider, nodes, evidence, raw)


def _options(
    ort: Any, provider: Provider, threads: int | None, spinning: bool | None, optimization: Optimization
) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.graph_optimization_level = getattr(
        ort.GraphOptimizationLevel, "ORT_" + _LEVELS.get(optimization, f"ENABLE_{optimization.upper()}")
    )
    if threads is not None:
        options.intra_op_num_threads = threads
    if spinning is not None:
        options.add_session_config_entry(SPINNING, "1" if spinning else "0")
    placement.ask_for_assignment(options)
    if provider.short != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options
