"""Kills the commands that write with SIGKILL at random moments, and checks what is left; see `tests.crash`."""

import random
from pathlib import Path

from tests.crash.harness import Kill, kill_all
from tests.crash.scenarios import prepare

from .outcome import Outcome

KILLS = 1000
_SEED = 41
_COMMANDS = ("train", "export", "threshold", "score")


def run(share: float, work: Path) -> list[Outcome]:
    """Each kill is followed by the same command, unharmed, whose result has to be that of an unkilled one."""
    scenarios = prepare(work / "states", quick=True)
    kills = kill_all(scenarios, max(1, round(share * KILLS)), random.Random(_SEED), work / "work")
    what = "`kill -9` at a random moment of train, export, threshold and score, then the same command again"
    return [Outcome("faults", what, len(kills), _figures(kills), (*_unsound(kills), *_too_few(kills)))]


def _figures(kills: list[Kill]) -> str:
    commands = ", ".join(f"{name} {sum(kill.command.startswith(name) for kill in kills)}" for name in _COMMANDS)
    old, new = (sum(kill.state == state for kill in kills) for state in ("old", "new"))
    return f"{_inside(kills)} inside the write window; {commands}; {old} left the old files, {new} the new ones"


def _inside(kills: list[Kill]) -> int:
    return sum(kill.in_window for kill in kills)


def _unsound(kills: list[Kill]) -> list[str]:
    return [
        f"{kill.command}, killed after {kill.seconds:.3f} s: {'; '.join(kill.faults or (kill.state,))}"
        for kill in kills
        if not kill.sound
    ]


def _too_few(kills: list[Kill]) -> list[str]:
    inside = _inside(kills)
    return [] if 2 * inside >= len(kills) else [f"only {inside} of {len(kills)} kills fell inside the write window"]
