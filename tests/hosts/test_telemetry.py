"""No usage data are sent from a device, and no identifier for it is kept; where they would be, these tests see it."""

import csv
import os
import sys

import numpy as np
import pytest

from aetk.base.telemetry import is_yes
from aetk.edge.scoring.scorer import Scorer

from .conftest import COMMANDS, ROOT, App

MODEL = ROOT / "exports/reference/breast-cancer.onnx"
ON = {"ORT_DISABLE_TELEMETRY": "0"}
"""Telemetry is left on, as a person may choose."""


@pytest.fixture(params=["aetk", *COMMANDS])
def program(request):
    """The commands by which the toolkit and each app prove a device, and score a table of MODEL's columns."""
    if request.param == "aetk":
        aetk = [sys.executable, "-m", "aetk"]
        return lambda verb, *table: [*aetk, {"selftest": "verify"}.get(verb, verb), MODEL, *table]
    folder, done = request.getfixturevalue("build")(request.param)
    assert done.returncode == 0, done.stdout + done.stderr
    app = App(request.param, folder / "app")
    return lambda verb, *table: app.command(verb, *table, "--model", MODEL)


@pytest.fixture
def table(tmp_path):
    """Ten rows for MODEL."""
    scorer = Scorer(MODEL)
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(scorer.feature_names)
        writer.writerows(np.ones((10, len(scorer.feature_names))).tolist())
    return tmp_path / "table.csv"


def test_proving_and_scoring_open_no_socket_and_keep_no_identifier(program, traced, table):
    for command in (program("selftest"), program("score", table)):
        run = traced(*command)
        run.end()
        assert run.has_loaded_runtime()
        assert (run.sockets(), run.files()) == ([], [])


def test_a_person_may_leave_telemetry_on_and_then_the_identifier_is_seen(program, traced):
    run = traced(*program("selftest"), **ON)
    run.end()
    assert "deviceid" in run.files()


@pytest.mark.parametrize("value", ["1", "TRUE", " yes", "on", "0", "", "2", "no"])
def test_what_doctor_takes_for_a_yes_is_what_the_runtime_takes_for_one(traced, value):
    run = traced(sys.executable, "-c", "import onnxruntime", ORT_DISABLE_TELEMETRY=value)
    run.end()
    assert ("deviceid" not in run.files()) == is_yes(value)


def test_no_socket_is_opened_by_the_time_at_which_telemetry_opens_one(program, traced, table, tmp_path):
    """The uploader waits some seconds, so each program is kept waiting for rows until one that sends has begun to."""
    os.mkfifo(tmp_path / "rows.csv")
    rows = os.open(tmp_path / "rows.csv", os.O_RDWR)
    os.write(rows, table.read_bytes())
    silent = traced(*program("score", tmp_path / "rows.csv"))
    silent.wait_until(silent.has_loaded_runtime)
    sending = traced(sys.executable, "-c", "import onnxruntime, sys; sys.stdin.read()", **ON)
    sending.wait_until(sending.sockets)
    os.close(rows)
    silent.end()
    assert (silent.sockets(), silent.files()) == ([], [])
