"""The engine Ray: a pool of actors, each with its own session of the model."""

import contextlib
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from aetk.base.errors import BadInput, MissingExtra, Unavailable, message_lines, out_of_memory
from aetk.cluster.engine import Resources, Work, Workers, attempt, outcome
from aetk.contract.dialect import escape_for_message

_TASK = "task"
_PATIENCE = 10.0
"""Seconds that a cluster has to accept a connection."""
_SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
"""Without these, Ray reports its use to its makers, and prints warnings about its own work."""


def _ray() -> Any:
    for name, value in _SILENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise out_of_memory(error) or MissingExtra("The engine Ray", "ray,cpu") from None
    return ray


class RayEngine:
    """A Ray cluster: the one that is connected, that RAY_ADDRESS names or that runs on this machine, else a new one."""

    name = "ray"

    def __init__(self, resources: Resources) -> None:
        self._ray = _ray()
        self._resources = resources
        self._workers = Workers(0)
        self.threads = resources.threads

    @contextlib.contextmanager
    def connected(self, on_gpus: bool = False) -> Iterator[Workers]:
        """See `Engine`."""
        with contextlib.ExitStack() as ours:
            if not self._ray.is_initialized():
                ours.enter_context(contextlib.redirect_stdout(sys.stderr))  # Ray prints there that a worker died
                self._start()
                ours.callback(self._ray.shutdown)
            self._workers = self._find_workers(on_gpus)
            yield self._workers

    def _start(self) -> None:
        _check_address(os.environ.get("RAY_ADDRESS", ""))
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except Exception as error:  # noqa: BLE001 - a failed start raises errors of many types
            raise _unavailable(error) from None
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)  # Ray sets its own handler, which exits with another code

    def _find_workers(self, on_gpus: bool) -> Workers:
        """Choose the workers; raise an error if the cluster is too small, since Ray itself would wait for ever."""
        found, wanted = self._ray.cluster_resources(), self._resources
        cpus, gpus = found.get("CPU", 0), found.get("GPU", 0)
        each = wanted.gpus if wanted.gpus is not None else float(on_gpus)
        if on_gpus and not gpus:
            raise Unavailable(
                "The provider computes on a GPU; the Ray cluster has none.",
                "Join a machine that has one with: ray start --address=HEAD:6379, or score with --provider cpu.",
            )
        if on_gpus and not each:
            raise BadInput(
                "The provider computes on a GPU; with 0 of one, Ray hides every GPU from a worker.",
                "Leave gpus out for one each, or name a share of one.",
            )
        room = int(cpus) // wanted.threads
        if each:
            room = min(room, int(gpus / each))
        if room < (wanted.workers or 1):
            raise BadInput(
                f"The cluster has {cpus:g} processors and {gpus:g} GPUs; "
                f"{wanted.workers or 1} workers of {wanted.threads} and {each:g} were asked for.",
                "Ask for less with --workers, --threads and --gpus, or join more machines with: ray start",
            )
        return Workers(wanted.workers or room, each)

    def run(self, work: Work, tasks: Sequence[Any]) -> Iterator[Any]:
        """See `Engine`; uses Ray Data with a block per task, so that a lost worker loses only its unfinished tasks."""
        rows = [{_TASK: json.dumps(task)} for task in tasks]
        self._ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        assert self._workers.count is not None
        pool = self._ray.data.ActorPoolStrategy(size=min(self._workers.count, len(rows)))
        try:
            done = self._ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                _Worker,
                fn_constructor_args=(work,),
                batch_size=1,
                batch_format="pyarrow",
                compute=pool,
                num_cpus=self.threads,
                num_gpus=self._workers.gpus or None,
            )
            for row in done.iter_rows():
                yield outcome(row[_TASK])
        except self._ray.exceptions.RayError as error:
            raise _unavailable(error) from None


def _check_address(address: str) -> None:
    """Raise Unavailable if no program listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "/" in address or not port.isdigit():
        return
    try:
        socket.create_connection((host, int(port)), _PATIENCE).close()
    except OSError as error:
        raise Unavailable(
            f"No Ray cluster answers at {address}: {error.strerror or error}.",
            "Check RAY_ADDRESS, or unset it to start a cluster on this machine.",
        ) from None


class _Worker:
    """An actor; Ray keeps a task until it has the result."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, tasks: Any) -> Any:
        return tasks.set_column(0, _TASK, [[attempt(self._work, task) for task in tasks[_TASK].to_pylist()]])


def _unavailable(error: BaseException) -> Unavailable:
    reason = escape_for_message(message_lines(error)[-1], 300)
    return Unavailable(f"Ray failed: {reason}", "See its logs, then run the same command again.")
