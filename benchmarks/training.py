"""How long does it take to learn card fraud as well as the reference notebook does?

Theory. The notebook's loop (`notebook.py`) collects 113,842 rows one by one in each of 400 epochs and takes large
steps; most of its time goes into collecting. aetk indexes whole batches of a tensor; its default recipe scales the
columns and takes 500 small steps.

How. All train on the same 113,842 x 30 rows: creditcard's training rows tiled 16 times, cut, jittered by 1% of each
column's standard deviation, seeded. The loop is timed for a few epochs with 0 and with 4 workers, in turn, and its
median epoch is scaled to 400. What it learns in all 400 epochs is found by running them once with a loader that gives
the same batches in the same order, but quickly; that both learn the same is checked on the losses of the timed epochs.
*The score* is the best macro F1 of any of the 400 epochs on creditcard's validation rows at the fixed threshold 0.95,
which is what the loop keeps its weights by. A recipe of aetk reaches it when its macro F1 on the same rows, at the
threshold that it hands over (0.95 for `reference`; best-f1, chosen on these rows, for `default`), is at least as high.
Its time is all of `train()`: checks, fit, calibration, writing the run. `reference` keeps a history in which the first
such epoch is found; `default` does not watch this score, so that its whole fit counts. The stricter score gives the
loop's best epoch the best-f1 threshold too, without charging it for that.

PyOD's AutoEncoder has the reference's widths and its own scaling, loss and 10 epochs, with its default batch of 32
rows and with 512; its threshold is best-f1 on the validation rows. The test rows decide what the scores are worth.

Limits. One machine, CPU only. About six minutes.
"""

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

import notebook
import peers
import subject
from aetk.base.cpus import usable_cpus
from aetk.contract.threshold import calibrate, parse_method
from aetk.lab.metrics import measure
from aetk.lab.runs import read_run
from aetk.lab.training.trainer import train
from aetk.render.format import seconds
from harness import SEEDS, Goal, Table, goals, keep, reason, show

ROWS, EPOCHS = 113_842, 400
TIMED_ROUNDS, TIMED_EPOCHS = 2, 4
WORKERS = (0, 4)
FASTER = 30
Similarity = Callable[[NDArray[np.float32]], NDArray[np.float32]]


@dataclass(frozen=True)
class Loop:
    """Timed epochs of the reference loop."""

    workers: int
    epochs: tuple[notebook.Epoch, ...]

    @property
    def epoch_seconds(self) -> float:
        """The median epoch."""
        return median(epoch.seconds for epoch in self.epochs)


@dataclass(frozen=True)
class Fit:
    """What was learned, and in what time.

    Attributes:
        kind: `loop`, `reference`, `default` or `pyod`; `name` says more.
        threshold: how it was chosen.
        seconds: of everything; 0 for the loop, which is scaled from `Training.loops`.
        first_seconds: until the score was first reached, where that was watched.
    """

    kind: str
    name: str
    threshold: str
    seconds: float
    first_seconds: float | None
    validation_macro_f1: float
    test_macro_f1: float
    test_auroc: float


@dataclass(frozen=True)
class Training:
    """The figures; `curve` is the whole loop, from the quick loader, whose seconds are not the notebook's."""

    rows: int
    loops: tuple[Loop, ...]
    curve: tuple[notebook.Epoch, ...]
    fits: tuple[Fit, ...]
    skipped: tuple[str, ...]


RESULT = Training


def _quality(similarity: Similarity, threshold: float | None) -> tuple[float, float, float]:
    """Macro F1 on validation and test rows and AUROC on the test rows; None chooses best-f1 on validation rows."""
    (validation, labels), (test, truth) = subject.table("val"), subject.table("test")
    held, new = similarity(validation.astype(np.float32)), similarity(test.astype(np.float32))
    if threshold is None:
        threshold = calibrate(parse_method("best-f1"), held, labels, "validation rows").value
    found = measure(new, truth, threshold)
    return measure(held, labels, threshold).macro_f1, found.macro_f1, found.auroc or 0.0


def _time_loops(rows: NDArray[np.float32]) -> tuple[Loop, ...]:
    validation, labels = subject.table("val")
    epochs: dict[int, list[notebook.Epoch]] = {workers: [] for workers in WORKERS}
    for _ in range(TIMED_ROUNDS):
        for workers, found in epochs.items():
            batches = notebook.loader(rows, workers, SEEDS[0])
            found += notebook.fit(batches, validation.astype(np.float32), labels, TIMED_EPOCHS, SEEDS[0])[1]
    return tuple(Loop(workers, tuple(found)) for workers, found in epochs.items())


def _run_loop(rows: NDArray[np.float32], loops: Sequence[Loop]) -> tuple[list[notebook.Epoch], list[Fit]]:
    """All epochs of the loop, with the quick loader."""
    validation, labels = subject.table("val")
    batches = notebook.quick_loader(rows, SEEDS[0])
    network, curve = notebook.fit(batches, validation.astype(np.float32), labels, EPOCHS, SEEDS[0])
    for loop in loops:
        for epoch, same in zip(loop.epochs, curve[:TIMED_EPOCHS] * TIMED_ROUNDS, strict=True):
            if not math.isclose(epoch.loss, same.loss, rel_tol=1e-3):
                raise RuntimeError(f"the quick loader learns something else: loss {same.loss}, not {epoch.loss}")

    def similarity(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return notebook.similarities(network, x)

    ways = (("fixed:0.95", notebook.THRESHOLD), ("best-f1", None))
    return curve, [Fit("loop", "reference loop", name, 0.0, None, *_quality(similarity, at)) for name, at in ways]


def _aetk(rows: NDArray[np.float32], recipe: str, seed: int, target: float, folder: Path) -> Fit:
    frame = pd.DataFrame(rows, columns=list(subject.FEATURES))
    held = pd.read_csv(subject.FILES / "val.csv").drop(columns="ID")
    method = "fixed:0.95" if recipe == "reference" else "best-f1"
    started = time.perf_counter()
    report = train(
        frame, validation=held, label="Class", recipe=recipe, seed=seed, threshold=method, device="cpu",
        out=folder / f"{recipe}-{seed}",
    )  # fmt: skip
    took = time.perf_counter() - started
    first = None
    if recipe == "reference":  # steps take equally long
        reached = [line.step for line in report.history if line.score >= target]
        first = report.fit_seconds * reached[0] / report.steps if reached else None
    detector = read_run(report.run).detector

    @torch.inference_mode()
    def similarity(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return detector(torch.from_numpy(x))[0].numpy()

    return Fit(
        recipe, f"aetk {recipe}, seed {seed}", method, took, first, *_quality(similarity, report.threshold.value)
    )


def _pyod(rows: NDArray[np.float32], batch: int) -> Fit:
    started = time.perf_counter()
    model = peers.pyod_autoencoder(rows, batch=batch)
    took = time.perf_counter() - started
    score = peers.pyod(model)
    return Fit("pyod", f"PyOD AutoEncoder, batch {batch}", "best-f1", took, None, *_quality(lambda x: -score(x), None))


def run(folder: Path) -> Training:
    """Time the loop, run it, and train everything else on the same rows."""
    torch.set_num_threads(usable_cpus())
    rows = subject.many(ROWS)
    loops = _time_loops(rows)
    curve, fits = _run_loop(rows, loops)
    target = max(epoch.macro_f1 for epoch in curve)
    print("the reference loop: done", flush=True)
    fits += [_aetk(rows, "default", seed, target, folder) for seed in SEEDS[:3]]
    fits.append(_aetk(rows, "reference", SEEDS[0], target, folder))
    skipped = []
    for batch in (512, 32):
        try:
            fits.append(_pyod(rows, batch))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a peer is its result
            skipped.append(f"PyOD AutoEncoder, batch {batch}: {reason(error)}")
    return Training(ROWS, loops, tuple(curve), tuple(fits), tuple(skipped))


def tables(result: Training) -> Sequence[Table]:
    """The figures as tables."""
    epoch = min(loop.epoch_seconds for loop in result.loops)
    scores = [epoch.macro_f1 for epoch in result.curve]
    target, whole, until = max(scores), epoch * EPOCHS, epoch * (scores.index(max(scores)) + 1)
    strict = next(f.validation_macro_f1 for f in result.fits if (f.kind, f.threshold) == ("loop", "best-f1"))
    loops = Table(
        f"The reference loop on {result.rows:,} rows, {len(result.loops[0].epochs)} epochs timed, scaled to {EPOCHS}; "
        f"its score, macro F1 {target:.4f}, was first reached in epoch {scores.index(target) + 1}",
        ("workers", "an epoch", f"{EPOCHS} epochs", "until its score"),
        [[
            f"{loop.workers}", seconds(loop.epoch_seconds), seconds(loop.epoch_seconds * EPOCHS),
            seconds(loop.epoch_seconds * (scores.index(target) + 1)),
        ] for loop in result.loops],
    )  # fmt: skip

    def cells(fit: Fit) -> list[str]:
        took = fit.seconds or whole
        reached = ["yes" if fit.validation_macro_f1 >= score else "no" for score in (target, strict)]
        first = until if fit.kind == "loop" else fit.first_seconds
        quality = [f"{q:.4f}" for q in (fit.validation_macro_f1, fit.test_macro_f1, fit.test_auroc)]
        return [
            fit.name, fit.threshold, seconds(took), f"{whole / took:.3g}×", seconds(first) or "-", *quality, *reached
        ]  # fmt: skip

    head = (
        "", "threshold", "seconds", "faster than the loop", "first reached after", "validation macro F1",
        "test macro F1", "test AUROC", f"reaches {target:.4f}", f"reaches {strict:.4f}",
    )  # fmt: skip
    learned = Table("What was learned, and in what time", head, [cells(fit) for fit in result.fits])
    ours = [fit for fit in result.fits if fit.kind == "default"]
    slowest = max(fit.seconds if fit.validation_macro_f1 >= target else math.inf for fit in ours)
    strictly = max(fit.seconds if fit.validation_macro_f1 >= strict else math.inf for fit in ours)
    wanted = [
        Goal(
            f"the loop's {EPOCHS} epochs / default recipe, slowest of {len(ours)} seeds", whole / slowest, FASTER, True
        ),
        Goal("the loop until its score / the same", until / slowest, FASTER, True),
        Goal(f"the loop's {EPOCHS} epochs / default recipe, to the stricter score", whole / strictly, FASTER, True),
    ]
    missing = [Table("Skipped", ("what, and why",), [[text] for text in result.skipped])] if result.skipped else []
    return loops, learned, goals(wanted), *missing


def main() -> None:
    """Measure, show and keep."""
    warnings.filterwarnings("ignore", message="This DataLoader will create")  # 4 workers on fewer processors: its point
    with tempfile.TemporaryDirectory() as folder:
        result = run(Path(folder))
    show(tables(result))
    keep("training", result)


if __name__ == "__main__":
    main()
