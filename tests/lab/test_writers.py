"""Two runs of the command line that write into one folder at once: a message, never a mix."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import PATIENCE, wait_until

from aetk.base import locks
from aetk.base.locks import locked
from aetk.cli.main import run
from aetk.edge.model import card_path, load
from aetk.lab import runs

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "toolkit"), "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.skipif(locks.fcntl is None, reason="no locks without fcntl")


PATIENT = f"""
from aetk.base import locks
locks.FOLDER_WAIT = {PATIENCE}
from aetk.cli.main import main
main()
"""


def aetk(folder, *arguments):
    """Start the command line, which waits for a folder as long as it takes."""
    command = [sys.executable, "-c", PATIENT, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("more", [(), ("--resume",)])
def test_a_run_folder_that_is_being_written_is_refused_and_nothing_in_it_changes(tmp_path, monkeypatch, capsys, more):
    monkeypatch.chdir(tmp_path)
    Path("R").mkdir()
    with locked(Path("R"), 0):
        Path("R", runs.CHECKPOINT).write_bytes(b"the other's")
        before = contents(tmp_path)
        assert run(["train", "--epochs", "2", "--out", "R", *more]) == 2
        assert contents(tmp_path) == before
    said = capsys.readouterr().err
    assert said == ("aetk: R is being written by another aetk.\n  Wait for it, or name another folder with --out.\n")


@pytest.mark.slow
def test_of_two_trainings_into_one_new_folder_one_ends_well_and_the_other_is_refused(tmp_path):
    both = [aetk(tmp_path, "train", "--epochs", "40", "--seed", seed, "--out", "R") for seed in (1, 2)]
    said = [process.communicate(timeout=PATIENCE)[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 2]
    loser = said[[process.returncode for process in both].index(2)]
    assert "R is being written by another aetk." in loser or "R already holds a finished run." in loser
    runs.read_run(tmp_path / "R")
    assert both[runs.read_record(tmp_path / "R")["seed"] - 1].returncode == 0


@pytest.mark.slow
def test_twenty_thresholds_set_at_once_leave_a_whole_model_with_its_own_card(model_copy):
    processes = [aetk(model_copy.parent, "threshold", model_copy.name, "--set", f"0.{50 + i}") for i in range(20)]
    said = [process.communicate(timeout=PATIENCE)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 20, said
    loaded = load(model_copy)
    assert loaded.card_copy == "current"
    assert loaded.graph.threshold in [pytest.approx(0.5 + i / 100) for i in range(20)]
    assert {path.name for path in model_copy.parent.iterdir()} == {model_copy.name, card_path(model_copy).name}


def has_open(process, folder):
    """Whether the process holds a descriptor of the folder, as one does that has tried to lock it."""
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if descriptor.samefile(folder):
                return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the descriptor in /proc")
@pytest.mark.parametrize(
    "arguments",
    [
        ("threshold", "M.onnx", "--set", "0.5"),
        pytest.param(("export", "R", "--onnx", "--out", "M.onnx"), marks=pytest.mark.slow),
    ],
)
def test_a_models_folder_is_waited_for(model_copy, breast_cancer_run, arguments):
    folder = model_copy.parent
    (folder / "M.onnx").write_bytes(model_copy.read_bytes())
    (folder / "R").symlink_to(breast_cancer_run.run)
    before = (folder / "M.onnx").read_bytes()
    with locked(folder, 0):
        process = aetk(folder, *arguments)
        wait_until(lambda: process.poll() is not None or has_open(process, folder))
        time.sleep(0.5)  # several tries
        assert process.poll() is None
        assert (folder / "M.onnx").read_bytes() == before
    assert process.wait(timeout=PATIENCE) == 0
    assert load(folder / "M.onnx").card_copy == "current"


def test_a_models_folder_that_stays_held_is_refused_and_nothing_changes(model_copy, monkeypatch, capsys):
    from aetk.edge import destination

    monkeypatch.setattr(destination, "FOLDER_WAIT", 0.1)
    before = contents(model_copy.parent)
    with locked(model_copy.parent, 0):
        assert run(["threshold", str(model_copy), "--set", "0.5"]) == 2
    assert contents(model_copy.parent) == before
    assert f"{model_copy.parent} is being written by another aetk.\n  Try again" in capsys.readouterr().err
