"""The commands that get killed: what is there before, and what may be there afterwards."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aetk import api
from aetk.contract import history, onnxfile
from aetk.edge.model import card_path, load
from aetk.lab import runs
from aetk.lab.export import graph
from aetk.lab.training.checkpoint import read_checkpoint

from .child import Ended, Moment, in_child, run_command, warm

TRAIN = ("train", "--epochs", "40", "--out", "R")
EXPORT = ("export", "R", "--onnx", "--out", "M.onnx")
THRESHOLD = ("threshold", "M.onnx", "--set", "0.5")
SCORE = ("score", "M.onnx", "rows.csv", "--threads", "2", "--out")
SCORED = ("scores.csv", "scores.parquet")
ROWS = 3000


@dataclass(frozen=True)
class Scenario:
    """A command, the folder it starts from, and the folder it ends with when nobody kills it.

    Attributes:
        share: of all kills, in parts of 100.
        base: the state before.
        reference: the state after.
        ended: how the unkilled command went.
        save_every: see `child.run_command`.
    """

    name: str
    share: int
    arguments: tuple[str, ...]
    base: Path
    reference: Path
    ended: Ended
    save_every: float | None = None

    @property
    def command(self) -> str:
        return self.arguments[0]

    @property
    def trains(self) -> bool:
        return self.command == "train"


def prepare(root: Path, quick: bool = False) -> list[Scenario]:
    """Make the folders to start from, run every command unkilled once, and import all that the commands import.

    Args:
        quick: take the picture of a training and the graph of an export from the first unkilled commands. Both are
            computed before the first file is opened that belongs to them, and take most of the time.
    """
    root.mkdir(parents=True)
    history.now = lambda: "2026-01-01T00:00:00Z"  # in later children: the same command makes the same bytes
    empty = root / "empty"
    empty.mkdir()
    log = root / "log"

    def folder_after(start: Path, name: str, *commands: tuple[str, ...]) -> Path:
        folder = Path(shutil.copytree(start, root / name))
        for arguments in commands:
            ended = run_command(arguments, folder, log, modules=root / "modules")
            if ended.code != 0:
                raise RuntimeError(f"aetk {' '.join(arguments)} ended with {ended.code}: {log.read_text()}")
            warm(root / "modules")
        return folder

    exported = folder_after(empty, "exported", TRAIN, (*EXPORT, "--explain"))
    again = folder_after(exported, "exported again", EXPORT)
    if quick:
        _stand_in(exported, again)
    _write_rows(exported / "rows.csv")
    scored = folder_after(exported, "scored", *((*SCORE, name, "--threshold", "0.1") for name in SCORED))
    stopped = Path(shutil.copytree(empty, root / "stopped"))
    twenty_saved = Moment(after=2 * 20 + 1, delay=0.0, hold=True)
    run_command(TRAIN, stopped, log, moment=twenty_saved, save_every=0.0)

    def scenario(
        name: str, share: int, arguments: tuple[str, ...], base: Path, save_every: float | None = None
    ) -> Scenario:
        reference = Path(shutil.copytree(base, root / f"after-{share}-{len(name)}-{arguments[0]}"))
        ended = run_command(arguments, reference, log, save_every=save_every)
        if ended.code != 0:
            raise RuntimeError(f"aetk {' '.join(arguments)} ended with {ended.code}: {log.read_text()}")
        return Scenario(name, share, arguments, base, reference, ended, save_every)

    return [
        scenario("train, fresh", 10, TRAIN, empty),
        scenario("train, saving after each step", 11, TRAIN, empty, save_every=0.0),
        scenario("train --resume, saving after each step", 11, (*TRAIN, "--resume"), stopped, save_every=0.0),
        scenario("export over another model", 21, EXPORT, exported),
        scenario("threshold --set", 25, THRESHOLD, exported),
        scenario("score into CSV", 13, (*SCORE, SCORED[0]), scored),
        scenario("score into Parquet", 9, (*SCORE, SCORED[1]), scored),
    ]


def _stand_in(explaining: Path, plain: Path) -> None:
    """Have later children take the picture and the graphs from here."""
    picture = (plain / "R" / "training.png").read_bytes()
    graphs = [onnxfile.with_card((folder / "M.onnx").read_bytes(), None) for folder in (plain, explaining)]
    api.draw_training = lambda _report: picture
    graph.to_onnx = lambda detector, _opset: graphs[detector.explain]


def _write_rows(path: Path) -> None:
    """A table to score, with the columns of the model beside it."""
    names = load(path.with_name("M.onnx")).card.feature_names
    rows = np.random.default_rng(7).normal(10, 8, (ROWS, len(names)))
    np.savetxt(path, rows, "%.4g", ",", header=",".join(names), comments="")


def state_of(scenario: Scenario, work: Path) -> str:
    """`old` or `new`, or what is wrong."""
    if scenario.command == "score":
        return _scores_state(scenario, work)
    return _run_state(work / "R") if scenario.trains else _model_state(scenario, work)


def _scores_state(scenario: Scenario, work: Path) -> str:
    before, after, found = (_scores(folder) for folder in (scenario.base, scenario.reference, work))
    if found == before:
        return "old"
    return "new" if found == after else "the scores are neither the old nor the new ones"


def _scores(folder: Path) -> tuple[bytes, ...]:
    return tuple((folder / name).read_bytes() for name in SCORED)


def _run_state(run: Path) -> str:
    def judge() -> str:
        if runs.is_finished(run):
            runs.read_run(run)
            runs.read_history(run)
            return "new"
        if (run / runs.CHECKPOINT).exists():
            read_checkpoint(run / runs.CHECKPOINT)
        return "old"

    return in_child(judge)


def _model_state(scenario: Scenario, work: Path) -> str:
    before, after = (_model_and_card(folder) for folder in (scenario.base, scenario.reference))
    model, card = _model_and_card(work)
    try:
        load(work / "M.onnx")
    except Exception as error:  # noqa: BLE001 - any failure is a finding
        return f"the model does not load: {error}"
    if model == before[0]:
        return "old" if card == before[1] else "the model is the old one, the copy of its card is not"
    if model == after[0]:
        return "new" if card in (before[1], after[1]) else "the copy of the card is neither the old nor the new one"
    return "the model is neither the old nor the new one"


def _model_and_card(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "M.onnx").read_bytes(), card_path(folder / "M.onnx").read_bytes()


def faults_of_next_run(scenario: Scenario, work: Path, state: str, log: Path, resume: bool) -> list[str]:
    """Run the command again, unharmed, and say what is not as if nothing had happened; empty if all is well.

    Only where something was saved is there anything to resume.
    """
    resume = resume and (work / "R" / runs.CHECKPOINT).exists()
    arguments = tuple(word for word in scenario.arguments if word != "--resume") + (("--resume",) if resume else ())
    before = _contents(work)
    ended = run_command(arguments, work, log)
    refused = scenario.trains and state == "new"  # a finished run is never overwritten
    faults = []
    if ended.code != (2 if refused else 0):
        faults.append(f"the next run ended with {ended.code}: {log.read_text().strip()}")
    before.pop(f"R/{runs.CHECKPOINT}", None)  # a kill after the last rename leaves it, and the next run removes it
    if refused and _contents(work) != before:
        faults.append("the refused next run changed the finished one")
    compare: Callable[[Path], object] = _RESULTS[scenario.command]
    if ended.code in (0, 2) and compare(work) != compare(scenario.reference):
        faults.append("after the next run the result is not that of the unkilled command")
    found, expected = set(_contents(work)), set(_contents(scenario.reference))
    if found - expected:
        faults.append(f"left behind after the next run: {', '.join(sorted(found - expected))}")
    if expected - found:
        faults.append(f"missing after the next run: {', '.join(sorted(expected - found))}")
    return faults


def _trained(folder: Path) -> tuple[bytes, ...]:
    return tuple((folder / "R" / name).read_bytes() for name in (runs.WEIGHTS, runs.ROWS, runs.HISTORY))


_RESULTS = {"train": _trained, "export": _model_and_card, "threshold": _model_and_card, "score": _scores}


def _contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
