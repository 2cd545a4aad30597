"""Loads a model file with its card, through the gate."""

from dataclasses import dataclass
from pathlib import Path

from aetk.contract import card as cards
from aetk.contract import gate, onnxfile, spec
from aetk.contract.card import Card
from aetk.contract.errors import BadInput


@dataclass(frozen=True)
class LoadedModel:
    """A model file: its bytes, what the contract reads of its graph, and its card."""

    path: Path
    data: bytes
    graph: gate.Model
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
    """Let a model file in, and hold it against its card.

    Raises:
        BadInput: no such file, not an ONNX file, not of the contract, or without a card.
        CheckFailed: model or card are not as they were exported.
    """
    path = Path(path)
    with onnxfile.refusals():
        data = gate.read_file(path)
    with onnxfile.refusals(f"{path}: "):
        graph = gate.read(data)
        card = _parse(path, graph.metadata.get(spec.CARD_KEY, ""))
        gate.card(graph)
    return LoadedModel(path, data, graph, card)


def _parse(path: Path, text: str) -> Card:
    if not text:
        raise BadInput(f"{path}: It carries no aetk card.", "Export it with: aetk export --onnx")
    try:
        return cards.parse(text)
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", error.hint) from None
