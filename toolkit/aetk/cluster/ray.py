"""Ray: a pool of actors, each with a model's session of its own."""

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
from aetk.cluster.engine import Resources, Work, attempt, outcome
from aetk.contract.dialect import escape_for_message

_TASK = "task"
_PATIENCE = 10.0
"""Seconds for a cluster to take a connection."""
_SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
"""Ray reports its use to its makers unless told not to, and warns on the terminal of what it does itself."""


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
        self._workers = 0
        self.threads = resources.threads

    @contextlib.contextmanager
    def connected(self) -> Iterator[int]:
        """See `Engine`."""
        with contextlib.ExitStack() as ours:
            if not self._ray.is_initialized():
                ours.enter_context(contextlib.redirect_stdout(sys.stderr))  # where Ray tells of workers that died
                self._start()
                ours.callback(self._ray.shutdown)
            self._workers = self._room()
            yield self._workers

    def _start(self) -> None:
        _check_address(os.environ.get("RAY_ADDRESS", ""))
        before = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
        except Exception as error:  # noqa: BLE001 - a start that fails raises whatever failed
            raise _unavailable(error) from None
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)  # Ray sets its own, which exits with another code

    def _room(self) -> int:
        """How many workers there are to be; BadInput where the cluster has no room for them."""
        found, wanted = self._ray.cluster_resources(), self._resources
        room = int(found.get("CPU", 0)) // wanted.threads
        if wanted.gpus:
            room = min(room, int(found.get("GPU", 0) / wanted.gpus))
        if room < (wanted.workers or 1):
            raise BadInput(
                f"The cluster has {found.get('CPU', 0):g} processors and {found.get('GPU', 0):g} GPUs; "
                f"{wanted.workers or 1} workers of {wanted.threads} and {wanted.gpus:g} were asked for.",
                "Ask for less with --workers, --threads and --gpus, or join more machines with: ray start",
            )
        return wanted.workers or room

    def run(self, work: Work, tasks: Sequence[Any]) -> Iterator[Any]:
        """See `Engine`; by Ray Data, one block a task, so that a lost worker costs what it had in hand."""
        rows = [{_TASK: json.dumps(task)} for task in tasks]
        self._ray.data.DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        pool = self._ray.data.ActorPoolStrategy(size=min(self._workers, len(rows)))
        try:
            done = self._ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                _Worker,
                fn_constructor_args=(work,),
                batch_size=1,
                batch_format="pyarrow",
                compute=pool,
                num_cpus=self.threads,
                num_gpus=self._resources.gpus or None,
            )
            for row in done.iter_rows():
                yield outcome(row[_TASK])
        except self._ray.exceptions.RayError as error:
            raise _unavailable(error) from None


def _check_address(address: str) -> None:
    """Unavailable where nobody listens at HOST:PORT; Ray itself would try for minutes."""
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
    """An actor; a task stays in Ray's hands until it is answered."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, tasks: Any) -> Any:
        return tasks.set_column(0, _TASK, [[attempt(self._work, task) for task in tasks[_TASK].to_pylist()]])


def _unavailable(error: BaseException) -> Unavailable:
    reason = escape_for_message(message_lines(error)[-1], 300)
    return Unavailable(f"Ray gave up: {reason}", "See its own logs, and run the same command again.")
