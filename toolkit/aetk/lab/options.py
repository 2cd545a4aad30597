"""The options of a run: those given, those of the run that is resumed, and the defaults."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

from aetk.contract.card import MISSING_POLICIES
from aetk.contract.errors import BadInput
from aetk.lab import runs
from aetk.lab.checkpoint import Checkpoint, read_checkpoint
from aetk.lab.recipe import Recipe, find_recipe

DEFAULTS: dict[str, Any] = {"recipe": "default", "device": "auto", "seed": 41, "missing": "reject", "drop": []}


def merge(given: dict[str, Any], saved: dict[str, Any] | None) -> dict[str, Any]:
    """The options in force: those given, then the interrupted run's, then the defaults."""
    if saved is None:
        return {key: DEFAULTS.get(key) if value is None else value for key, value in given.items()}
    for key, value in given.items():
        if value is not None and value != saved[key]:
            raise BadInput(
                f"The interrupted run was started with {key} {saved[key]!r}, not {value!r}.",
                "Leave the option out to go on with that run, or leave --resume out to start another.",
            )
    return {key: saved[key] for key in given}


def find_checkpoint(folder: Path | None) -> tuple[Path | None, Checkpoint | None]:
    """The folder to go on in and its checkpoint; no checkpoint where the run was stopped before the first."""
    if folder is None:
        folder = runs.newest(runs.RUNS, runs.CHECKPOINT)
        if folder is None:
            raise BadInput(f"There is no interrupted run under {runs.RUNS}/.", "Start one with: aetk train")
    path = folder / runs.CHECKPOINT
    return folder, read_checkpoint(path) if path.exists() else None


def plan_recipe(request: dict[str, Any]) -> Recipe:
    """The recipe that the options ask for; BadInput for an option out of range."""
    plan = find_recipe(request["recipe"])
    if request["missing"] not in MISSING_POLICIES:
        raise BadInput(
            f"'{request['missing']}' is no policy for missing values.", f"Known: {', '.join(MISSING_POLICIES)}."
        )
    if not 0 <= request["seed"] < 2**32:
        raise BadInput(f"--seed is {request['seed']}; expected 0 to {2**32 - 1}.")
    if request["epochs"] is None:
        return plan
    if request["epochs"] < 1:
        raise BadInput(f"--epochs is {request['epochs']}; expected 1 or more.")
    return replace(plan, epochs=request["epochs"], steps=None)


def resume_command(request: dict[str, Any], folder: Path) -> str:
    """What to type to go on with an interrupted run."""
    return shlex.join(
        ["aetk", "train", *([request["data"]] if request["data"] else []), "--resume", "--out", str(folder)]
    )
