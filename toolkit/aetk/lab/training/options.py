"""The options of a run: those given, those of the run that is resumed, and the defaults."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aetk.base.errors import BadInput
from aetk.contract.card import MISSING_POLICIES
from aetk.lab import runs
from aetk.lab.presets import RECIPES
from aetk.lab.recipe import Recipe, read_recipe
from aetk.lab.training.checkpoint import Checkpoint, read_checkpoint

FRAME = "a data frame"
"""What stands for a data frame among the options of a run."""

DEFAULTS: dict[str, Any] = {
    "recipe": RECIPES["default"].to_data(),
    "device": "auto",
    "seed": 41,
    "missing": "reject",
    "drop": [],
}


def merge(given: dict[str, Any], saved: dict[str, Any] | None) -> dict[str, Any]:
    """The options in force: those given, then the interrupted run's, then the defaults."""
    if saved is None:
        return {key: DEFAULTS.get(key) if value is None else value for key, value in given.items()}
    for key, value in given.items():
        if key in ("data", "validation"):
            continue  # a file may have moved; its content is what counts, and the fingerprint tells
        if value is not None and value != saved[key]:
            raise BadInput(
                f"The interrupted run was started with {_difference(key, saved[key], value)}.",
                "Leave the option out to go on with that run, or leave --resume out to start another.",
            )
    return {key: saved[key] for key in given}


def _difference(key: str, saved: Any, given: Any) -> str:
    """What an option was and is; of a recipe, the first of its keys that differs."""
    if key == "recipe":
        inner = next(name for name in given if given[name] != saved.get(name))
        return _difference(f"the recipe's {inner}", saved.get(inner), given[inner])
    return f"{key} {saved!r}, not {given!r}"


def check_world(saved: dict[str, Any] | None, world: int | None) -> None:
    """BadInput where the interrupted run was one of another number of processes; `world` is None without torchrun.

    Which rows a process has, and so every batch, depends on how many there are.
    """
    if saved is None or saved.get("world") == world:
        return

    def words(count: int | None) -> str:
        return "without torchrun" if count is None else f"by torchrun with {count} process{'es' * (count > 1)}"

    raise BadInput(
        f"The interrupted run was started {words(saved.get('world'))}, this one {words(world)}.",
        "Go on with it in the same way, or leave --resume out to start another.",
    )


def find_folder(folder: Path | None) -> Path:
    """The folder of the run to go on with: the one named, else the newest interrupted; BadInput where there is none."""
    folder = folder or runs.newest_interrupted()
    if not folder.is_dir():
        raise BadInput(f"There is no interrupted run in {folder}.", "Start one with: aetk train")
    return folder


def read_saved(folder: Path) -> Checkpoint | None:
    """A run's checkpoint; None where it was stopped before the first."""
    path = folder / runs.CHECKPOINT
    return read_checkpoint(path) if path.exists() else None


def plan_recipe(request: dict[str, Any]) -> Recipe:
    """The recipe that the options ask for; BadInput for an option out of range."""
    recipe = read_recipe(request["recipe"])
    if request["missing"] not in MISSING_POLICIES:
        raise BadInput(
            f"'{request['missing']}' is no policy for missing values.", f"Known: {', '.join(MISSING_POLICIES)}."
        )
    if not 0 <= request["seed"] < 2**32:
        raise BadInput(f"--seed is {request['seed']}; expected 0 to {2**32 - 1}.")
    if request["epochs"] is None:
        return recipe
    if request["epochs"] < 1:
        raise BadInput(f"--epochs is {request['epochs']}; expected 1 or more.")
    return replace(recipe, epochs=request["epochs"], steps=None)


def resume_command(request: dict[str, Any], folder: Path, launcher: Sequence[str] = ("aetk",)) -> str:
    """What to type to go on with an interrupted run; `launcher` are the words that start aetk."""
    if FRAME in (request["data"], request["validation"]):
        return f"aetk.train(data, ..., resume=True, out={str(folder)!r})"
    named = [request["data"]] if request["data"] else []
    return shlex.join([*launcher, "train", *named, "--resume", "--out", str(folder)])
