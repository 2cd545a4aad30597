"""How fast are rows scored, against what people use instead?

Theory. Scoring a row costs two floating-point operations for each weight of the network, so a machine's float32 matrix
product bounds the rows per second; memory traffic, activations, calls and threads eat the rest. At one row the calls
are all that counts, at a million the share of the bound that is reached.

How. One process, one network (the reference recipe's, trained briefly on creditcard), the same rows for all. Variants
run in turn, round after round; a ratio is the median over rounds of the ratio within a round. Peers and their settings
are in `peers.py`: PyTorch in evaluation and inference mode on all processors, in tiles; torch.compile with static
shapes; OpenVINO in float32; PyOD in large batches. Scorer takes its defaults. IsolationForest is another model: it is
here for its speed, since it is what many would use. The bound is the fastest float32 product of two 1024 x 1024
matrices in the same run, divided by the operations per row: by NumPy or PyTorch on all processors, or by PyTorch on
one thread times the processors, which other work on the machine cannot lower as easily.

Limits. The slow ones handle fewer rows in the column of a million (`FEWER`) and are scaled. Rows lie in memory;
reading a file is `files.py`'s question. About four minutes.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median

import numpy as np
import torch

import peers
import subject
from aetk import Scorer
from aetk.base.cpus import usable_cpus
from aetk.render.format import seconds
from harness import Goal, Table, Timing, Variant, attempt, goals, interleave, keep, named, ratio, show, skipped, spread

SIZES = (1, 64, 1024, 1_000_000)
ROUNDS = {1: 30, 64: 30, 1024: 30, 1_000_000: 7}
SCORER, NAIVE, EAGER, COMPILED, OPENVINO = "Scorer", "naive session.run", "PyTorch eager", "torch.compile", "OpenVINO"
PYOD, FOREST, FOREST_ONNX = "PyOD AutoEncoder", "IsolationForest", "IsolationForest, skl2onnx"
SAME_NETWORK = (NAIVE, EAGER, COMPILED, OPENVINO)
ONE_THREAD = "PyTorch, one thread, times the processors"
FEWER = dict.fromkeys((PYOD, FOREST, FOREST_ONNX), 100_000)
PRODUCT_SIZE = 1024


@dataclass(frozen=True)
class Size:
    """All variants at one number of rows."""

    rows: int
    timings: tuple[Timing, ...]


@dataclass(frozen=True)
class Product:
    """A float32 matrix product; `flops` is what all processors do in the time of a call, where `rows` means nothing."""

    timing: Timing
    flops: int

    @property
    def flops_per_second(self) -> float:
        """Of the fastest call: a bound is not to be lowered by other work on the machine."""
        return self.flops / min(min(samples) for samples in self.timing.rounds)


@dataclass(frozen=True)
class Difference:
    """The largest difference in similarity from Scorer over the largest size."""

    variant: str
    similarity: float


@dataclass(frozen=True)
class Inference:
    """The figures.

    Attributes:
        flops_per_row: of the network's matrix products.
        products: timed beside the largest size.
        sizes: smallest first.
    """

    flops_per_row: int
    products: tuple[Product, ...]
    sizes: tuple[Size, ...]
    differences: tuple[Difference, ...]


RESULT = Inference


def _makers(it: subject.Subject, sample: peers.Rows) -> dict[str, Callable[[int], peers.Score]]:
    """What makes each variant for a number of rows."""
    scorer = Scorer(it.model)
    forest = cache(lambda: peers.forest(sample))
    autoencoder = cache(lambda: peers.pyod_autoencoder(sample, epochs=1))
    return {
        SCORER: lambda _: lambda x: scorer.score(x).similarity,
        NAIVE: lambda _: peers.naive_session(it.model),
        EAGER: lambda _: peers.eager(it.detector),
        COMPILED: lambda _: peers.compiled(it.detector),
        OPENVINO: lambda rows: peers.openvino(it.model, rows),
        PYOD: lambda _: peers.pyod(autoencoder()),
        FOREST: lambda rows: peers.forest_scores(forest(), rows),
        FOREST_ONNX: lambda _: peers.forest_onnx(forest(), sample.shape[1]),
    }


def _variants(makers: dict[str, Callable[[int], peers.Score]], rows: peers.Rows) -> dict[str, Variant]:
    def variant(name: str, make: Callable[[int], peers.Score]) -> Variant:
        count = min(len(rows), FEWER.get(name, len(rows)))

        def bind() -> Callable[[], object]:
            score, few = make(count), rows[:count]
            return lambda: score(few)

        return attempt(count, bind)

    return {name: variant(name, make) for name, make in makers.items()}


def _products() -> dict[str, Variant]:
    a, b = (np.random.default_rng(i).standard_normal((PRODUCT_SIZE, PRODUCT_SIZE), np.float32) for i in range(2))
    s, t = torch.from_numpy(a), torch.from_numpy(b)

    def one_thread() -> None:
        torch.set_num_threads(1)
        s @ t
        torch.set_num_threads(usable_cpus())

    products = {"NumPy": lambda: a @ b, "PyTorch": lambda: s @ t, ONE_THREAD: one_thread}
    return {name: Variant(call, 1) for name, call in products.items()}


def _differences(variants: dict[str, Variant]) -> tuple[Difference, ...]:
    answers = {n: v.call() for n, v in variants.items() if n in (SCORER, *SAME_NETWORK) and v.call is not None}
    truth = answers.pop(SCORER)
    return tuple(Difference(name, float(np.abs(found - truth).max())) for name, found in answers.items())


def measure(folder: Path) -> Inference:
    """Make the model and the peers, and time them."""
    it = subject.make(folder)
    makers = _makers(it, subject.many(50_000))
    sizes: list[Size] = []
    for count in SIZES:
        variants = _variants(makers, subject.many(count, seed=1))
        products = _products() if count == SIZES[-1] else {}
        timings = interleave(variants | products, ROUNDS[count])
        sizes.append(Size(count, timings[: len(variants)]))
        print(f"{count:,} rows: done", flush=True)
    found = _differences(variants)
    flops = {name: 2 * PRODUCT_SIZE**3 * (usable_cpus() if name == ONE_THREAD else 1) for name in products}
    bounds = tuple(Product(timing, flops[timing.name]) for timing in timings[len(variants) :])
    return Inference(it.flops_per_row, bounds, tuple(sizes), found)


def _cell(timing: Timing | None, scorer: Timing) -> str:
    if timing is None:
        return "skipped"
    shown = f"{timing.rows_per_second / 1e6:.3g} M/s" if scorer.rows > 1024 else seconds(timing.seconds)
    shown += " (unstable)" if timing.unstable else ""
    return shown if timing is scorer else f"{shown}, {ratio(timing, scorer).median:.3g}×"


def tables(result: Inference) -> Sequence[Table]:
    """The figures as tables."""
    found = {size.rows: named(size.timings) for size in result.sizes}
    names = [timing.name for timing in result.sizes[0].timings]
    rows = [[name, *(_cell(by_name.get(name), by_name[SCORER]) for by_name in found.values())] for name in names]
    title = "Time of a call (rows per second for the largest), and how many times Scorer's time a row takes"
    speed = Table(title, ("", *(f"{n:,} row{'s' * (n > 1)}" for n in found)), rows)
    one, most = found[1], found[SIZES[-1]]
    best = max(result.products, key=lambda product: product.flops_per_second)
    bound = best.flops_per_second / result.flops_per_row
    share = spread([most[SCORER].rows / median(samples) / bound for samples in most[SCORER].rounds])
    limits = Table(
        f"The bound at {SIZES[-1]:,} rows, by {best.timing.name}",
        ("FLOP a row", "matrix product, GFLOP/s", "rows/s that it allows", "Scorer reaches"),
        [[
            f"{result.flops_per_row:,}", f"{best.flops_per_second / 1e9:.3g}", f"{bound / 1e6:.3g} M",
            f"{share.median:.1%} ({share.low:.1%} to {share.high:.1%})",
        ]],
    )  # fmt: skip
    same = Table(
        "Largest difference in similarity from Scorer's", ("variant", "difference"),
        [[d.variant, f"{d.similarity:.1e}"] for d in result.differences],
    )  # fmt: skip
    wanted = [
        Goal("1,000,000 rows: naive session.run / Scorer", ratio(most[NAIVE], most[SCORER]).median, 4.5, True),
        Goal("1,000,000 rows: share of the bound", share.median, 0.45, True),
        Goal("1 row: Scorer / session.run", ratio(one[SCORER], one[NAIVE]).median, 1.3, False),
        Goal("1 row: PyTorch eager / Scorer", ratio(one[EAGER], one[SCORER]).median, 5, True),
    ]
    if PYOD in one:
        wanted.append(Goal("1 row: PyOD / Scorer", ratio(one[PYOD], one[SCORER]).median, 25, True))
    every = [timing for size in result.sizes for timing in size.timings]
    return speed, limits, same, goals(wanted), *skipped(every)


def main() -> None:
    """Measure, show and keep."""
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder))
    show(tables(result))
    keep("inference", result)


if __name__ == "__main__":
    main()
