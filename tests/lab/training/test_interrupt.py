"""Real signals to a real `aetk train`, and the command that it prints to go on."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from patience import PATIENCE, wait_until

from aetk.cli.main import run
from aetk.lab.training.checkpoint import read_checkpoint

from . import held
from .fitting import one_thread

DATA = Path(__file__).resolve().parents[3] / "../shared/data/creditcard/train.csv"
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture
def rows(tmp_path):
    """Some thousand rows in `some rows.csv`, whose name needs quotes in a shell."""
    path = tmp_path / "some rows.csv"
    if DATA.is_file():
        path.symlink_to(DATA)
    else:
        values = np.random.default_rng(5).normal(size=(7000, 30))
        pd.DataFrame(values, columns=[f"V{i}" for i in range(30)]).to_csv(path, index=False)
    return path


def train(folder, *options):
    """Start the command line, whose fit stands still after some steps."""
    return subprocess.Popen(
        [sys.executable, held.__file__, "train", "some rows.csv", *options],
        cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def interrupt(process, folder, number):
    """Send a signal when some steps are done; returns what the process said."""
    wait_until(lambda: process.poll() is not None or (folder / "held-0").exists())
    assert process.poll() is None, process.stderr.read()
    process.send_signal(number)
    return process.communicate(timeout=PATIENCE)[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "recipe", "epochs"),
    [(signal.SIGINT, 130, "default", "100"), (signal.SIGTERM, 143, "reference", "60")],
    ids=["ctrl-c, one-cycle", "sigterm, plateau"],
)
def test_a_signal_saves_and_the_printed_command_ends_in_the_weights_of_an_uninterrupted_run(
    tmp_path, rows, monkeypatch, number, code, recipe, epochs
):
    options = ["--recipe", recipe, "--epochs", epochs, "--device", "cpu"]
    stopping = train(tmp_path, *options, "--out", "my run")
    said = interrupt(stopping, tmp_path, number)
    assert stopping.returncode == code, said
    stopped = re.search(r"Stopped after step (\d+) of (\d+); everything so far is saved\.", said)
    assert read_checkpoint(tmp_path / "my run/checkpoint.safetensors").progress.step == int(stopped[1])
    assert 0 < int(stopped[1]) < int(stopped[2])

    command = re.search(r"Go on with: (.+)", said)[1]
    subprocess.run(command, shell=True, cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True)
    monkeypatch.chdir(tmp_path)
    with one_thread():
        assert run(["train", "some rows.csv", *options, "--out", "whole"]) == 0
    for file in ("model.safetensors", "calibration.safetensors", "history.json"):
        assert (tmp_path / "my run" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file
