"""The options of a run, merged from those given, those of an interrupted run, and the defaults."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.contract.dialect import MISSING_POLICIES
from aetk.lab import runs
from aetk.lab.look.report import WISHES, Wishes
from aetk.lab.presets import RECIPES
from aetk.lab.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from aetk.lab.training.distributed.group import Group

FRAME = "a data frame"
"""The value that stands for a data frame in the options of a run."""


@dataclass(frozen=True)
class Options:
    """The options of a run, each with its default.

    Attributes:
        data, validation, label, drop, device, amp, epochs, seed, missing, threshold: see `trainer.train`.
        no_header, skip_rows, skip_footer, comment, sheet, labels, anomaly, ordinary, missing_value, category, keep,
            time: what was said about the table; see `lab.look.report.Wishes`.
        stream: whether the rows are streamed; always True with torchrun.
        recipe: the recipe as plain JSON; see `Recipe.to_data`.
        world: the number of processes; None without torchrun.
        fingerprint: the fingerprint of the data; None until the data is read.
    """

    data: str | None = None
    validation: str | None = None
    label: str | None = None
    drop: tuple[str, ...] = ()
    no_header: bool = False
    skip_rows: int | None = None
    skip_footer: int | None = None
    comment: str | None = None
    sheet: str | None = None
    labels: str | None = None
    anomaly: tuple[str, ...] = ()
    ordinary: tuple[str, ...] = ()
    missing_value: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    time: tuple[str, ...] = ()
    recipe: Mapping[str, Any] = field(default_factory=RECIPES["default"].to_data)
    device: str = "auto"
    amp: bool = False
    epochs: int | None = None
    seed: int = 41
    missing: str = "reject"
    threshold: str | None = None
    stream: bool = False
    world: int | None = None
    fingerprint: str | None = None

    def to_data(self) -> dict[str, Any]:
        """The options as plain JSON, without those of later versions that have their default value."""
        data = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        left_out = _wished_data(Wishes()) | {"world": None, "stream": False}
        return {key: value for key, value in data.items() if key not in left_out or value != left_out[key]}

    @property
    def wishes(self) -> Wishes:
        """What was said about the table."""
        said = {name: getattr(self, name) for name in WISHES}
        return Wishes(label=self.label, drop=self.drop, missing=self.missing, **said)


def _wished_data(wishes: Wishes) -> dict[str, Any]:
    """The wishes that older versions did not know, as plain JSON."""
    values = {name: getattr(wishes, name) for name in WISHES}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def read_options(data: Any, name: str, remedy: str = "") -> Options:
    """Read options from plain JSON; the messages of `BadInput` use `name` and `remedy`."""
    document = typed_json.Document(name, remedy, is_unicode=False)
    complete = data
    if isinstance(data, dict):  # an older version knew neither `amp` nor `stream`; torchrun alone streamed
        older = {"world": None, "amp": False, "stream": data.get("world") is not None}
        complete = _wished_data(Wishes()) | older | data
    options: Options = typed_json.read(Options, complete, name, document)
    return options


def share_options(options: Options | None, group: "Group") -> Options:
    """Send the first process's options to all processes."""
    if options is not None and group.world == 1:
        return options
    return read_options(group.broadcast(None if options is None else options.to_data()), "options")


def merge(given: Mapping[str, Any], saved: Options | None, world: int | None) -> Options:
    """Merge options: those given, then those of the interrupted run, then the defaults.

    Args:
        given: values as plain JSON, by name; None for an option that was not given.
        saved: the options of the interrupted run; None to start a new one.
        world: the number of processes; None without torchrun.
    """
    if world is not None and given.get("stream") is False:
        raise BadInput("--no-stream was given, and under torchrun rows are always streamed.", "Leave one of them out.")
    if saved is None:
        named = {key: value for key, value in given.items() if value is not None}
        stream = named.get("stream", world is not None)
        lists = {key: tuple(value) for key, value in named.items() if isinstance(value, list)}
        return Options(**named | lists | {"stream": stream, "world": world})
    before = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(saved).items()}
    for key, value in given.items():
        if key in ("data", "validation"):
            continue  # a file may have moved; its content matters, which the fingerprint checks
        if value is not None and value != before[key]:
            raise BadInput(
                f"The interrupted run was started with {_difference(key, before[key], value)}.",
                "Leave the option out to go on with that run, or leave --resume out to start another.",
            )
    return saved


def _difference(key: str, saved: Any, given: Any) -> str:
    """Describe the old and new value of an option; for a recipe, those of the first key that differs."""
    if key == "recipe":
        inner = next(name for name in given if given[name] != saved.get(name))
        return _difference(f"the recipe's {inner}", saved.get(inner), given[inner])
    return f"{key} {saved!r}, not {given!r}"


def check_world(saved: Options | None, world: int | None) -> None:
    """Raise BadInput if the interrupted run had another number of processes; `world` is None without torchrun.

    The rows of a process, and so every batch, depend on the number of processes.
    """
    if saved is None or saved.world == world:
        return

    def words(count: int | None) -> str:
        return "without torchrun" if count is None else f"by torchrun with {count} process{'es' * (count > 1)}"

    raise BadInput(
        f"The interrupted run was started {words(saved.world)}, this one {words(world)}.",
        "Go on with it in the same way, or leave --resume out to start another.",
    )


def find_folder(folder: Path | None) -> Path:
    """The folder of the run to continue: the given one, else the newest interrupted; raise BadInput if missing."""
    folder = folder or runs.newest_interrupted()
    if not folder.is_dir():
        raise BadInput(f"There is no interrupted run in {folder}.", "Start one with: aetk train")
    return folder


def plan_recipe(options: Options) -> Recipe:
    """The recipe of the options; raise BadInput for an option out of range."""
    recipe = read_recipe(dict(options.recipe))
    if options.missing not in MISSING_POLICIES:
        raise BadInput(
            f"'{options.missing}' is not a policy for missing values.", f"Known: {', '.join(MISSING_POLICIES)}."
        )
    if not 0 <= options.seed < 2**32:
        raise BadInput(f"--seed is {options.seed}; expected 0 to {2**32 - 1}.")
    if options.epochs is None:
        return recipe
    if options.epochs < 1:
        raise BadInput(f"--epochs is {options.epochs}; expected 1 or more.")
    return replace(recipe, epochs=options.epochs, steps=None)


def resume_command(options: Options, folder: Path, launcher: Sequence[str] = ("aetk",)) -> str:
    """The command that continues an interrupted run; `launcher` are the words that start aetk."""
    if FRAME in (options.data, options.validation):
        return f"aetk.train(data, ..., resume=True, out={str(folder)!r})"
    named = [options.data] if options.data else []
    return shlex.join([*launcher, "train", *named, "--resume", "--out", str(folder)])
