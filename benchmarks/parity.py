"""Does the exported file ever decide differently from the PyTorch model it came from?

Every row of creditcard (train, val and test) with all recipes, and of five ADBench sets with the default one, beside
the rows that parity always adds: near the threshold, huge, missing, infinite, denormal; at every optimization level.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from aetk.edge.tables.read import read_table
from aetk.lab.export import parity
from aetk.lab.export.publish import export
from aetk.lab.runs import read_run
from aetk.lab.training.trainer import train
from harness import DATA, Table, keep, show

SETS = ("6_cardio", "22_magic.gamma", "30_satellite", "32_shuttle", "41_Waveform")


@dataclass(frozen=True)
class Result:
    """One model on all rows of its data."""

    data: str
    recipe: str
    rows: int
    near_ties: int
    flipped_decisions: int
    flipped_validity: int
    largest_difference: float
    where: str


RESULT = tuple[Result, ...]


def _compare(name: str, run: Path, rows: np.ndarray) -> Result:
    found = read_run(run)
    model = export(run, out=run.with_suffix(".onnx")).model
    report = parity.compare(found.detector, model.read_bytes(), rows.astype(np.float32))
    return Result(
        name, found.record.recipe["name"], report.rows, report.near_ties, report.flipped_decisions,
        report.flipped_validity, report.largest_difference, report.where,
    )  # fmt: skip


def _creditcard(folder: Path) -> Iterator[Result]:
    files = DATA / "creditcard"
    features = tuple(f"V{i}" for i in range(1, 31))
    rows = np.concatenate([read_table(files / f"{part}.csv", features).values for part in ("train", "val", "test")])
    for recipe in ("reference", "default", "small"):
        run = train(
            files / "train.csv", validation=files / "val.csv", label="Class", drop=["ID"], recipe=recipe,
            threshold="best-f1", out=folder / recipe,
        ).run  # fmt: skip
        yield _compare("creditcard", run, rows)


def _adbench(name: str, folder: Path) -> Result:
    data = np.load(DATA / "adbench" / f"{name}.npz")
    frame = pd.DataFrame(data["X"], columns=[f"x{i}" for i in range(data["X"].shape[1])]).assign(y=data["y"])
    run = train(frame, label="y", out=folder / name).run
    return _compare(name, run, data["X"])


def tables(result: Sequence[Result]) -> Sequence[Table]:
    """The figures as tables."""
    head = ("data", "recipe", "rows", "near ties", "flipped decisions", "flipped validities", "largest difference")
    rows = [
        [r.data, r.recipe, f"{r.rows:,}", str(r.near_ties), str(r.flipped_decisions), str(r.flipped_validity),
         f"{r.largest_difference:.2g}"] for r in result
    ]  # fmt: skip
    return (Table("Exported file against PyTorch", head, rows),)


def main() -> None:
    """Compare, show and keep."""
    with tempfile.TemporaryDirectory() as folder:
        results = [*_creditcard(Path(folder)), *(_adbench(name, Path(folder)) for name in SETS)]
    show(tables(results))
    keep("parity", results)


if __name__ == "__main__":
    main()
