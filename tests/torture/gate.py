"""Lets models of every kind that the toolkit makes through the gate, and takes the time that it needs."""

import json
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aetk.contract import card as cards
from aetk.contract import gate, onnxfile, spec
from aetk.lab.export.graph import OPSETS, to_onnx

from ..lab.small import small_detector
from .case import REFERENCE
from .outcome import Outcome

MODELS = 100
REPEATS = 200
LIMIT = 5e-3
_SIZE = 2**18


def run(share: float, work: Path) -> list[Outcome]:
    """A model takes PyTorch's exporter more than a second, so that a tenth tries ten."""
    return [_every_kind(round(MODELS * share)), _cost()]


def _every_kind(count: int) -> Outcome:
    chance = random.Random(41)
    refused, operators = [], set[str]()
    for number, (options, opset) in zip(range(count), _kinds(chance), strict=False):
        data = to_onnx(small_detector(seed=number, **options), opset)  # type: ignore[arg-type]
        try:
            operators |= set(gate.read(data).operators)
        except gate.Refused as refusal:
            refused.append(f"an exported model was refused: {options}, opset {opset}: {refusal.message}")
    what = (
        "models of random networks, features, anchors, memories, options and opsets, exported and let through the gate"
    )
    return Outcome("inputs", what, count, f"{len(operators)} operators among them", tuple(refused))


def _kinds(chance: random.Random) -> Iterator[tuple[dict[str, object], int]]:
    while True:
        shapes = tuple(
            tuple(chance.choice((1, 3, 8, 40)) for _ in range(chance.randint(1, 3)))
            for _ in range(chance.randint(1, 3))
        )
        options = {
            "n": chance.choice((1, 2, 5, 30, 33, 70)),
            "kappa": chance.choice((0.0, 0.5, 3.0)),
            "threshold": chance.choice((0.5, 1.0, -0.99, 0.0)),
            "imputes": chance.random() < 0.5,
            "explain": chance.random() < 0.5,
            "shapes": shapes,
            "memory": chance.choice((0, 1, 9)),
            "compact": chance.random() < 0.5,
        }
        yield options, chance.choice((spec.OPSET, *OPSETS))


def _cost() -> Outcome:
    """Of a model of 256 KiB with its card: the reference model's card around a wider network."""
    text = onnxfile.read(REFERENCE.read_bytes()).metadata[spec.CARD_KEY]
    detector = small_detector(30, shapes=((80, 80, 80), (512,)), memory=512, explain=False)
    detector.threshold.fill_(json.loads(text)["threshold"]["value"])
    data = to_onnx(detector)
    card = json.loads(text) | {"model_sha256": onnxfile.digest(data)}
    data = onnxfile.with_card(data, cards.seal(card))
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        gate.card(gate.read(data))
        seconds.append(time.perf_counter() - started)
    median, slowest = statistics.median(seconds), float(np.quantile(seconds, 0.95))
    wrong = [f"the gate took {median * 1e3:.1f} ms, expected {LIMIT * 1e3:g}"] if median > LIMIT else []
    if len(data) < _SIZE:
        wrong.append(f"the model is of {len(data)} bytes only")
    found = f"{median * 1e3:.2f} ms at the median, 95% within {slowest * 1e3:.2f} ms"
    return Outcome(
        "load", f"passages of a model of {len(data) >> 10} KiB through the gate", REPEATS, found, tuple(wrong)
    )
