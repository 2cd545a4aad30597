"""Recipes: all settings that decide how a detector is trained, as data."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.contract.threshold import parse_method

_RECIPE = typed_json.Document("recipe", "Give another value with --set KEY=VALUE, or in the .toml file.")

_FEWEST_PROTOTYPES = 1024


@dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    Attributes:
        name: the recipe's name on the command line.
        scaling: `standard` subtracts the mean and divides by the standard deviation; `robust` uses the median and the
            interquartile range, divided by 1.349 as for a normal distribution; `min-max` scales to 0 to 1; `balanced`
            uses the geometric mean of `robust`'s width and the range, so that neither a few extreme values nor a
            narrow middle decides alone what a column counts; `none` does not scale.
        kappa: the anchor κ of the cosine; 0 is the plain cosine.
        networks: the widths of the hidden layers of each autoencoder.
        memory: the largest number of prototypes of training rows, which reconstruct rows in addition to the
            autoencoders; 0 for no memory.
        weighting: `error` measures each reconstruction of each feature in units of its ordinary error; `part` measures
            each reconstruction as a whole in such units, with all its features alike, and lets the autoencoders
            together count less than the memory; `none` does neither.
        compact: whether the model is made smaller, at the cost of speed.
        trim: the share of the training rows to leave out as possible unlabelled anomalies: those that an isolation
            forest isolates the soonest.
        learning_rate: the learning rate of Adam; the peak of the one-cycle schedule.
        batch_rows: the largest number of rows per step.
        swap_noise: the share of cells that training replaces by the same cell of another row, for the network to
            correct: one share for each network, or one for all. Networks with different noise make different errors.
        epochs: the number of passes over the rows, or None if `steps` is set.
        steps: the number of optimizer steps, or None if `epochs` is set.
        schedule: `plateau` halves the rate when the score stalls; `one-cycle` warms up and anneals.
        evaluate_every: the number of steps between evaluations; None for one evaluation after each epoch.
        patience: the number of evaluations without improvement after which training stops; None to never stop early.
        select_on: the source of the rows that select the best weights. `training`: a tenth of the ordinary training
            rows, set aside. `validation`: validation rows, by macro F1 at `selection_threshold` if their labels are
            not needed for the threshold, else by the negative L1 error of half of the ordinary ones.
        selection_threshold: the similarity threshold for `validation` selection.
        threshold: the default threshold method; None for best-f1 with labels and conformal without labels.
        remember: what the memory holds. `clusters`: the centers of clusters of the rows, at most half as many as there
            are rows. `rows`: the rows themselves if they are no more than may be prototypes, else centers of clusters.
        memory_kib: how many KiB the prototypes may take, but 1,024 prototypes however many columns they have; 0 for no
            limit but `memory`.
        temperature: the factor of the memory's temperature; with a lower one, fewer prototypes determine a
            reconstruction.
        gaussian_noise: the largest standard deviation of the Gaussian noise that training adds to each cell for the
            network to remove, in units of the column's; each row has its own level. 0 for none.
    """

    name: str
    scaling: Literal["standard", "robust", "min-max", "balanced", "none"]
    kappa: float
    networks: tuple[tuple[int, ...], ...]
    memory: int
    weighting: Literal["error", "part", "none"]
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
    remember: Literal["clusters", "rows"] = field(default="clusters", metadata=typed_json.OPTIONAL)
    memory_kib: int = field(default=0, metadata=typed_json.OPTIONAL)
    temperature: float = field(default=1.0, metadata=typed_json.OPTIONAL)
    gaussian_noise: float = field(default=0.0, metadata=typed_json.OPTIONAL)

    def total_steps(self, steps_per_epoch: int) -> int:
        """The number of optimizer steps of the training."""
        if self.epochs is not None:
            return self.epochs * steps_per_epoch
        assert self.steps is not None  # a recipe sets one of the two
        return self.steps

    @property
    def swap_noises(self) -> tuple[float, ...]:
        """The swap noise of each network."""
        return self.swap_noise if len(self.swap_noise) > 1 else self.swap_noise * len(self.networks)

    def prototypes(self, n_features: int) -> int:
        """The largest number of prototypes for rows with so many features."""
        if not self.memory_kib:
            return self.memory
        fitting = self.memory_kib * 1024 // (4 * (n_features + 1))
        return min(self.memory, max(_FEWEST_PROTOTYPES, fitting))

    def to_data(self) -> dict[str, Any]:
        """Convert the recipe to plain JSON data, without keys that runs may lack and that have their default."""
        networks = [list(hidden) for hidden in self.networks]
        data = {**asdict(self), "networks": networks, "swap_noise": list(self.swap_noise)}
        return {key: value for key, value in data.items() if key not in _DEFAULTS or value != _DEFAULTS[key]}


_DEFAULTS = {part.name: part.default for part in fields(Recipe) if part.metadata == typed_json.OPTIONAL}


_RANGES: dict[str, tuple[float, float]] = {
    "kappa": (0, 1000),
    "memory": (0, 65_536),
    "trim": (0, 0.5),
    "memory_kib": (0, 2**20),
    "temperature": (1e-3, 1000),
    "gaussian_noise": (0, 100),
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
    """Read a recipe from plain JSON data.

    Raises:
        BadInput: a key is unknown or missing, or a value has the wrong type or is out of range.
    """
    recipe: Recipe = typed_json.read(Recipe, data, "recipe", _RECIPE)
    known = [part.name for part in fields(Recipe)]
    for key in data:
        if key not in known:
            raise BadInput(f"No recipe has a key '{key}'.", f"Known: {', '.join(known)}.")
    for key, (low, high) in _RANGES.items():
        value = getattr(recipe, key)
        if value is not None and not low <= value <= high:
            raise BadInput(f"The recipe's {key} is {value:g}; expected {low:g} to {high:g}.", _RECIPE.remedy)
    if (recipe.epochs is None) == (recipe.steps is None):
        raise BadInput("The recipe needs epochs or steps, and not both.", _RECIPE.remedy)
    if not 1 <= len(recipe.networks) <= _MOST:
        raise BadInput(f"The recipe has {len(recipe.networks)} networks; expected 1 to {_MOST}.", _RECIPE.remedy)
    for hidden in recipe.networks:
        if len(hidden) > _DEEPEST or not all(1 <= width <= _WIDEST for width in hidden):
            raise BadInput(
                f"The recipe's network {list(hidden)} is not valid; expected up to {_DEEPEST} widths, 1 to {_WIDEST}.",
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
