"""Model files and cards, with digests that a forger made right again or without."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from aetk.contract import card as cards
from aetk.contract import gate, golden, onnxfile, spec
from aetk.contract.protobuf import encode_bytes, encode_int
from aetk.edge.inspection import inspect
from aetk.edge.model import LoadedModel, load
from aetk.edge.runtime.session import open_session
from aetk.render import edge_text

from ..case import REFERENCE
from .family import ACCEPTED, RAN, SAME, Family, Wrong, mutate_bytes, mutate_json

_INSIDE = {
    "model": {7: "graph", 8: "opset", 14: "entry"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value"},
    "node": {5: "attribute"},
    "value": {2: "type"},
    "type": {1: "tensor type"},
    "tensor type": {2: "shape"},
    "shape": {1: "dimension"},
}
"""The messages that stand in the fields of a message."""
_NUMBERS = (0, 1, 2, 3, 7, 8, 10, 16, 17, 23, 24, 30, 127, 128, 255, 2**31, 2**32, 2**62, 2**63, 2**64 - 1)
_NAMES = (
    b"", b"features", b"similarity", b"threshold", b"is_valid", b"is_anomaly", b"penalty", b"scale.weight", b"val_0",
    b"If", b"Abs", b"Mul", b"Concat", b"Gemm", b"Loop", b"GreaterOrEqual", b"axis", b"transB", b"com.microsoft",
    b"\xff", b"x" * 300,
)  # fmt: skip
_NUMBERS_OF_WEIGHTS = np.array([0, -1, 1, 1e38, -1e38, 1e-45, np.nan, np.inf, -np.inf], "<f4")


def family() -> tuple[Family, ...]:
    return (Family("models", 45_000, 0.8, _models), Family("cards", 20_000, 0.8, _cards))


def _models(folder: Path) -> Callable[[random.Random, bool], str]:
    trial = _Trial(folder)

    def attempt(chance: random.Random, structured: bool) -> str:
        if not structured:
            return trial.judge(mutate_bytes(trial.data, chance), forged=False)
        data = _mutate(trial.bare, "model", chance)
        card = trial.card | {"model_sha256": _digest(data)}
        return trial.judge(data + _entry(cards.seal(card)), forged=True)

    return attempt


def _cards(folder: Path) -> Callable[[random.Random, bool], str]:
    trial = _Trial(folder)
    whole = json.dumps(trial.card).encode()

    def attempt(chance: random.Random, structured: bool) -> str:
        if not structured:
            data = trial.bare + _entry(mutate_bytes(whole, chance))
            return trial.judge(data, forged=False)
        card = mutate_json(trial.card, chance)
        sealed = isinstance(card, dict) and "contract" in card and chance.random() < 0.9
        try:
            content = cards.seal(card) if sealed else json.dumps(card)
        except (ValueError, UnicodeEncodeError):  # what a card's text cannot hold
            content = json.dumps(card)
        return trial.judge(trial.bare + _entry(content.encode("utf-8", "surrogatepass")), forged=True)

    return attempt


class _Trial:
    """The reference model, and rows whose verdicts have to follow the rule whatever was changed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "model.onnx"
        self.data = REFERENCE.read_bytes()
        self.bare = onnxfile.with_card(self.data, None)
        self.original = onnxfile.read(self.data)
        self.card: dict[str, Any] = json.loads(self.original.metadata[spec.CARD_KEY])
        shutil.copy(REFERENCE.with_suffix(".card.json"), folder / "model.card.json")
        rows = np.tile(load(REFERENCE).card.golden.inputs[:1], (8, 1))
        rows[1:7, 0] = [np.nan, np.inf, -np.inf, 3.4e38, -1e30, 0]
        self.rows = rows

    def judge(self, data: bytes, forged: bool) -> str:
        """What becomes of a file; without a forger, nothing but the very same model may be accepted."""
        self.path.write_bytes(data)
        loaded = load(self.path)
        same = (
            loaded.graph.sha256 == self.original.sha256
            and loaded.graph.metadata[spec.CARD_KEY] == self.original.metadata[spec.CARD_KEY]
        )
        if same:
            return SAME
        if not forged:
            raise Wrong("a changed file was accepted")
        edge_text.inspection(inspect(self.path))
        if loaded.graph.sha256 == self.original.sha256:
            return ACCEPTED
        self._run(loaded)
        return RAN

    def _run(self, loaded: LoadedModel) -> None:
        session = open_session(loaded.data)
        card = loaded.card
        report = golden.compare(
            card.golden, session.run(card.golden.inputs), card.threshold.value, card.similarity.tolerance
        )
        if not report.passed:
            return  # `aetk verify` says so
        outputs = session.run(self.rows)
        similarity, anomaly, valid = (outputs[name] for name in spec.OUTPUTS)
        if not np.isfinite(similarity).all():
            raise Wrong("a similarity that is not a number")
        if (anomaly != ~(similarity >= np.float32(loaded.graph.threshold))).any():
            raise Wrong("a decision against the rule")
        if (~valid & (similarity != spec.UNJUDGED)).any():
            raise Wrong("a row that could not be judged, with a similarity")


def _entry(card: str | bytes) -> bytes:
    content = card if isinstance(card, bytes) else card.encode()
    return encode_bytes(14, encode_bytes(1, gate.CARD.encode()) + encode_bytes(2, content))


def _digest(data: bytes) -> str:
    try:
        return onnxfile.digest(data)
    except gate.Refused:  # cannot be read at all
        return "0" * 64


def _mutate(data: bytes, message: str, chance: random.Random) -> bytes:
    """One change somewhere in a message, or in the messages within."""
    try:
        fields = list(gate.fields(memoryview(data)))
    except gate.Refused:
        return mutate_bytes(data, chance)
    if not fields:
        return data + encode_int(chance.choice((1, 2, 3, 5, 9, 20, 30)), chance.choice(_NUMBERS))
    inner = [i for i, field in enumerate(fields) if field.number in _INSIDE.get(message, {})]
    if inner and chance.random() < 0.85:
        i = chance.choice(inner)
        deeper = _mutate(bytes(fields[i].payload), _INSIDE[message][fields[i].number], chance)
        parts = [bytes(field.raw) for field in fields]
        parts[i] = encode_bytes(fields[i].number, deeper)
        return b"".join(parts)
    return _change(fields, message, chance)


def _change(fields: list[gate.Field], message: str, chance: random.Random) -> bytes:
    parts = [bytes(field.raw) for field in fields]
    i, j = chance.randrange(len(parts)), chance.randrange(len(parts))
    kind = chance.randrange(12)
    field = fields[i]
    if kind == 0:
        del parts[i]
    elif kind == 1:
        parts.insert(j, parts[i])
    elif kind == 2:
        parts[i], parts[j] = parts[j], parts[i]
    elif kind == 3:
        parts.insert(i, encode_int(chance.choice((*range(1, 31), 100, 2**28)), chance.choice(_NUMBERS)))
    elif kind == 4:
        parts.insert(i, encode_bytes(chance.randrange(1, 31), chance.choice(_NAMES)))
    elif isinstance(field.value, int):
        parts[i] = encode_int(field.number, chance.choice((*_NUMBERS, field.value + 1, field.value ^ 1)))
    elif message == "tensor" and field.number == 9 and kind < 11:
        parts[i] = encode_bytes(9, _weights(bytes(field.payload), chance))
    elif kind < 9:
        parts[i] = encode_bytes(field.number, chance.choice(_NAMES))
    else:
        parts[i] = encode_bytes(field.number, mutate_bytes(bytes(field.payload), chance))
    return b"".join(parts)


def _weights(content: bytes, chance: random.Random) -> bytes:
    values = np.frombuffer(content[: len(content) // 4 * 4], "<f4").copy()
    if not len(values):
        return content
    for _ in range(chance.choice((1, 3, 50))):
        place = chance.randrange(len(values))
        values[place] = chance.choice((*_NUMBERS_OF_WEIGHTS, values[place] * 2, -values[place]))
    return values.tobytes()
