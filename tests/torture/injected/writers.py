"""Two commands at once that write into one folder."""

import random
from pathlib import Path

from tests.crash.scenarios import EXPORT, SCORE, SCORED, THRESHOLD, TRAIN, Scenario

from aetk.edge.model import load
from aetk.lab import runs

from ..outcome import Outcome
from .commands import Child, Tally, fresh, misbehaved, report, start

WHAT = "two commands at once that write into one folder"
_OTHER = (*THRESHOLD[:-1], "0.6")
_PAIRS = (
    ("train, fresh", TRAIN, TRAIN),
    ("train --resume, saving after each step", (*TRAIN, "--resume"), TRAIN),
    ("threshold --set", THRESHOLD, _OTHER),
    ("threshold --set", THRESHOLD, EXPORT),
    ("export over another model", EXPORT, (*EXPORT, "--explain")),
    ("score into CSV", (*SCORE, SCORED[0]), (*SCORE, SCORED[0], "--threshold", "0.2")),
)


def inject(scenarios: list[Scenario], times: int, work: Path) -> Outcome:
    """Start both commands of each pair within milliseconds of each other, in either order."""
    tally, chance = Tally(), random.Random(4)
    states = {scenario.name: scenario for scenario in scenarios}
    for name, *pair in _PAIRS * times:
        chance.shuffle(pair)
        folder = fresh(states[name], work / "files")
        children = [start(arguments, folder, work / f"log{i}") for i, arguments in enumerate(pair)]
        codes = [child.wait() for child in children]
        said = f"{pair[0][0]} beside {pair[1][0]}"
        faults = [fault for child, code in zip(children, codes, strict=True) for fault in misbehaved(child.said, code)]
        judge = _judge_runs if pair[0][0] == "train" else _judge_files
        report(tally, said, faults + judge(states[name], children, codes, folder, tally))
        report(tally, said, [f"left {path.name}" for path in folder.rglob("*.tmp")])
    return Outcome("faults", WHAT, tally.tried, tally.found, tuple(tally.wrong))


def _judge_runs(scenario: Scenario, children: list[Child], codes: list[int], folder: Path, tally: Tally) -> list[str]:
    tally.count("where one trained and the other was refused")
    if sorted(codes) != [0, 2]:
        return [f"exit codes {codes}: {' | '.join(child.said.strip() for child in children)}"]
    refusal = children[codes.index(2)].said
    faults = []
    if "is being written by another aetk" not in refusal and "already holds a finished run" not in refusal:
        faults.append(refusal.strip())
    runs.read_record(folder / "R")
    for file in (runs.WEIGHTS, runs.ROWS, runs.HISTORY):
        if (folder / "R" / file).read_bytes() != (scenario.reference / "R" / file).read_bytes():
            faults.append(f"{file} is not that of a training alone")
    return faults


def _judge_files(_scenario: Scenario, children: list[Child], codes: list[int], folder: Path, tally: Tally) -> list[str]:
    tally.count("where both were done, one after the other")
    if codes != [0, 0]:
        return [f"exit codes {codes}: {' | '.join(child.said.strip() for child in children)}"]
    loaded = load(folder / "M.onnx")
    return [] if loaded.card_copy == "current" else [f"the card's copy is {loaded.card_copy}"]
