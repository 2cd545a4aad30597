"""Loads a model file with its card, through the gate."""

import hashlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aetk.base.errors import BadInput, CheckFailed
from aetk.base.names import natural_order
from aetk.contract import card as cards
from aetk.contract import gate, onnxfile, spec
from aetk.contract.card import Card
from aetk.edge.signing import check_signature

_LONGEST_PATH = 4096


@dataclass(frozen=True)
class LoadedModel:
    """A model file: its bytes, its parsed graph, its card, and the public key that its signature was checked with.

    It is pickled as its path and digest, or as its bytes if it was opened from memory.

    Attributes:
        path: its path; for a model in memory, a name for messages.
        in_memory: whether it came from bytes, an open file or a package's resource.
    """

    path: Path
    data: bytes
    graph: gate.Model
    card: Card
    trusted_key: Path | None = None
    in_memory: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        if self.in_memory:
            return load, (self.data,)
        return load_unchanged, (self.path.resolve(), hashlib.sha256(self.data).hexdigest())

    @property
    def card_path(self) -> Path:
        """The path of the card's copy."""
        return card_path(self.path)

    @property
    def card_copy(self) -> str:
        """The state of the card's copy: `current`, `stale` (hosts that read the copy will refuse it) or `missing`."""
        if self.in_memory:
            return "missing"
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
    """The path of the card's copy: `NAME.card.json` next to `NAME.onnx`."""
    return model.with_name(f"{model.stem}.card.json")


def newest_model(folder: Path = Path("exports")) -> Path:
    """Find the newest `.onnx` file in a folder, not in its subfolders; raise BadInput if there is none.

    If several have the same time, the last by `natural_order` is taken.
    """
    found = sorted(folder.glob("*.onnx"), key=lambda path: (path.stat().st_mtime_ns, natural_order(path.name)))
    if not found:
        raise BadInput(f"There is no model in {folder}/.", "Make one with: aetk train, then: aetk export --onnx")
    return found[-1]


def load(source: Any, trusted_key: Path | None = None) -> LoadedModel:
    """Load a model file, and check it against the contract and its card.

    Args:
        source: its path, its content as bytes, a file opened in binary mode, or a resource of a package
            (`importlib.resources.files(...) / NAME`).
        trusted_key: a public Ed25519 key in PEM; the file must have a signature by its owner, `NAME.onnx.sig`.

    Raises:
        BadInput: no such file, not an ONNX file, not of the contract, or without a card.
        CheckFailed: model or card are not as they were exported, or not signed by that key.
    """
    if isinstance(source, LoadedModel) and trusted_key is None:
        return source
    path, content = _open(source)
    with onnxfile.refusals():
        data = gate.read_file(path) if content is None else content
    if trusted_key is not None:
        if content is not None:
            raise BadInput("A model in memory has no signature file.", "Name the file to have it checked.")
        check_signature(path, data, Path(trusted_key))
    graph = onnxfile.read(data, f"{path}: ")
    with onnxfile.refusals(f"{path}: "):
        card = _parse(path, graph.metadata.get(spec.CARD_KEY, ""))
        gate.card(graph)
    return LoadedModel(path, data, graph, card, trusted_key, content is not None)


def load_unchanged(path: Path, digest: str) -> LoadedModel:
    """Load a file whose SHA-256, in hexadecimal digits, is known.

    Raises:
        CheckFailed: the file has changed.
        BadInput: see `load`; models have to lie at the same path on every machine.
    """
    try:
        model = load(path)
    except BadInput as error:
        hint = "The model has to lie at the same path on every machine."
        raise BadInput(f"{platform.node()}: {error.message}", hint) from None
    found = hashlib.sha256(model.data).hexdigest()
    if found != digest:
        raise CheckFailed(
            f"{platform.node()}: {path} is not the model that was to be used: its SHA-256 begins with {found[:12]}, "
            f"expected {digest[:12]}.",
            "Bring the same file to every machine, and leave it as it is while it is in use.",
        )
    return model


def _open(source: Any) -> tuple[Path, bytes | None]:
    """A model's path, and None if the file has to be read; else a name for it, and its content."""
    if isinstance(source, LoadedModel):
        return source.path, source.data if source.in_memory else None
    if isinstance(source, (bytearray, memoryview)):
        source = bytes(source)
    if isinstance(source, bytes) and (b"\0" in source or len(source) > _LONGEST_PATH):
        return Path("<bytes>"), source
    if isinstance(source, (str, bytes, os.PathLike)):
        return Path(os.fsdecode(source)), None
    name = Path(str(getattr(source, "name", None) or "<memory>"))
    if hasattr(source, "read_bytes"):
        return name, bytes(source.read_bytes())
    content = source.read(gate.LARGEST_FILE + 1) if hasattr(source, "read") else None
    if not isinstance(content, bytes):
        found = "a file opened as text" if isinstance(content, str) else f"{type(source).__name__}"
        raise BadInput(
            f"The model is {found}; expected a path, bytes, a file opened in binary mode, or a package's resource.",
            'Name the file, or open it with open(path, "rb").',
        )
    return name, content


def _parse(path: Path, text: str) -> Card:
    if not text:
        raise BadInput(f"{path}: It carries no aetk card.", "Export it with: aetk export --onnx")
    try:
        return cards.parse(text)
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", error.hint) from None
