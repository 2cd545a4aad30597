"""The recipes."""

import pytest
import torch
from torch import nn

from aetk.base.errors import BadInput
from aetk.lab.model.autoencoders import autoencoder
from aetk.lab.presets import RECIPES, find_recipe


def test_the_reference_recipe_is_the_notebooks():
    recipe = find_recipe("reference")
    assert recipe.scaling == "none"
    assert recipe.kappa == 0
    assert recipe.networks == ((64, 128, 64),)
    assert (recipe.learning_rate, recipe.batch_rows, recipe.epochs) == (1e-2, 16384, 400)
    assert (recipe.schedule, recipe.patience, recipe.evaluate_every) == ("plateau", None, None)
    assert (recipe.select_on, recipe.selection_threshold, recipe.threshold) == ("validation", 0.95, "fixed:0.95")


def test_the_reference_network_is_the_notebooks():
    expected = nn.Sequential(
        nn.Linear(30, 64), nn.BatchNorm1d(64), nn.LeakyReLU(),
        nn.Linear(64, 128), nn.BatchNorm1d(128), nn.LeakyReLU(),
        nn.Linear(128, 64), nn.BatchNorm1d(64), nn.LeakyReLU(),
        nn.Linear(64, 30),
    )  # fmt: skip
    assert str(autoencoder(30, *find_recipe("reference").networks)) == str(expected)


def test_the_same_seed_gives_the_same_initial_weights():
    def state():
        torch.manual_seed(41)
        return autoencoder(30, (64, 128, 64)).state_dict()

    assert all(torch.equal(one, other) for one, other in zip(state().values(), state().values(), strict=True))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_recipe_lasts_either_epochs_or_steps(recipe):
    assert (recipe.epochs is None) != (recipe.steps is None)
    assert find_recipe(recipe.name) == recipe


def test_an_unknown_recipe_is_refused_with_those_that_exist():
    with pytest.raises(BadInput, match="'best'") as error:
        find_recipe("best")
    assert "default, reference, small" in error.value.hint


@pytest.mark.parametrize(
    ("memory", "kib", "columns", "expected"),
    [(512, 0, 30, 512), (2048, 128, 30, 1057), (2048, 128, 3, 2048), (2048, 128, 1555, 1024), (100, 128, 30, 100)],
)
def test_prototypes_are_as_many_as_fit_into_the_memorys_bytes_and_not_fewer_than_1024(memory, kib, columns, expected):
    recipe = find_recipe("default", {"memory": memory, "memory_kib": kib})
    assert recipe.prototypes(columns) == expected
