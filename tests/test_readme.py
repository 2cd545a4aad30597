"""The README's commands and code run, and what it says of the commands is what they say of themselves."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aetk.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def shell(script, folder):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, creditcard):
    """A working folder with the tables that the README names, in which its shell blocks have run in order."""
    folder = tmp_path_factory.mktemp("readme")
    for name in ("train", "val", "test"):
        (folder / f"{name}.csv").write_bytes((creditcard / f"{name}.csv").read_bytes())
    script = "set -euo pipefail\n" + "\n".join(blocks("sh"))
    script = script.replace("aetk bench", "aetk bench --seconds 3")
    done = shell(script, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder / "screen.txt").write_text(done.stdout)
    return folder


@pytest.mark.slow
def test_the_shell_blocks_run_in_order_and_write_what_they_name(folder):
    assert (folder / "fraud.onnx").is_file()
    assert (folder / "fraud.png").is_file()
    assert len((folder / "test.scores.csv").read_text().splitlines()) == 1923


@pytest.mark.slow
def test_every_command_that_is_named_as_the_next_one_works_as_it_stands(folder):
    following = set(re.findall(r"^next:  (.*)$", (folder / "screen.txt").read_text(), re.MULTILINE))
    assert len(following) >= 5
    for line in sorted(following):
        command = line.replace("aetk bench", "aetk bench --seconds 1 --batch 1")
        done = shell(command, folder)
        assert done.returncode == 0, f"{line}: {done.stderr}"


@pytest.mark.slow
def test_the_python_blocks_run(folder):
    assert len(blocks("python")) >= 2
    for block in blocks("python"):
        done = subprocess.run([sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_every_command_is_described():
    for name in COMMANDS:
        assert f"`aetk {name}" in README, name


def test_nothing_is_said_of_another_version():
    from aetk.contract import spec

    assert spec.OLDEST_RUNTIMES[spec.OPSET] in README
    assert f"opset {spec.OPSET}" in README
    assert f"IR {spec.IR_VERSION}" in README
