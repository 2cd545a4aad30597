"""Runs the command line in a forked child that something is done to, and holds what is left against what may be."""

import os
import shutil
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.scenarios import Scenario, faults_of_next_run, state_of

from aetk.cli.main import main

HUNG = -signal.SIGKILL
_PATIENCE = 30.0


@dataclass
class Tally:
    """What came of the tries so far.

    Attributes:
        ends: how often, by what is said in the table.
        wrong: a line each.
    """

    tried: int = 0
    ends: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def count(self, end: str) -> None:
        """Count a try that ended so."""
        self.tried += 1
        self.ends[end] = self.ends.get(end, 0) + 1

    @property
    def found(self) -> str:
        """The counts in words."""
        return ", ".join(f"{count} {end}" for end, count in self.ends.items())


@dataclass(frozen=True)
class Child:
    """A command under way; `log` holds what it says."""

    pid: int
    log: Path

    def wait(self) -> int:
        """Its exit code, -N where signal N ended it; `HUNG` where nothing had after a minute."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.001)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return HUNG

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")


def start(
    arguments: tuple[str, ...],
    folder: Path,
    log: Path,
    before: Callable[[], None] = lambda: None,
    save_every: float | None = None,
) -> Child:
    """Begin `aetk ARGUMENTS` in `folder`; `before` is done in the child first. Returns when the command begins."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _become(arguments, folder, log, before, save_every, writing)
        except SystemExit as end:
            os._exit(end.code if isinstance(end.code, int) else 0)
        except BaseException:  # noqa: BLE001 - nothing may get out of the child but its exit code
            traceback.print_exc()
        os._exit(70)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    return Child(pid, log)


def _become(
    arguments: tuple[str, ...],
    folder: Path,
    log: Path,
    before: Callable[[], None],
    save_every: float | None,
    ready: int,
) -> None:
    from aetk.lab.training import loop

    os.chdir(folder)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if save_every is not None:
        loop._SAVE_EVERY = save_every
    before()
    os.write(ready, b"!")
    os.close(ready)
    main(list(arguments))


def fresh(scenario: Scenario, work: Path) -> Path:
    """The folder that a command starts from, again."""
    shutil.rmtree(work, ignore_errors=True)
    return Path(shutil.copytree(scenario.base, work))


def misbehaved(said: str, code: int) -> list[str]:
    """What is wrong with the messages of a command that ended with a code other than 0."""
    faults = ["it hung"] if code == HUNG else []
    if "Traceback" in said:
        faults.append(f"a traceback: {said.strip().splitlines()[-1]}")
    messages = sum(line.startswith("aetk: ") for line in said.splitlines())
    if code in (1, 2, 3, 130, 143) and messages != 1:
        faults.append(f"{messages} messages: {said.strip()[:200]}")
    return faults


def left_wrong(scenario: Scenario, work: Path, *, changed: bool) -> list[str]:
    """What is wrong with the files on disk; with `changed`, the new ones may be there."""
    state = state_of(scenario, work)
    faults = [] if state in (("old", "new") if changed else ("old",)) else [f"left {state}"]
    return faults + [f"left {path.name}" for path in work.rglob("*.tmp")]


def next_run_wrong(scenario: Scenario, work: Path, log: Path) -> list[str]:
    """What is wrong when the command is given again, unharmed; a training goes on with what was saved."""
    return faults_of_next_run(scenario, work, state_of(scenario, work), log, resume=scenario.trains)


def report(tally: Tally, name: str, faults: list[str]) -> None:
    """Note the faults of a try."""
    tally.wrong += [f"{name}: {fault}" for fault in faults]
