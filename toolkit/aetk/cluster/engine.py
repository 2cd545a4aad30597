"""What an engine has to do: run one piece of work on each of many tasks, wherever it likes, as often as it must."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aetk.base.errors import expected, from_plain, to_plain

Work = Callable[[Any], Any]
"""From a task to a result, both plain JSON. It pickles; done twice, it leaves what it leaves done once."""


@dataclass(frozen=True)
class Resources:
    """What a job may take of an engine.

    Attributes:
        workers: processes at a time; None for as many as the processors, or the GPUs, allow.
        threads: processors of each.
        gpus: of each; a fraction shares one. None for one where the workers compute on GPUs, else none at all.
    """

    workers: int | None = None
    threads: int = 1
    gpus: float | None = None


@dataclass(frozen=True)
class Workers:
    """What works on a job.

    Attributes:
        count: processes at a time; None where that is the engine's own affair.
        gpus: of each.
    """

    count: int | None
    gpus: float = 0.0


class Engine(Protocol):
    """An engine.

    Attributes:
        threads: processors of each worker.
    """

    name: str
    threads: int

    def connected(self, on_gpus: bool = False) -> contextlib.AbstractContextManager["Workers"]:
        """Be connected while the block runs: to the cluster that is configured, else to one of this machine's own.

        The block is given what works there. `on_gpus` says whether each worker computes on a GPU.

        Raises:
            BadInput: resources that it cannot give out.
            Unavailable: it cannot be reached, or has no GPU where one is needed.
        """

    def run(self, work: Work, tasks: Sequence[Any]) -> Iterator[Any]:
        """The results as they are done, in any order, within `connected`.

        A worker that dies is replaced, and what it had in hand is done again.

        Raises:
            AetkError: the first that a task ended with, or Unavailable where the engine itself gives up.
        """


def attempt(work: Work, task: str) -> str:
    """Run work on a task where an engine says; JSON in and out, for errors would be wrapped in the engine's own."""
    try:
        return json.dumps({"result": work(json.loads(task))})
    except Exception as error:
        failure = expected(error)
        if failure is None:
            raise
    return json.dumps({"error": to_plain(failure)})


def outcome(text: str) -> Any:
    """The result of an attempt; raises the error that it ended with."""
    found = json.loads(text)
    if "error" in found:
        raise from_plain(found["error"])
    return found["result"]
