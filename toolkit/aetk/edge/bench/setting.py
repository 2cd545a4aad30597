"""The modes in which a benchmark runs a model, and the settings that distinguish its rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.edge.bench.pinned import copy_to_pinned
from aetk.edge.model import LoadedModel
from aetk.edge.runtime.io_binding import Binding
from aetk.edge.runtime.providers import Provider, find_provider
from aetk.edge.runtime.session import Session, open_session
from aetk.edge.scoring.scorer import Scorer

RunMode = Literal["run", "pinned", "bound", "graph", "scorer"]
"""`run`: `session.run` on NumPy arrays, copies included. `pinned`: the same with the rows in pinned host memory.
`bound`: input and outputs stay on the device (I/O binding). `graph`: bound, and replayed as a CUDA graph.
`scorer`: aetk's own `Scorer.score`."""

GRAPH_OPTIONS = {"CUDAExecutionProvider": {"enable_cuda_graph": "1"}}
"""The option with which a provider captures a run and replays it, by ONNX Runtime's name of the provider."""
_RUNS_TO_CAPTURE = 3


@dataclass(frozen=True, order=True)
class Setting:
    """What is measured in one row.

    Attributes:
        provider: short name of the execution provider.
        batch: rows per run.
        mode: how it is run.
        threads: intra-op threads; None if ONNX Runtime chooses. For the Scorer: its argument `threads`.
        spinning: whether waiting threads spin; not used for the Scorer, which opens its sessions itself.
    """

    provider: str
    batch: int
    mode: RunMode = "run"
    threads: int | None = None
    spinning: bool = True

    @property
    def session(self) -> "Setting":
        """The setting whose session this one uses: a graph is captured for one batch size, other modes share one."""
        return self if self.mode == "graph" else Setting(self.provider, 1, "run", self.threads, self.spinning)


def modes_of(provider: Provider) -> tuple[RunMode, ...]:
    """The modes in which a provider other than the CPU is measured: a memory of its own allows more than `run`."""
    if provider.device == "cpu":
        return ("run",)
    return ("run", "pinned", "bound", "graph") if provider.name in GRAPH_OPTIONS else ("run", "pinned", "bound")


def open_for(model: bytes, setting: Setting) -> Session:
    """Open a session with the options of a setting.

    Raises:
        Unavailable: the provider cannot run the whole model.
    """
    provider = find_provider(setting.provider)
    if setting.mode == "graph":
        provider = replace(provider, options={**provider.options, **GRAPH_OPTIONS[provider.name]})
    spinning = setting.spinning if setting.provider == "cpu" else None
    return open_session(model, provider, threads=setting.threads, spinning=spinning)


def runner(
    loaded: LoadedModel, session: Session | None, setting: Setting, rows: NDArray[np.float32]
) -> Callable[[], object]:
    """Make a function without arguments that runs the rows, float32 [batch, n], once; open a session if it is None.

    Raises:
        Unavailable: the provider cannot run the whole model, or not in this mode.
    """
    if setting.mode == "scorer":
        return partial(Scorer(loaded, providers=[setting.provider], threads=setting.threads).score, rows)
    session = session or open_for(loaded.data, setting)
    if setting.mode in ("bound", "graph"):
        call = Binding(session, {spec.INPUT: rows}).run
        for _ in range(_RUNS_TO_CAPTURE if setting.mode == "graph" else 0):
            call()  # the runtime allocates in the first run and captures in a later one
        return call
    if setting.mode == "pinned":
        rows = copy_to_pinned(session.provider, rows)
    return partial(session.raw.run, None, {spec.INPUT: rows})
