"""The line on a terminal that says what a command is doing."""

import json
import os
import subprocess
import sys

import pytest

from aetk.cli.common import progress_line

pty, termios = (pytest.importorskip(name, reason="needs a terminal of Unix") for name in ("pty", "termios"))


@pytest.fixture
def on_terminal(tmp_path):
    """Runs a command whose standard error is a terminal; gives standard output and what the terminal received."""

    def call(*arguments, **environment):
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (24, 100))
        command = [sys.executable, "-m", "aetk", *map(str, arguments)]
        with subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, **environment}
        ) as process:
            os.close(theirs)
            received = b""
            while part := _read(ours):
                received += part
            out = process.stdout.read()
        os.close(ours)
        assert process.returncode == 0, received.decode()
        return out.decode(), received.decode()

    return call


def _read(terminal):
    """More of what a terminal received; nothing once the program has ended, which Linux calls an error."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def stages(received):
    """The lines that took each other's place."""
    return [line.split("\r")[0].rstrip() for line in received.split("\r\x1b[K")[1:]]


def test_train_shows_its_stages_and_removes_the_last(on_terminal):
    out, received = on_terminal("train", "--epochs", "2", "--device", "cpu", "--out", "R", "--json")
    shown = stages(received)
    assert shown == [
        "starting",
        "reading the table",
        "loading PyTorch",
        "training",
        "clustering the memory",
        "calibrating the threshold",
        "writing the run",
        "",
    ]
    assert json.loads(out)["run"] == "R"
    assert "training:" in received  # tqdm's bar comes after the stage of its name


def test_export_shows_its_stages_and_how_much_of_parity_is_checked(on_terminal, breast_cancer_run):
    out, received = on_terminal("export", breast_cancer_run.run, "--out", "M.onnx", "--json")
    assert stages(received) == [
        "starting",
        "loading PyTorch and the run",
        "exporting",
        "making golden rows",
        "choosing rows to check parity on",
        *(f"checking parity, {number} of 5" for number in range(1, 6)),
        "writing",
        "",
    ]
    assert json.loads(out)["model"] == "M.onnx"


def test_evaluate_shows_its_stages(on_terminal, breast_cancer_run, model, whole_table):
    run, data = breast_cancer_run.run, whole_table
    _, received = on_terminal("evaluate", model, run, data, "--label", "malignant", "--plot", "p.png", COLUMNS="500")
    assert stages(received) == [
        "starting",
        f"reading {model}",
        f"reading {data}",
        f"measuring {model}, 1 of 2",
        f"reading {run}",
        f"measuring {run}, 2 of 2",
        "drawing the picture",
        "",
    ]


def test_the_other_processes_of_torchrun_show_nothing(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for name, value in {
        "RANK": "1",
        "WORLD_SIZE": "2",
        "LOCAL_RANK": "1",
        "MASTER_ADDR": "h",
        "MASTER_PORT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with progress_line() as show:
        show("reading")
    assert capsys.readouterr().err == ""


def test_the_line_is_removed_when_the_command_fails(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    def fail():
        with progress_line() as show:
            show("reading")
            raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        fail()
    assert capsys.readouterr().err == "\r\x1b[Kreading\r\x1b[K"


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_where_standard_error_is_no_terminal_nothing_is_shown(aetk, breast_cancer_run, options):
    result = aetk("export", breast_cancer_run.run, "--out", "M.onnx", *options)
    assert (result.code, result.err) == (0, "")
