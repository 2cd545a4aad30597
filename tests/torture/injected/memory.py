"""Too little memory, by a limit on the address space."""

import random
import resource
from collections.abc import Callable
from pathlib import Path

from tests.crash.scenarios import Scenario

from ..outcome import Outcome
from .commands import HUNG, Tally, fresh, left_wrong, misbehaved, next_run_wrong, report, start

WHAT = "too little memory at some moment of train, export, threshold, score and bench"
_MOST = 2**27
_BENCH = ("bench", "M.onnx", "--seconds", "0.3", "--batch", "65536", "--provider", "cpu", "--out", "B")


def inject(scenarios: list[Scenario], times: int, work: Path) -> Outcome:
    """Leave each command less or more memory than it needs beyond what its modules take."""
    tally, chance = Tally(), random.Random(6)
    for _ in range(times):
        for scenario in scenarios:
            _squeeze(scenario, scenario.arguments, int(_MOST * chance.random() ** 2), work, tally)
        exported = next(scenario for scenario in scenarios if scenario.command == "threshold")
        _squeeze(exported, _BENCH, int(_MOST * chance.random() ** 2), work, tally)
    return Outcome("faults", WHAT, tally.tried, tally.found, tuple(tally.wrong))


def _squeeze(scenario: Scenario, arguments: tuple[str, ...], room: int, work: Path, tally: Tally) -> None:
    folder, log = fresh(scenario, work / "files"), work / "log"
    child = start(arguments, folder, log, _leave(room), scenario.save_every)
    code = child.wait()
    natively = HUNG < code < 0 or (code == 127 and "thread-local data" in child.said)
    tally.count("were ended by the C library" if natively else _END.get(code, f"ended with exit code {code}"))
    name = f"{arguments[0]} with {room:,} bytes left"
    faults = left_wrong(scenario, folder, changed=code == 0) if not natively else []
    if not natively:
        faults += misbehaved(child.said, code)
        if code not in (0, 3) or (code == 3 and "memory" not in child.said):
            faults.append(f"exit code {code}: {child.said.strip()[-300:]}")
    if arguments == scenario.arguments:
        faults += next_run_wrong(scenario, folder, log)
    report(tally, name, faults)


_END = {0: "had memory enough", 3: "said so and ended with exit code 3"}


def _leave(room: int) -> Callable[[], None]:
    def limit() -> None:
        lines = Path("/proc/self/status").read_text().splitlines()
        size = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmSize:"))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (size + room, size + room))

    return limit
