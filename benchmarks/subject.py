"""What the scripts measure: card-fraud rows in any number, and the reference recipe's network trained on them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aetk.edge.bench.roofline import flops_per_row
from aetk.edge.model import load
from aetk.lab.export.publish import export
from aetk.lab.model.detector import Detector
from aetk.lab.runs import read_run
from aetk.lab.training.trainer import train
from harness import DATA

FILES = DATA / "creditcard"
FEATURES = tuple(f"V{i}" for i in range(1, 31))
JITTER = 0.01
"""Of each column's standard deviation, so that repeated rows are not the same rows."""
_EPOCHS = 20
"""Speed depends on the network's shape, not on how long it was trained."""


@dataclass(frozen=True)
class Subject:
    """A model file and the PyTorch module that it was made from, in evaluation mode."""

    model: Path
    detector: Detector

    @property
    def flops_per_row(self) -> int:
        """Two for each weight of the network's layers."""
        return flops_per_row(load(self.model).graph)


def make(folder: Path, recipe: str = "reference") -> Subject:
    """Train a recipe on creditcard, briefly, and export it."""
    run = train(
        FILES / "train.csv", validation=FILES / "val.csv", label="Class", drop=["ID"], recipe=recipe, epochs=_EPOCHS,
        out=folder / "run",
    ).run  # fmt: skip
    model = export(run, out=folder / "creditcard.onnx").model
    return Subject(model, read_run(run).detector)


def table(part: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The features, float64 [rows, 30], and labels, bool [rows], of train (all ordinary), val or test."""
    frame = pd.read_csv(FILES / f"{part}.csv")
    labels = frame["Class"].to_numpy() == 1 if "Class" in frame else np.zeros(len(frame), bool)
    return frame[list(FEATURES)].to_numpy(), labels


def many(count: int, seed: int = 41) -> NDArray[np.float32]:
    """float32 [count, 30]: creditcard's training rows tiled, cut and jittered, the same for the same seed."""
    rows, _ = table("train")
    tiled = np.resize(rows, (count, rows.shape[1]))
    jitter = np.random.default_rng(seed).standard_normal(tiled.shape, np.float32)
    return (tiled + jitter * (JITTER * rows.std(0))).astype(np.float32)
