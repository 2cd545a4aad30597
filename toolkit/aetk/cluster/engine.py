"""The interface of an engine, which runs the same work on many tasks, on any machine, and again if necessary."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aetk.base.errors import expected, from_plain, to_plain

Work = Callable[[Any], Any]
"""A function from a task to a result, both plain JSON. It can be pickled; run twice, it has the effect of one run."""


@dataclass(frozen=True)
class Resources:
    """The resources of an engine that a job may use.

    Attributes:
        workers: processes at a time; None for as many as the processors, or the GPUs, allow.
        threads: processors of each worker.
        gpus: GPUs of each worker; a fraction shares one. None means one if the workers compute on GPUs, else 0.
    """

    workers: int | None = None
    threads: int = 1
    gpus: float | None = None


@dataclass(frozen=True)
class Workers:
    """The workers of a job.

    Attributes:
        count: processes at a time; None if the engine decides.
        gpus: GPUs of each worker.
    """

    count: int | None
    gpus: float = 0.0


class Engine(Protocol):
    """Runs work on the workers of a cluster or of this machine.

    Attributes:
        threads: processors of each worker.
    """

    name: str
    threads: int

    def connected(self, on_gpus: bool = False) -> contextlib.AbstractContextManager["Workers"]:
        """Connect while the block runs: to the cluster that is configured, or else to one on this machine.

        The block gets the workers. `on_gpus` says whether each worker computes on a GPU.

        Raises:
            BadInput: the engine cannot provide the resources.
            Unavailable: the engine cannot be reached, or has no GPU and one is needed.
        """

    def run(self, work: Work, tasks: Sequence[Any]) -> Iterator[Any]:
        """Yield the results when they are done, in any order; call this within `connected`.

        A worker that dies is replaced, and its unfinished tasks are run again.

        Raises:
            AetkError: the first error of a task, or Unavailable if the engine itself fails.
        """


def attempt(work: Work, task: str) -> str:
    """Run work on a task in a worker; JSON in and out, since the engine would wrap errors in its own."""
    try:
        return json.dumps({"result": work(json.loads(task))})
    except Exception as error:
        failure = expected(error)
        if failure is None:
            raise
    return json.dumps({"error": to_plain(failure)})


def outcome(text: str) -> Any:
    """The result of an attempt; raise its error if it failed."""
    found = json.loads(text)
    if "error" in found:
        raise from_plain(found["error"])
    return found["result"]
