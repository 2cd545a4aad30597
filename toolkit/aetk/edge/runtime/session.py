"""Opens a model on exactly one execution provider, and proves that it runs there."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import Unavailable, out_of_memory
from aetk.base.streams import native_prints_on_stderr
from aetk.contract import spec
from aetk.edge.runtime import placement, source
from aetk.edge.runtime.ort import NOTHING, onnxruntime
from aetk.edge.runtime.placement import Evidence
from aetk.edge.runtime.providers import PROVIDERS, Provider
from aetk.edge.runtime.reasons import LEFT_TO_THE_CPU, logged, reason
from aetk.edge.runtime.source import ELSEWHERE, Source

Optimization = Literal["disable", "basic", "extended", "layout", "all"]
OPTIMIZATIONS: tuple[Optimization, ...] = ("disable", "basic", "extended", "layout", "all")
_LEVELS = {"disable": "DISABLE_ALL", "layout": "ENABLE_LAYOUT"}

SPINNING = "session.intra_op.allow_spinning"
"""The session option that makes waiting threads spin ("1", the runtime's default) or sleep ("0")."""
NO_FALLBACK = "session.disable_cpu_ep_fallback"
"""The session option that makes ONNX Runtime refuse to leave nodes to the CPU ("1")."""


@dataclass(frozen=True)
class Session:
    """A model on a provider.

    Attributes:
        provider: the one that runs every node.
        placement: the number of nodes per provider, all on that one.
        evidence: the source of `placement`: the runtime's assignment record, or the profile of a run if that is empty.
        raw: ONNX Runtime's own session.
    """

    provider: Provider
    placement: dict[str, int]
    evidence: Evidence
    raw: Any

    def run(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Compute every output, by name, for rows, float32 [batch, n]; raise Unavailable if the runtime fails."""
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
        """The memory that holds every input and output, named as a provider's `device`; None if it is not known.

        Only an input in this memory can be bound once and changed later: the runtime copies any other input when it is
        bound, and never reads it again.
        """
        if not hasattr(self.raw, "get_input_memory_infos"):
            return "cpu" if self.provider.name == PROVIDERS["cpu"].name else None
        found = {(info.name.lower(), info.device_id) for info in self._memory_infos}
        return found.pop()[0] if len(found) == 1 else None

    @cached_property
    def device_id(self) -> int:
        """ONNX Runtime's number of the device whose `memory` holds inputs and outputs."""
        return next((info.device_id for info in self._memory_infos), 0)

    @cached_property
    def _memory_infos(self) -> list[Any]:
        if not hasattr(self.raw, "get_input_memory_infos"):  # older than 1.23
            return []
        return [*self.raw.get_input_memory_infos(), *self.raw.get_output_memory_infos()]


def gave_up(provider: Provider, error: Exception) -> Exception:
    """Turn an error of ONNX Runtime in a run, which has a dozen types, into Unavailable; keep any other error."""
    if not type(error).__module__.startswith("onnxruntime"):
        return error
    return out_of_memory(error) or _cannot_run(provider, reason(error))


def open_session(
    model: bytes,
    provider: Provider = PROVIDERS["cpu"],
    *,
    threads: int | None = None,
    spinning: bool | None = None,
    optimization: Optimization = "all",
) -> Session:
    """Open a model on one provider, never on another instead.

    Args:
        model: the content of an `.onnx` file.
        provider: the provider, and its device, on which all nodes must run.
        threads: intra-op threads; None leaves the choice to ONNX Runtime.
        spinning: whether waiting intra-op threads spin or sleep; None leaves the choice to ONNX Runtime.
        optimization: the graph-optimization level.

    Raises:
        Unavailable: the provider or its device is not here, cannot start, or would leave nodes to the CPU.
    """
    ort = onnxruntime()
    origin = source.find(ort, provider)

    def options() -> Any:
        return _options(ort, threads, spinning, optimization)

    cached = origin.cached(ort, model)
    try:
        try:
            return _open(ort, model, options, cached)
        except Exception:
            if cached is origin:
                raise
            cached.leave_no_empty_folder()
            return _open(ort, model, options, origin)  # the cache may be half written, or made by another driver
    except Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - onnxruntime raises a dozen unrelated types
        raise _refusal(ort, model, options, origin, error) from None


def _open(ort: Any, model: bytes, options: Callable[[], Any], origin: Source, *, falls_back: bool = False) -> Session:
    """Open a session, and make sure that every node runs on the provider.

    Raises:
        Unavailable: nodes would run elsewhere.
        Exception: any error of ONNX Runtime.
    """

    def prepared() -> tuple[Any, list[Any] | None]:
        made = options()
        if origin.provider.short != "cpu" and not falls_back:
            made.add_session_config_entry(NO_FALLBACK, "1")
        return made, origin.add_to(made)

    with native_prints_on_stderr() if origin.plugin else nullcontext():
        made, providers = prepared()
        raw = ort.InferenceSession(model, made, providers=providers, enable_fallback=0)
        evidence: Evidence = "assignment"
        nodes = placement.assigned_nodes(raw)
        if not nodes:
            evidence = "profile"
            nodes = placement.executed_nodes(ort, model, *prepared())
    if set(nodes) != {origin.provider.name}:
        raise Unavailable(f"{origin.provider.name} does not run the whole model: {_share(nodes, origin)}.", ELSEWHERE)
    return Session(origin.provider, nodes, evidence, raw)


def _share(nodes: dict[str, int], origin: Source) -> str:
    """How many of the model's nodes a provider ran, and which others ran the rest."""
    own, total = nodes.get(origin.provider.name, 0), sum(nodes.values())
    others = ", ".join(f"{n} ran on {name}" for name, n in sorted(nodes.items()) if name != origin.provider.name)
    ran = f"{own} of the model's {total} nodes" if own else "none of the model's nodes"
    return f"it ran {ran}; {others}" if others else f"it ran {ran}"


def _refusal(ort: Any, model: bytes, options: Callable[[], Any], origin: Source, error: Exception) -> Unavailable:
    """Find out why a provider cannot run a model: a library does not load, or the runtime's log or error says why."""
    known = out_of_memory(error) or origin.broken_library(ort)
    if known:
        return known
    if LEFT_TO_THE_CPU not in str(error):
        return _cannot_run(origin.provider, reason(error))
    said = ""
    with logged(ort) as lines:
        try:
            _open(ort, model, options, origin, falls_back=True)
        except Unavailable as refused:
            said = refused.message
        except Exception as failed:  # noqa: BLE001 - the same dozen types
            said = _cannot_run(origin.provider, reason(failed)).message
    if lines:
        return _cannot_run(origin.provider, lines[0])
    return Unavailable(said, ELSEWHERE) if said else _cannot_run(origin.provider, reason(error))


def _cannot_run(provider: Provider, why: str) -> Unavailable:
    where = f"{provider.name}, device {provider.chosen}," if provider.chosen else provider.name
    return Unavailable(f"{where} cannot run this model: {why.rstrip('.')}.", ELSEWHERE)


def _options(ort: Any, threads: int | None, spinning: bool | None, optimization: Optimization) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = NOTHING  # what a session logs as an error, it also raises
    options.graph_optimization_level = getattr(
        ort.GraphOptimizationLevel, "ORT_" + _LEVELS.get(optimization, f"ENABLE_{optimization.upper()}")
    )
    if threads is not None:
        options.intra_op_num_threads = threads
    if spinning is not None:
        options.add_session_config_entry(SPINNING, "1" if spinning else "0")
    placement.ask_for_assignment(options)
    return options
