"""The modes in which a benchmark runs a model, and the settings that tell two of its rows apart."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.edge.model import LoadedModel
from aetk.edge.runtime.io_binding import Binding
from aetk.edge.runtime.providers import find_provider
from aetk.edge.runtime.session import Session, open_session
from aetk.edge.scoring.scorer import Scorer

RunMode = Literal["run", "bound", "scorer"]
"""`run`: `session.run` on NumPy arrays, copies included. `bound`: input and outputs stay on the device (I/O binding).
`scorer`: aetk's own `Scorer.score`."""


@dataclass(frozen=True, order=True)
class Setting:
    """What is measured in one row.

    Attributes:
        provider: short name of the execution provider.
        batch: rows per run.
        mode: how it is run.
        threads: intra-op threads; None where ONNX Runtime chooses. For the Scorer: what it is given as `threads`.
        spinning: whether waiting threads spin; the Scorer opens its sessions itself, and this does not reach it.
    """

    provider: str
    batch: int
    mode: RunMode = "run"
    threads: int | None = None
    spinning: bool = True


def open_for(model: bytes, setting: Setting) -> Session:
    """A session as the setting asks for it.

    Raises:
        Unavailable: the provider cannot run the whole model.
    """
    spinning = setting.spinning if setting.provider == "cpu" else None
    return open_session(model, find_provider(setting.provider), threads=setting.threads, spinning=spinning)


def runner(
    loaded: LoadedModel, session: Session | None, setting: Setting, rows: NDArray[np.float32]
) -> Callable[[], object]:
    """A call without arguments that runs the rows, float32 [batch, n], once; opens the session that is missing.

    Raises:
        Unavailable: the provider cannot run the whole model.
    """
    if setting.mode == "scorer":
        return partial(Scorer(loaded, providers=[setting.provider], threads=setting.threads).score, rows)
    session = session or open_for(loaded.data, setting)
    if setting.mode == "bound":
        return Binding(session, {spec.INPUT: rows}).run
    return partial(session.raw.run, None, {spec.INPUT: rows})
