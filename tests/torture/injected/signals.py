"""SIGTERM and SIGINT at random moments."""

import os
import random
import signal
import time
from pathlib import Path

from tests.crash.scenarios import Scenario

from ..outcome import Outcome
from .commands import Tally, fresh, left_wrong, misbehaved, next_run_wrong, report, start

WHAT = "SIGTERM and SIGINT at a random moment of train and score, then the same command again"
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def inject(scenarios: list[Scenario], times: int, work: Path) -> Outcome:
    """Stop each training, which has to save and to go on to the very same weights, and each scoring."""
    tally, chance = Tally(), random.Random(5)
    for scenario in [scenario for scenario in scenarios if scenario.command in ("train", "score")] * times:
        for number in _SIGNALS:
            folder, log = fresh(scenario, work / "files"), work / "log"
            child = start(scenario.arguments, folder, log, _born_listening, scenario.save_every)
            moment = chance.uniform(0, scenario.ended.seconds)
            time.sleep(moment)
            os.kill(child.pid, number)  # a child that has ended waits for its parent all the same
            code = child.wait()
            tally.count(f"ended with exit code {128 - code if code < 0 else code}")
            faults = [] if code in (128 + number, -number, 0) else [f"exit code {code}"]
            faults += misbehaved(child.said, code) + left_wrong(scenario, folder, changed=True)
            faults += next_run_wrong(scenario, folder, log)
            report(tally, f"{scenario.name}, {number.name} after {moment:.3f} s", faults)
    return Outcome("faults", WHAT, tally.tried, tally.found, tuple(tally.wrong))


def _born_listening() -> None:
    """Started in the background, a process is born ignoring SIGINT, and so are its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
