"""Recipes as data: presets, TOML files, single settings, and what none of them may say."""

import json

import pytest

from aetk.base.errors import BadInput
from aetk.lab.presets import RECIPES, describe_changes, find_recipe, read_setting
from aetk.lab.recipe import read_recipe


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_recipe_survives_json(recipe):
    assert read_recipe(json.loads(json.dumps(recipe.to_data()))) == recipe


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("kappa=2", "kappa", 2),
        ("swap_noise=0.3", "swap_noise", 0.3),
        ("networks=[[8, 4], [16]]", "networks", [[8, 4], [16]]),
        ("scaling=min-max", "scaling", "min-max"),
        ('scaling="robust"', "scaling", "robust"),
        ("compact=true", "compact", True),
        ("threshold=conformal:0.01", "threshold", "conformal:0.01"),
    ],
)
def test_a_setting_is_read_as_toml_or_as_a_word(text, key, value):
    assert read_setting(text) == (key, value)


@pytest.mark.parametrize("text", ["kappa", "=2", ""])
def test_a_setting_needs_a_key_and_a_value(text):
    with pytest.raises(BadInput, match="KEY=VALUE"):
        read_setting(text)


def test_settings_change_a_preset_and_show():
    recipe = find_recipe("default", {"kappa": 2, "networks": ((8,),), "swap_noise": 0.3, "patience": "none"})
    assert (recipe.kappa, recipe.networks, recipe.swap_noises, recipe.patience) == (2.0, ((8,),), (0.3,), None)
    assert describe_changes(recipe) == "default, kappa 2.0, networks [[8]], swap_noise [0.3], patience None"
    assert describe_changes(find_recipe()) == "default"
    assert describe_changes(find_recipe("small", {"remember": "rows", "gaussian_noise": 1})) == (
        "small, remember rows, gaussian_noise 1.0"
    )


def test_keys_that_older_runs_lack_are_written_only_where_they_are_set():
    plain, noisy = find_recipe("default").to_data(), find_recipe("default", {"gaussian_noise": 0.5}).to_data()
    assert "gaussian_noise" not in plain
    assert "remember" not in plain
    assert noisy == plain | {"gaussian_noise": 0.5}
    assert read_recipe(plain) == find_recipe("default")
    assert read_recipe(noisy).gaussian_noise == 0.5


def test_one_swap_noise_serves_all_networks():
    assert find_recipe("default", {"swap_noise": [0.1]}).swap_noises == (0.1, 0.1)


@pytest.mark.parametrize(("setting", "expected"), [({"epochs": 3}, (3, None)), ({"steps": 7}, (None, 7))])
def test_epochs_take_the_place_of_steps_and_steps_of_epochs(setting, expected):
    for name in RECIPES:
        recipe = find_recipe(name, setting)
        assert (recipe.epochs, recipe.steps) == expected


def test_a_file_starts_from_its_base_and_is_named_after_itself(tmp_path):
    path = tmp_path / "wide.toml"
    path.write_text('base = "small"\nkappa = 1.5\nnetworks = [[64]]\n')
    recipe = find_recipe(path, {"memory": 0})
    assert (recipe.name, recipe.kappa, recipe.networks, recipe.memory) == ("wide", 1.5, ((64,),), 0)
    assert recipe.compact
    assert find_recipe(str(path)) == find_recipe(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kapa": 1}, "has a key 'kapa'"),
        ({"kappa": -1}, "kappa is -1; expected 0 to 1000"),
        ({"kappa": "high"}, "kappa is 'high'; expected a finite number"),
        ({"kappa": float("nan")}, "expected a finite number"),
        ({"scaling": "log"}, "scaling is 'log'; expected one of standard, robust, min-max, balanced, none"),
        ({"scaling": ["none"]}, "scaling is .*; expected one of"),
        ({"remember": "all"}, "remember is 'all'; expected one of clusters, rows"),
        ({"memory_kib": -1}, "memory_kib is -1; expected 0 to 1.04858e[+]06"),
        ({"temperature": 0}, "temperature is 0; expected 0.001 to 1000"),
        ({"gaussian_noise": -1}, "gaussian_noise is -1; expected 0 to 100"),
        ({"networks": []}, "0 networks; expected 1 to 16"),
        ({"networks": [[0]]}, r"network \[0\]"),
        ({"networks": [[5000]]}, r"network \[5000\]"),
        ({"networks": 64}, "networks is 64; expected a list"),
        ({"memory": -1}, "memory is -1"),
        ({"memory": 2.5}, "memory is 2.5; expected a whole number"),
        ({"swap_noise": [0.1, 0.1, 0.1]}, "swap_noise"),
        ({"swap_noise": 1}, "swap_noise"),
        ({"trim": 0.6}, "trim is 0.6; expected 0 to 0.5"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": 5, "epochs": 5}, "needs epochs or steps"),
        ({"threshold": "f2"}, "f2"),
    ],
)
def test_what_no_recipe_can_have_is_refused(settings, message):
    with pytest.raises(BadInput, match=message):
        find_recipe("default", settings)


@pytest.mark.parametrize("content", ["kappa = ", "\xff", 'base = "best"\n', "kapa = 1\n", "[kappa]\n"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path, content):
    path = tmp_path / "r.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(BadInput):
        find_recipe(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        find_recipe(tmp_path / "none.toml")


def test_a_number_of_five_thousand_digits_is_bad_input(tmp_path):
    path = tmp_path / "odd.toml"
    path.write_text(f"kappa = {'1' * 5000}\n")
    with pytest.raises(BadInput, match="is not TOML"):
        find_recipe(path)
    assert read_setting(f"kappa={'1' * 5000}") == ("kappa", "1" * 5000)
