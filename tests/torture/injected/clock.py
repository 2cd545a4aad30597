"""A clock that jumps, and files from the future."""

import os
import random
import time
from pathlib import Path

from tests.crash.scenarios import Scenario

from aetk.edge.model import newest_model
from aetk.lab import runs

from ..outcome import Outcome
from .commands import Tally, fresh, left_wrong, misbehaved, next_run_wrong, report, start

WHAT = "the clock set back and forth by years while a command runs, over files dated in the future"
_YEAR = 365 * 24 * 3600


def inject(scenarios: list[Scenario], times: int, work: Path) -> Outcome:
    """Run each command to its end, on files of which some are dated decades ahead and some in 1970."""
    tally, chance = Tally(), random.Random(7)
    for scenario in scenarios * times:
        folder, log = fresh(scenario, work / "files"), work / "log"
        for path in (folder, *folder.rglob("*")):
            date = chance.choice([0, time.time() + 30 * _YEAR])
            os.utime(path, (date, date))
        child = start(scenario.arguments, folder, log, _jump, scenario.save_every)
        code = child.wait()
        tally.count(f"ended with exit code {code}")
        faults = [] if code == 0 else [f"exit code {code}: {child.said.strip()}"]
        faults += misbehaved(child.said, code) + left_wrong(scenario, folder, changed=True)
        faults += next_run_wrong(scenario, folder, log) + _newest_wrong(folder)
        report(tally, scenario.name, faults)
    return Outcome("faults", WHAT, tally.tried, tally.found, tuple(tally.wrong))


def _jump() -> None:
    """From now on, every look at the clock finds another year."""
    chance, now = random.Random(8), time.time
    time.time = lambda: now() + chance.uniform(-30, 30) * _YEAR
    time.time_ns = lambda: int(1e9 * time.time())


def _newest_wrong(folder: Path) -> list[str]:
    """Whether the newest run and model are found, whatever their dates."""
    faults = []
    if (folder / "R" / runs.RECORD).exists() and runs.newest_finished(folder) != folder / "R":
        faults.append("the newest run was not found")
    if (folder / "M.onnx").exists() and newest_model(folder) != folder / "M.onnx":
        faults.append("the newest model was not found")
    return faults
