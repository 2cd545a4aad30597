"""Runs the command line in a forked child, watches its temporary files, and kills it at a chosen moment.

The parent has imported everything already, so a child starts at once and its time is the command's own work. The parent
itself must never compute with torch: a forked child cannot use a thread pool that its parent started.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPENED, RENAMED = b"o", b"r"
_RECORD = struct.Struct("=cd")
"""What a child tells of an event: its kind, and when by the clock that all processes share."""
_MANY = 400 * _RECORD.size


@dataclass(frozen=True)
class Moment:
    """When to kill: `delay` seconds after event number `after`; 0 is the start of the command.

    With `hold` the child stands still at that event, just before the call that caused it.
    """

    after: int
    delay: float
    hold: bool = False


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        code: the exit code; None where it was killed.
        seconds: it lived for.
        kinds: `o` for each temporary file that was opened and `r` for each that was renamed, in order.
        times: seconds after the start, one for each of `kinds`.
    """

    code: int | None
    seconds: float
    kinds: str
    times: tuple[float, ...]

    def windows(self) -> list[tuple[int, float, float]]:
        """The spans in which a temporary file existed, cut at events: event number, its time, seconds to the next."""
        spans, alive = [], 0
        for number, (kind, now) in enumerate(zip(self.kinds, self.times, strict=True), 1):
            alive += 1 if kind == "o" else -1
            if alive:
                spans.append((number, now, self.times[number] - now))
        return spans


def _watch(pipe: int, hold: int | None) -> None:
    """Tell the parent of every temporary file that this process opens or renames."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in ("open", "os.rename") and str(arguments[0]).endswith(".tmp"):
            seen += 1
            os.write(pipe, _RECORD.pack(OPENED if event == "open" else RENAMED, time.perf_counter()))
            if seen == hold:
                signal.pause()

    sys.addaudithook(hook)


def _become(arguments: Sequence[str], folder: Path, log: Path, save_every: float | None) -> int:
    from aetk.cli.main import run
    from aetk.lab.training import loop

    os.chdir(folder)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if save_every is not None:
        loop._SAVE_EVERY = save_every
    return run(list(arguments))


def run_command(
    arguments: Sequence[str],
    folder: Path,
    log: Path,
    *,
    moment: Moment | None = None,
    save_every: float | None = None,
    modules: Path | None = None,
) -> Ended:
    """Run `aetk ARGUMENTS` in `folder`, to its end or to the moment of its death.

    Args:
        save_every: seconds between checkpoints in place of the command's own.
        modules: a file to list the imported modules in, see `warm`.
    """
    reading, writing = os.pipe()
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            _watch(writing, moment.after if moment is not None and moment.hold else None)
            code = _become(arguments, folder, log, save_every)
            if modules is not None:
                modules.write_text(json.dumps(list(sys.modules)))
        except BaseException:  # noqa: BLE001 - nothing may get out of the child but its exit code
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    kinds, times = _follow(reading, started, moment, child)
    _, status = os.waitpid(child, 0)
    seconds = time.perf_counter() - started
    while rest := os.read(reading, _MANY):  # what it still told between the decision to kill it and its death
        kinds += _note(rest, started, times)
    os.close(reading)
    code = None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)
    return Ended(code, seconds, kinds.decode(), tuple(times))


def _follow(pipe: int, started: float, moment: Moment | None, child: int) -> tuple[bytes, list[float]]:
    kinds, times = b"", []
    while True:
        wait = None
        if moment is not None and len(times) >= moment.after:
            origin = times[moment.after - 1] if moment.after else 0.0
            wait = max(0.0, started + origin + moment.delay - time.perf_counter())
        if not select.select([pipe], [], [], wait)[0]:
            os.kill(child, signal.SIGKILL)
            return kinds, times
        told = os.read(pipe, _MANY)
        if not told:
            return kinds, times
        kinds += _note(told, started, times)


def _note(told: bytes, started: float, times: list[float]) -> bytes:
    """The kinds of the events that were told; their times are added."""
    records = list(_RECORD.iter_unpack(told))
    times += [at - started for _, at in records]
    return b"".join(kind for kind, _ in records)


def warm(modules: Path) -> None:
    """Import what a command imports while it works, so that later children do not spend their time on it."""
    for name in json.loads(modules.read_text()):
        if name != "__main__":
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def in_child(function: Callable[[], str]) -> str:
    """What a function answers that may compute with torch, or the error that it raised."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = function()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            answer = f"{type(error).__name__}: {error}"
        os.write(writing, answer.encode()[:4096])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(child, 0)
    return answer
