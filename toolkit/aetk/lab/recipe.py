"""Recipes: everything that decides how a detector is trained, as data."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.contract.threshold import parse_method

_RECIPE = typed_json.Document("recipe", "Give another value with --set KEY=VALUE, or in the .toml file.")


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        name: on the command line.
        scaling: `standard` subtracts the mean and divides by the standard deviation; `robust` takes the median and the
            range of the middle half, as wide as a normal distribution's; `min-max` brings the rows to 0 to 1; `none`
            leaves values raw.
        kappa: the anchor κ of the cosine; 0 is the plain cosine.
        networks: widths of the hidden layers of each autoencoder.
        memory: prototypes of the training rows that reconstruct a row besides the autoencoders, at most; 0 for none.
        weighting: `error` measures each reconstruction of each feature in units of its ordinary error; `none` does not.
        compact: whether the model spares bytes rather than microseconds.
        trim: the share of the training rows, those that are isolated the soonest, that is left out; against anomalies
            among them that nobody labelled.
        learning_rate: of Adam; the peak of the one-cycle schedule.
        batch_rows: rows per step, at most.
        swap_noise: the share of cells that training replaces by another row's, for a network to put right: one share
            for each network, or one for all. Networks with little noise and with much of it err differently.
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
    scaling: Literal["standard", "robust", "min-max", "none"]
    kappa: float
    networks: tuple[tuple[int, ...], ...]
    memory: int
    weighting: Literal["error", "none"]
    compact: bool
    trim: float
    learning_rate: float
    batch_rows: int
    swap_noise: tuple[float, ...]
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

    @property
    def swap_noises(self) -> tuple[float, ...]:
        """The swap noise of each network."""
        return self.swap_noise if len(self.swap_noise) > 1 else self.swap_noise * len(self.networks)

    def to_data(self) -> dict[str, Any]:
        """The recipe as plain JSON."""
        networks = [list(hidden) for hidden in self.networks]
        return {**asdict(self), "networks": networks, "swap_noise": list(self.swap_noise)}


_RANGES: dict[str, tuple[float, float]] = {
    "kappa": (0, 1000),
    "memory": (0, 65_536),
    "trim": (0, 0.5),
    "learning_rate": (1e-8, 1),
    "batch_rows": (2, 2**24),
    "epochs": (1, 2**31),
    "steps": (1, 2**31),
    "evaluate_every": (1, 2**31),
    "patience": (1, 2**31),
    "selection_threshold": (-0.999, 1),
}
_WIDEST, _DEEPEST, _MOST = 4096, 16, 16


def read_recipe(data: dict[str, Any]) -> Recipe:
    """A recipe from plain JSON.

    Raises:
        BadInput: a key that no recipe has, one that is missing, or a value of the wrong kind or out of range.
    """
    recipe: Recipe = typed_json.read(Recipe, data, "recipe", _RECIPE)
    known = [field.name for field in fields(Recipe)]
    for key in data:
        if key not in known:
            raise BadInput(f"No recipe has a key '{key}'.", f"Known: {', '.join(known)}.")
    for key, (low, high) in _RANGES.items():
        value = getattr(recipe, key)
        if value is not None and not low <= value <= high:
            raise BadInput(f"The recipe's {key} is {value:g}; expected {low:g} to {high:g}.", _RECIPE.remedy)
    if (recipe.epochs is None) == (recipe.steps is None):
        raise BadInput("The recipe needs either epochs or steps, not both and not neither.", _RECIPE.remedy)
    if not 1 <= len(recipe.networks) <= _MOST:
        raise BadInput(f"The recipe has {len(recipe.networks)} networks; expected 1 to {_MOST}.", _RECIPE.remedy)
    for hidden in recipe.networks:
        if len(hidden) > _DEEPEST or not all(1 <= width <= _WIDEST for width in hidden):
            raise BadInput(
                f"The recipe's network {list(hidden)} is none; expected up to {_DEEPEST} widths of 1 to {_WIDEST}.",
                _RECIPE.remedy,
            )
    if len(recipe.swap_noise) not in (1, len(recipe.networks)) or not all(0 <= s <= 0.9 for s in recipe.swap_noise):
        raise BadInput(
            f"The recipe's swap_noise is {list(recipe.swap_noise)}; expected 0 to 0.9, once or for each of its "
            f"{len(recipe.networks)} networks.",
            _RECIPE.remedy,
        )
    if recipe.threshold is not None:
        parse_method(recipe.threshold)
    return recipe
