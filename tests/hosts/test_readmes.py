"""Each README, followed word by word in an empty folder that holds a model and a table, ends with a proven app."""

import re

import pytest

from .conftest import COMMANDS, ROOT, TOOLS, readme_commands

A_SCREEN = 50


@pytest.mark.parametrize("host", list(COMMANDS))
def test_the_readme_ends_with_a_proven_app_and_a_scored_table(build, host):
    folder, done = build(host)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^passed: \d+ golden rows, 0 decisions", done.stdout, re.MULTILINE)
    assert len((folder / "app" / "table.scores.csv").read_text(encoding="utf-8").splitlines()) == 1923


@pytest.mark.parametrize("host", list(TOOLS))
def test_a_readme_begins_with_the_command_that_writes_the_app_and_fits_a_screen(host):
    assert readme_commands(host)[0] == f"aetk embed {host} fraud.onnx --out app"
    assert len((ROOT / "exports/hosts" / host / "README.md").read_text(encoding="utf-8").splitlines()) <= A_SCREEN
