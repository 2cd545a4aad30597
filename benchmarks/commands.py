"""How long do `aetk train` and `aetk export` take from their start to a first sign of life, and to their end?

Theory. A person who types a command waits for what it imports before it does anything: PyTorch, the least that both
need, and whatever comes with it. The training itself takes the same time however it is started.

How. In each round, one after the other and each in a process of its own: `python -c "import torch"`, `aetk train` on
the built-in table, `aetk export` of that run. Standard error is a terminal, whose first bytes are the first line. All
are shown as multiples of `import torch` in the same round, since machines differ and are busy; the first round is left
out, since it fills the file cache.

Limits. The file cache is warm: after a reboot all of it takes longer. Needs a terminal of Unix.
"""

import os
import pty
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aetk.render.format import seconds
from harness import Goal, Table, Timing, goals, keep, named, ratio, show

ROUNDS = 11
_AETK = (sys.executable, "-m", "aetk")
TORCH, TRAIN, EXPORT = "import torch", "aetk train", "aetk export"
COMMANDS = {
    TORCH: (sys.executable, "-c", "import torch"),
    TRAIN: (*_AETK, "train", "--out", "run"),
    EXPORT: (*_AETK, "export", "run", "--out", "model.onnx"),
}


@dataclass(frozen=True)
class Commands:
    """Seconds from the start of a process to its end, and to its first line; `rows` is 1 throughout."""

    to_end: tuple[Timing, ...]
    to_first_line: tuple[Timing, ...]


RESULT = Commands


def _run(command: Sequence[str], folder: Path) -> tuple[float | None, float]:
    """Seconds to the first bytes on the terminal, or None, and to the end."""
    ours, theirs = pty.openpty()
    start, first = time.perf_counter(), None
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        while _read(ours):
            first = first or time.perf_counter() - start
    end = time.perf_counter() - start
    os.close(ours)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return first, end


def _read(terminal: int) -> bytes:
    """More bytes; none once the program has ended, which Linux calls an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def measure() -> Commands:
    """Run the commands in turn."""
    firsts: dict[str, list[tuple[float, ...]]] = {name: [] for name in (TRAIN, EXPORT)}
    ends: dict[str, list[tuple[float, ...]]] = {name: [] for name in COMMANDS}
    for number in range(ROUNDS + 1):
        with tempfile.TemporaryDirectory() as folder:
            for name, command in COMMANDS.items():
                first, end = _run(command, Path(folder))
                if number:
                    ends[name].append((round(end, 3),))
                    if first is not None:
                        firsts[name].append((round(first, 3),))
        print(f"round {number} of {ROUNDS}: done", flush=True)
    return Commands(
        tuple(Timing(name, 1, tuple(rounds)) for name, rounds in ends.items()),
        tuple(Timing(name, 1, tuple(rounds)) for name, rounds in firsts.items()),
    )


def tables(result: Commands) -> Sequence[Table]:
    """The figures as tables."""
    ends, firsts = named(result.to_end), named(result.to_first_line)
    unit = ends[TORCH]
    head = ("", "median", "of import torch")
    rows = [
        [f"{name}, {to}", seconds(timing.seconds), str(ratio(timing, unit))]
        for to, timings in (("first line", firsts), ("end", ends))
        for name, timing in timings.items()
    ]
    wanted = [
        Goal("aetk train, first line", ratio(firsts[TRAIN], unit).median, 0.2, False),
        Goal("aetk train, end", ratio(ends[TRAIN], unit).median, 2.5, False),
        Goal("aetk export, end", ratio(ends[EXPORT], unit).median, 2.5, False),
    ]
    return Table("From the start of a process, medians", head, rows), goals(wanted)


def main() -> None:
    """Measure, show and keep."""
    result = measure()
    show(tables(result))
    keep("commands", result)


if __name__ == "__main__":
    main()
