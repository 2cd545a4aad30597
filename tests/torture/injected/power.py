"""Power loss: whatever is renamed was synced before, and its folder is synced after."""

import json
import os
from pathlib import Path

from tests.crash.scenarios import Scenario

from ..outcome import Outcome
from .commands import Tally, fresh, report, start

WHAT = "power loss, by the order of fsync and rename in train, export, threshold and score"


def inject(scenarios: list[Scenario], times: int, work: Path) -> Outcome:
    """Record what each command syncs and renames, and hold it against the rules."""
    tally, renames = Tally(), 0
    record = work / "record"
    for scenario in scenarios * times:
        folder = fresh(scenario, work / "files")
        record.unlink(missing_ok=True)
        child = start(scenario.arguments, folder, work / "log", lambda: _record(record), scenario.save_every)
        if child.wait() != 0:
            report(tally, scenario.name, [f"the command failed: {child.said.strip()}"])
        events = [json.loads(line) for line in record.read_text().splitlines()]
        renames += sum(event[0] == "rename" for event in events)
        tally.count("commands")
        report(tally, scenario.name, _out_of_order(events))
    found = f"{renames:,} renames, each after its file's sync and before its folder's"
    return Outcome("faults", WHAT, tally.tried, found, tuple(tally.wrong))


def _record(path: Path) -> None:
    """From now on, write a line to `path` for every sync and every rename."""
    fsync, replace = os.fsync, os.replace
    out = path.open("a", buffering=1)

    def watched_fsync(descriptor: int) -> None:
        fsync(descriptor)
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        out.write(json.dumps(["sync", name, os.fstat(descriptor).st_size]) + "\n")

    def watched_replace(source: Path, target: Path) -> None:
        size = Path(source).stat().st_size
        replace(source, target)
        out.write(json.dumps(["rename", os.path.realpath(source), size, os.path.realpath(target)]) + "\n")

    os.fsync, os.replace = watched_fsync, watched_replace


def _out_of_order(events: list[list]) -> list[str]:
    faults, synced, unsynced = [], {}, None
    for kind, name, size, *target in events:
        if kind == "sync":
            synced[name] = size
            unsynced = None if name == unsynced else unsynced
            continue
        if synced.get(name) != size:
            faults.append(f"{target[0]} was renamed before all of it was synced")
        if unsynced is not None:
            faults.append(f"{target[0]} was renamed before {unsynced} was synced after the last rename")
        unsynced = str(Path(target[0]).parent)
    if unsynced is not None:
        faults.append(f"{unsynced} was not synced after the last rename")
    return faults if any(event[0] == "rename" for event in events) else ["no file was renamed"]
