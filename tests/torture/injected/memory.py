"""Too little memory, by a limit on the address space.

The limit is set when modules are imported and NumPy's OpenBLAS has its buffers: without them it ends the process, and
nothing in the process can prevent that.
"""

import random
import re
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.crash.scenarios import Scenario

from ..outcome import Outcome
from .commands import Tally, fresh, left_wrong, misbehaved, next_run_wrong, report, start

WHAT = "too little memory at some moment of train, export, threshold, score and bench"
_LEAST, _MOST = 2**20, 2**27
"""Bytes left. With a few thousand, a thread of Python dies while it starts, and whoever started it waits for ever."""
_BENCH = ("bench", "M.onnx", "--seconds", "0.3", "--batch", "65536", "--provider", "cpu", "--out", "B")


def inject(scenarios: list[Scenario], times: int, work: Path) -> Outcome:
    """Leave each command less or more memory than it needs beyond what its modules take."""
    tally, chance = Tally(), random.Random(6)
    for _ in range(times):
        for scenario in scenarios:
            _squeeze(scenario, scenario.arguments, _room(chance), work, tally)
        exported = next(scenario for scenario in scenarios if scenario.command == "threshold")
        _squeeze(exported, _BENCH, _room(chance), work, tally)
    return Outcome("faults", WHAT, tally.tried, tally.found, tuple(tally.wrong))


def _room(chance: random.Random) -> int:
    return int(_LEAST + (_MOST - _LEAST) * chance.random() ** 2)


def _squeeze(scenario: Scenario, arguments: tuple[str, ...], room: int, work: Path, tally: Tally) -> None:
    folder, log = fresh(scenario, work / "files"), work / "log"
    child = start(arguments, folder, log, _leave(room), scenario.save_every)
    code = child.wait()
    natively = code == -signal.SIGABRT or any(words in child.said for words in _GIVING_UP)
    tally.count(
        "were ended by a native library, in its own words"
        if natively
        else _END.get(code, f"ended with exit code {code}")
    )
    name = f"{arguments[0]} with {room:,} bytes left"
    faults = []
    if not natively:
        faults += misbehaved(child.said, code) + left_wrong(scenario, folder, changed=code == 0)
        if code not in (0, 3) or (code == 3 and not re.search("memory|allocate", child.said)):
            faults.append(f"exit code {code}: {child.said.strip()[-300:]}")
    if arguments == scenario.arguments:
        faults += next_run_wrong(scenario, folder, log)
    report(tally, name, faults)


_GIVING_UP = ("thread-local data: ABORT", "OpenBLAS error: Memory allocation")
"""What the loader of libraries and OpenBLAS say before they end the process, which nothing in it can prevent."""
_END = {0: "had memory enough", 3: "said so and ended with exit code 3"}


def _leave(room: int) -> Callable[[], None]:
    def limit() -> None:
        square = np.ones((512, 512))
        _ = square @ square  # has NumPy's OpenBLAS take its buffers
        lines = Path("/proc/self/status").read_text().splitlines()
        size = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmSize:"))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (size + room, size + room))

    return limit
