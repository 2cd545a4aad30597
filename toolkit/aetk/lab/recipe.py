"""Recipes: everything that decides how a detector is trained, as data."""

from dataclasses import dataclass
from typing import Literal

from aetk.contract.errors import BadInput


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        name: on the command line.
        scaling: `standard` subtracts the mean and divides by the standard deviation; `none` leaves values raw.
        kappa: the anchor κ of the cosine; 0 is the plain cosine.
        hidden: widths of the hidden layers.
        learning_rate: of Adam; the peak of the one-cycle schedule.
        batch_rows: rows per step, at most.
        swap_noise: the share of cells that training replaces by another row's, for the network to put right.
        epochs: passes over the rows, or None where `steps` counts.
        steps: optimizer steps, or None where `epochs` counts.
        schedule: `plateau` halves the rate when the score stalls; `one-cycle` warms up and anneals.
        evaluate_every: steps between evaluations; None for one after each epoch.
        patience: evaluations without improvement before training stops; None for never.
        select_on: where the rows that choose the best weights come from. `training`: a tenth of the ordinary training
            rows, held back. `validation`: validation rows, by macro F1 at `selection_threshold` where their labels
            are not needed for the threshold, else by the negative L1 error of half of the ordinary ones.
        selection_threshold: the similarity that `validation` selection decides by.
        threshold: the default threshold method; None for best-f1 with labels and conformal without.
    """

    name: str
    scaling: Literal["standard", "none"]
    kappa: float
    hidden: tuple[int, ...]
    learning_rate: float
    batch_rows: int
    swap_noise: float
    epochs: int | None
    steps: int | None
    schedule: Literal["plateau", "one-cycle"]
    evaluate_every: int | None
    patience: int | None
    select_on: Literal["training", "validation"]
    selection_threshold: float
    threshold: str | None

    def total_steps(self, steps_per_epoch: int) -> int:
        """The length of training in optimizer steps."""
        if self.epochs is not None:
            return self.epochs * steps_per_epoch
        assert self.steps is not None  # a recipe names one of the two
        return self.steps


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="default",
            scaling="standard",
            kappa=2.0,
            hidden=(64, 128, 64),
            learning_rate=2e-2,
            batch_rows=512,
            swap_noise=0.1,
            epochs=None,
            steps=1000,
            schedule="one-cycle",
            evaluate_every=50,
            patience=10,
            select_on="training",
            selection_threshold=0.95,
            threshold=None,
        ),
        Recipe(
            name="reference",
            scaling="none",
            kappa=0.0,
            hidden=(64, 128, 64),
            learning_rate=1e-2,
            batch_rows=16384,
            swap_noise=0.0,
            epochs=400,
            steps=None,
            schedule="plateau",
            evaluate_every=None,
            patience=None,
            select_on="validation",
            selection_threshold=0.95,
            threshold="fixed:0.95",
        ),
    )
}


def find_recipe(name: str) -> Recipe:
    """The recipe of a name; BadInput for an unknown one."""
    try:
        return RECIPES[name]
    except KeyError:
        raise BadInput(f"No recipe is called '{name}'.", f"Known: {', '.join(RECIPES)}.") from None
