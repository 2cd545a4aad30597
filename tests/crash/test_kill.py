"""What is left after `kill -9`, from a small campaign of the harness; the large one is `python -m tests.crash`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from patience import PATIENCE

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the harness forks its children"),
]


@pytest.fixture(scope="module")
def campaign():
    """The harness in a process of its own: here torch may have started threads, which no forked child survives."""
    command = [sys.executable, "-m", "tests.crash", "--kills", "14", "--each-event", "--quick", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout.startswith("{"), done.stderr
    return json.loads(done.stdout)


@pytest.fixture(params=["random", "each_event"])
def kills(request, campaign):
    return campaign[request.param]


def test_files_are_the_old_ones_or_the_new_ones(kills):
    assert {kill["state"] for kill in kills} <= {"old", "new"}


def test_the_next_run_works_gives_the_unharmed_result_and_leaves_no_temporary_files(kills):
    assert [(kill["command"], kill["events"], kill["faults"]) for kill in kills if kill["faults"]] == []


def test_at_least_half_of_the_random_kills_fall_between_first_opening_and_last_renaming(campaign):
    kills = campaign["random"]
    assert 2 * sum(kill["in_window"] for kill in kills) >= len(kills) == 14


def test_a_kill_at_each_event_leaves_the_old_state_until_the_file_that_vouches_is_renamed(campaign):
    states = {}
    for kill in campaign["each_event"]:
        states.setdefault(kill["command"], []).append(kill["state"])
    # held before the call: a model is new once the card's renaming is next; a run only after run.json's, the last
    assert states["threshold --set"] == ["old"] * 3 + ["new"]
    assert states["train, fresh"] == ["old"] * 12
    assert states["score into CSV"] == ["old"] * 2
