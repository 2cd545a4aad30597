"""Loads a model file with its card, through the gate."""

from dataclasses import dataclass
from pathlib import Path

from aetk.contract import card as cards
from aetk.contract import gate, onnxfile, spec
from aetk.contract.card import Card
from aetk.contract.errors import BadInput
from aetk.edge.signing import check_signature


@dataclass(frozen=True)
class LoadedModel:
    """A model file: its bytes, what the contract reads of its graph, its card, and the key that has signed it."""

    path: Path
    data: bytes
    graph: gate.Model
    card: Card
    trusted_key: Path | None = None

    @property
    def card_path(self) -> Path:
        """Where the card's copy belongs."""
        return card_path(self.path)

    @property
    def card_copy(self) -> str:
        """`current`, `stale` (hosts that read the copy will refuse it) or `missing`."""
        if not self.card_path.is_file():
            return "stale" if self.card_path.exists() else "missing"
        card = self.graph.metadata[spec.CARD_KEY].encode()
        try:
            with self.card_path.open("rb") as file:
                copy = file.read(len(card) + 1)
        except OSError:
            return "missing"
        return "current" if copy == card else "stale"


def card_path(model: Path) -> Path:
    """`NAME.card.json` beside `NAME.onnx`."""
    return model.with_name(f"{model.stem}.card.json")


def newest_model(folder: Path = Path("exports")) -> Path:
    """The newest `.onnx` file of a folder, never of its subfolders; BadInput where there is none."""
    found = sorted(folder.glob("*.onnx"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    if not found:
        raise BadInput(f"There is no model in {folder}/.", "Make one with: aetk train, then: aetk export --onnx")
    return found[-1]


def load(path: Path, trusted_key: Path | None = None) -> LoadedModel:
    """Let a model file in, and hold it against its card.

    With `trusted_key`, a public Ed25519 key in PEM, the file must be signed by its owner.

    Raises:
        BadInput: no such file, not an ONNX file, not of the contract, or without a card.
        CheckFailed: model or card are not as they were exported, or not signed by that key.
    """
    path = Path(path)
    with onnxfile.refusals():
        data = gate.read_file(path)
    if trusted_key is not None:
        check_signature(path, data, Path(trusted_key))
    graph = onnxfile.read(data, f"{path}: ")
    with onnxfile.refusals(f"{path}: "):
        card = _parse(path, graph.metadata.get(spec.CARD_KEY, ""))
        gate.card(graph)
    return LoadedModel(path, data, graph, card, trusted_key)


def _parse(path: Path, text: str) -> Card:
    if not text:
        raise BadInput(f"{path}: It carries no aetk card.", "Export it with: aetk export --onnx")
    try:
        return cards.parse(text)
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", error.hint) from None
