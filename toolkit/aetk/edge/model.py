"""Loads a model file with its card, held against each other, before any runtime sees it."""

from dataclasses import dataclass
from pathlib import Path

from aetk.contract import card as cards
from aetk.contract import onnxfile, spec
from aetk.contract.card import Card
from aetk.contract.errors import BadInput, CheckFailed


@dataclass(frozen=True)
class LoadedModel:
    """A model file: its bytes, what the contract reads of its graph, and its card."""

    path: Path
    data: bytes
    graph: onnxfile.Model
    card: Card

    @property
    def card_path(self) -> Path:
        """Where the card's copy belongs."""
        return card_path(self.path)

    @property
    def card_copy(self) -> str:
        """`current`, `stale` (hosts that read the copy will refuse it) or `missing`."""
        try:
            copy = self.card_path.read_bytes()
        except OSError:
            return "missing"
        return "current" if copy == self.graph.metadata[spec.CARD_KEY].encode() else "stale"


def card_path(model: Path) -> Path:
    """`NAME.card.json` beside `NAME.onnx`."""
    return model.with_name(f"{model.stem}.card.json")


def newest_model(folder: Path = Path("exports")) -> Path:
    """The newest `.onnx` file of a folder, never of its subfolders; BadInput where there is none."""
    found = sorted(folder.glob("*.onnx"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not found:
        raise BadInput(f"There is no model in {folder}/.", "Make one with: aetk train, then: aetk export --onnx")
    return found[-1]


def load(path: Path) -> LoadedModel:
    """Read a model and hold it against its card.

    Raises:
        BadInput: no such file, not an ONNX file, not of the contract, or without a card.
        CheckFailed: the model is not the one that its card describes.
    """
    path = Path(path)
    if path.is_dir():
        raise BadInput(f"{path} is a folder; expected an .onnx file.")
    try:
        data = path.read_bytes()
        graph = onnxfile.read(data)
        if spec.CARD_KEY not in graph.metadata:
            raise BadInput("It carries no aetk card.", "Export it with: aetk export --onnx")
        card = cards.parse(graph.metadata[spec.CARD_KEY])
    except FileNotFoundError:
        raise BadInput(f"No such model: {path}.") from None
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", error.hint) from None
    loaded = LoadedModel(path, data, graph, card)
    _check(loaded)
    return loaded


def _check(loaded: LoadedModel) -> None:
    graph, card = loaded.graph, loaded.card
    hint = "Do not use it; take the file from where it was exported."
    if onnxfile.digest(loaded.data) != card.model_sha256:
        raise CheckFailed(f"{loaded.path}: the model's SHA-256 is not the one in its card; it was changed.", hint)
    if graph.inputs[0].shape[1] != len(card.features):
        raise CheckFailed(
            f"{loaded.path}: the graph takes {graph.inputs[0].shape[1]} features, its card lists {len(card.features)}.",
            hint,
        )
    if graph.threshold != card.threshold.value:
        raise CheckFailed(
            f"{loaded.path}: the graph's threshold is {graph.threshold:.9g}, its card says {card.threshold.value:.9g}.",
            hint,
        )
