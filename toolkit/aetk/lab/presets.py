"""Defines the recipes that come with aetk, and changes them by a TOML file or by single settings."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import UnionType
from typing import Any, get_origin, get_type_hints

from aetk.base.errors import BadInput
from aetk.base.names import as_text
from aetk.lab.recipe import Recipe, read_recipe

_DEFAULT = Recipe(
    name="default",
    scaling="standard",
    kappa=3.0,
    networks=((80, 80, 80), (256,)),
    memory=512,
    weighting="error",
    compact=False,
    trim=0.0,
    learning_rate=2e-2,
    batch_rows=512,
    swap_noise=(0.2, 0.0),
    epochs=None,
    steps=500,
    schedule="one-cycle",
    evaluate_every=50,
    patience=10,
    select_on="training",
    selection_threshold=0.95,
    threshold=None,
)
_REFERENCE = Recipe(
    name="reference",
    scaling="none",
    kappa=0.0,
    networks=((64, 128, 64),),
    memory=0,
    weighting="none",
    compact=False,
    trim=0.0,
    learning_rate=1e-2,
    batch_rows=16384,
    swap_noise=(0.0,),
    epochs=400,
    steps=None,
    schedule="plateau",
    evaluate_every=None,
    patience=None,
    select_on="validation",
    selection_threshold=0.95,
    threshold="fixed:0.95",
)
_SMALL = replace(_DEFAULT, name="small", networks=((32,),), memory=32, swap_noise=(0.15,), compact=True)

RECIPES = {recipe.name: recipe for recipe in (_DEFAULT, _REFERENCE, _SMALL)}

_OPTIONAL = {key for key, kind in get_type_hints(Recipe).items() if get_origin(kind) is UnionType}


def find_recipe(named: str | Path | Recipe | None = None, settings: Mapping[str, Any] | None = None) -> Recipe:
    """Return a preset by its name, or a recipe from a TOML file, with changed settings.

    A file holds keys of `Recipe`, and `base`, the preset that supplies the other values.

    Args:
        named: a preset, the path of a TOML file, or None for `default`.
        settings: values by key; "none" means None. Setting `epochs` unsets `steps`, and the other way round.

    Raises:
        BadInput: the preset or file does not exist, or a value is not valid.
    """
    if isinstance(named, Recipe):
        return _changed(named, settings or {})
    text = "default" if named is None else str(named)
    if not text.endswith(".toml"):
        return _changed(_preset(text), settings or {})
    content = _read_toml(Path(text))
    base = _preset(str(content.pop("base", "default")))
    return _changed(_changed(replace(base, name=as_text(Path(text).stem)), content), settings or {})


def read_setting(text: str) -> tuple[str, Any]:
    """Parse `KEY=VALUE` from the command line; VALUE is TOML, and a word without quotes is text.

    Raises:
        BadInput: the text has no equals sign or no key.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise BadInput(f"--set {text!r} is not a setting; expected KEY=VALUE.")
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return key.strip(), value.strip()


def describe_changes(recipe: Recipe) -> str:
    """The recipe's name, and its differences from the preset of that name."""
    data, preset = recipe.to_data(), RECIPES.get(recipe.name)
    before = data if preset is None else preset.to_data()
    changed = [f"{key} {value}" for key, value in data.items() if before.get(key) != value]
    return ", ".join([recipe.name, *changed])


def _preset(name: str) -> Recipe:
    try:
        return RECIPES[name]
    except KeyError:
        raise BadInput(f"No recipe is called '{name}'.", f"Known: {', '.join(RECIPES)}, or a .toml file.") from None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", "Name a recipe, or a .toml file.") from None
    except (ValueError, RecursionError) as error:  # TOMLDecodeError, and numbers of 5,000 digits
        raise BadInput(
            f"{path} is not TOML: {error}.", "Write settings as KEY = VALUE, one a line, text in quotes."
        ) from None


def _plain(value: Any) -> Any:
    """Convert tuples to lists, as in JSON."""
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _changed(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    new = {key: None if key in _OPTIONAL and value == "none" else _plain(value) for key, value in settings.items()}
    if isinstance(new.get("swap_noise"), int | float):
        new["swap_noise"] = [new["swap_noise"]]
    for key, other in (("epochs", "steps"), ("steps", "epochs")):
        if new.get(key) is not None and other not in new:
            new[other] = None
    return read_recipe({**recipe.to_data(), **new})
