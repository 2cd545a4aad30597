"""How well does a detector that never sees a label find the anomalies of public data sets?

The protocol of the published figures: at most 50,000 rows of a set; training on the first half of the ordinary rows in
file order; testing on the other half and all anomalies. Every recipe is the same for all sets, and no label is used for
anything but the two figures. The peers get rows that are standardised by the training rows; aetk gets them raw and
keeps a tenth of the training rows back, to choose the weights and to weigh the errors by. Card fraud has its own test
rows. Single values of the default recipe are set again in the ablations, with fewer seeds. For the contaminated sets,
anomalies are moved at random from the test rows to the training rows, at most half of them.

Goes on where it was stopped; `--fresh` starts over. A recipe that has changed since is measured again.
"""

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from functools import cache
from itertools import product
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from aetk.lab.presets import find_recipe
from aetk.lab.recipe import Recipe
from aetk.lab.runs import read_run
from aetk.lab.training.trainer import train
from harness import DATA, ROOT, SEEDS, Goal, Table, goals, keep, read, show

Rows = NDArray[np.float64]
MOST = 50_000
CARDS = "creditcard"
CHOSEN_ON = (
    "annthyroid", "campaign", "cardio", "donors", "fault", "letter", "magic.gamma", "mammography", "PageBlocks",
    "pendigits", "satellite", "shuttle", "thyroid", "vowels", "Waveform", "Wilt",
)  # fmt: skip
"""The sets of ADBench that the recipes were chosen on; others in the folder are left to check them."""
SEEDS_HERE = SEEDS[:5]
ABLATION_SEEDS = SEEDS[:1]
ABLATIONS = {
    "without the memory": {"memory": 0},
    "memory of 128 prototypes": {"memory": 128},
    "memory of 2,048 prototypes": {"memory": 2048},
    "deep network alone, with the memory": {"networks": [[80, 80, 80]], "swap_noise": [0.2]},
    "wide network alone, with the memory": {"networks": [[256]], "swap_noise": [0]},
    "all errors weighted alike": {"weighting": "none"},
    "plain cosine": {"kappa": 0},
    "anchor κ = 1": {"kappa": 1},
    "anchor κ = 2": {"kappa": 2},
    "anchor κ = 4": {"kappa": 4},
    "anchor κ = 8": {"kappa": 8},
    "without swap noise": {"swap_noise": [0]},
    "swap noise of 20% for both networks": {"swap_noise": [0.2, 0.2]},
    "1,000 steps": {"steps": 1000},
    "robust scaling": {"scaling": "robust"},
    "min-max scaling": {"scaling": "min-max"},
    "2% of the training rows trimmed": {"trim": 0.02},
    "5% of the training rows trimmed": {"trim": 0.05},
}
TRIMMED = ("2% of the training rows trimmed", "5% of the training rows trimmed")
CONTAMINATIONS = (0.01, 0.05)
"""Shares of the training rows."""
PRESETS = ("default", "small", "reference")
NEIGHBOURS, FOREST, OUTLIERS, AUTOENCODER = "KNN", "IsolationForest", "ECOD", "PyOD AutoEncoder"
PEERS = (NEIGHBOURS, FOREST, OUTLIERS, AUTOENCODER)
DETERMINISTIC = (NEIGHBOURS, OUTLIERS)


@dataclass(frozen=True)
class Fit:
    """One method on one set with one seed.

    Attributes:
        method: a recipe or a peer.
        recipe: a digest of the recipe; empty for a peer.
        contamination: the share of anomalies that were put among the training rows.
        auroc, average_precision: in percent.
        seconds: to fit.
    """

    data: str
    method: str
    seed: int
    contamination: float
    recipe: str
    auroc: float
    average_precision: float
    seconds: float


RESULT = tuple[Fit, ...]


def recipes() -> dict[str, Recipe]:
    """Every recipe that is measured, by its name in the tables."""
    presets = {f"aetk {name}": find_recipe(name) for name in PRESETS}
    return presets | {name: find_recipe("default", settings) for name, settings in ABLATIONS.items()}


def digest(recipe: Recipe) -> str:
    """Tells a recipe from what it was before; keys that were added since count where they are not at their default."""
    shown = [part.name for part in fields(recipe) if getattr(recipe, part.name) != part.default]
    text = f"Recipe({', '.join(f'{name}={getattr(recipe, name)!r}' for name in shown)})"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_of(data: str) -> Path:
    """The file of a set of ADBench."""
    return next((DATA / "adbench").glob(f"*_{data}.npz"))


def sets() -> list[str]:
    """The sets that the published figures can be compared on, and card fraud."""
    return [*CHOSEN_ON, CARDS]


@cache
def load(data: str) -> tuple[Rows, Rows, NDArray[np.bool_]]:
    """Training rows, test rows and the test rows' labels, by the published protocol."""
    if data == CARDS:
        tables = [pd.read_csv(DATA / CARDS / f"{part}.csv") for part in ("train", "test")]
        names = [name for name in tables[0] if name not in ("ID", "Class")]
        return tables[0][names].to_numpy(), tables[1][names].to_numpy(), tables[1]["Class"].to_numpy() == 1
    file = np.load(file_of(data))
    rows, labels = file["X"].astype(np.float64), file["y"] == 1
    if len(rows) > MOST:
        kept = np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST])
        rows, labels = rows[kept], labels[kept]
    ordinary = rows[~labels]
    half = len(ordinary) // 2
    test = np.concatenate([ordinary[half:], rows[labels]])
    return ordinary[:half], test, np.arange(len(test)) >= len(ordinary) - half


def contaminate(
    rows: Rows, test: Rows, labels: NDArray[np.bool_], share: float, seed: int
) -> tuple[Rows, Rows, NDArray[np.bool_]]:
    """Move anomalies from the test rows to the training rows."""
    random = np.random.default_rng(seed)
    anomalies = random.permutation(np.flatnonzero(labels))
    moved = anomalies[: min(round(share * len(rows)), len(anomalies) // 2)]
    rest = np.setdiff1d(np.arange(len(test)), moved)
    mixed = np.concatenate([rows, test[moved]])
    return mixed[random.permutation(len(mixed))], test[rest], labels[rest]


Task = tuple[str, str, int, float]


def measure(task: Task) -> Fit:
    """Fit one method with one seed and measure it on the test rows."""
    data, method, seed, contamination = task
    torch.set_num_threads(1)
    rows, test, labels = load(data)
    if contamination:
        rows, test, labels = contaminate(rows, test, labels, contamination, seed)
    recipe = recipes().get(method)
    strangeness, seconds = _peer(method, rows, test, seed) if recipe is None else fit_recipe(recipe, rows, test, seed)
    figures = (roc_auc_score(labels, strangeness), average_precision_score(labels, strangeness))
    kind = "" if recipe is None else digest(recipe)
    return Fit(data, method, seed, contamination, kind, *(round(100 * float(f), 3) for f in figures), round(seconds, 2))


def fit_recipe(recipe: Recipe, rows: Rows, test: Rows, seed: int) -> tuple[NDArray[np.float32], float]:
    """Train by a recipe: the strangeness of the test rows, and the seconds that the fit took."""
    frame = pd.DataFrame(rows).add_prefix("x")
    with tempfile.TemporaryDirectory() as folder:
        # the threshold is fixed and not looked at, so that no row need be held back to calibrate it
        report = train(
            frame, validation=frame, recipe=recipe, threshold="fixed:0.5", seed=seed, out=Path(folder) / "run"
        )
        detector = read_run(report.run).detector
    with torch.no_grad():
        return -detector(torch.from_numpy(test.astype(np.float32)))[0].numpy(), report.fit_seconds


def _peer(method: str, rows: Rows, test: Rows, seed: int) -> tuple[NDArray[np.float64], float]:
    scale = StandardScaler().fit(rows)
    rows, test = scale.transform(rows), scale.transform(test)
    start = time.perf_counter()
    model = _made(method, seed).fit(rows)
    seconds = time.perf_counter() - start
    scores: NDArray[np.float64] = model.decision_function(test)
    return (-scores if method == FOREST else scores), seconds


def _made(method: str, seed: int):
    if method == FOREST:
        from sklearn.ensemble import IsolationForest

        return IsolationForest(random_state=seed)
    if method == NEIGHBOURS:
        from pyod.models.knn import KNN

        return KNN(n_neighbors=5)
    if method == OUTLIERS:
        from pyod.models.ecod import ECOD

        return ECOD()
    from pyod.models.auto_encoder import AutoEncoder

    return AutoEncoder(random_state=seed, verbose=0)


def tasks(methods: Sequence[str]) -> Iterator[Task]:
    """Everything to be measured, seed by seed."""
    for seed in SEEDS_HERE:
        for method in methods:
            seeds = SEEDS_HERE[:1] if method in DETERMINISTIC else ABLATION_SEEDS if method in ABLATIONS else SEEDS_HERE
            if seed in seeds:
                yield from ((data, method, seed, 0.0) for data in sets())
    for method in set(methods) & {"aetk default", *TRIMMED}:
        yield from product(sets()[:-1], [method], ABLATION_SEEDS, CONTAMINATIONS)


def published(kind: str) -> pd.DataFrame:
    """The published means, in percent, of the sets that are here: `aucroc` or `aucpr`."""
    table = pd.read_csv(DATA / "published" / f"semi_{kind}_mean.csv", index_col=0)
    return table.loc[[data.lower() for data in sets() if data != CARDS]]


def means(fits: Sequence[Fit], method: str, pick: Callable[[Fit], float]) -> dict[str, float]:
    """Mean over the seeds, by set."""
    found: dict[str, list[float]] = {}
    for fit in fits:
        if fit.method == method:
            found.setdefault(fit.data, []).append(pick(fit))
    return {data: mean(values) for data, values in found.items()}


def tables(result: Sequence[Fit]) -> Sequence[Table]:
    """The figures as tables."""
    clean = [fit for fit in result if not fit.contamination]
    parts = _summary(clean), *_by_set(clean), _ablations(clean), _contaminated(result), _cards(clean)
    return (*parts, goals(_goals(clean)))


_KINDS: dict[str, tuple[str, Callable[[Fit], float]]] = {
    "AUROC": ("aucroc", lambda fit: fit.auroc),
    "average precision": ("aucpr", lambda fit: fit.average_precision),
}


def _columns(result: Sequence[Fit], kind: str) -> pd.DataFrame:
    """All methods, those here and the published ones, by set."""
    source, pick = _KINDS[kind]
    columns = published(source).add_suffix(", published")
    for method in [*(f"aetk {name}" for name in PRESETS), *PEERS]:
        values = means(result, method, pick)
        columns[f"**{method}**"] = [values[data] for data in sets() if data != CARDS]
    return columns


def _summary(result: Sequence[Fit]) -> Table:
    columns = {kind: _columns(result, kind) for kind in _KINDS}
    ranks = {kind: table.rank(axis=1, ascending=False).mean() for kind, table in columns.items()}
    averages = {kind: table.mean() for kind, table in columns.items()}
    order = averages["AUROC"].sort_values(ascending=False).index
    rows = [[name, *(f"{f[kind][name]:.1f}" for kind in _KINDS for f in (averages, ranks))] for name in order]
    count = len(columns["AUROC"])
    title = f"Means over {count} sets, in percent, and mean rank among {len(order)} methods; bold: measured here"
    return Table(title, ("method", "AUROC", "rank", "average precision", "rank"), rows)


def _by_set(result: Sequence[Fit]) -> Iterator[Table]:
    for kind, (source, pick) in _KINDS.items():
        best = published(source)
        rows = []
        for data in sets():
            if data == CARDS:
                continue
            of_set = [fit for fit in result if fit.data == data]
            found = [pick(fit) for fit in of_set if fit.method == "aetk default"]
            peers = [means(of_set, peer, pick)[data] for peer in PEERS]
            line = best.loc[data.lower()]
            ours = mean(found)
            lost = [name for name, value in line.items() if value > ours]
            verdict = "best of all" if not lost else f"{len(lost)} of {len(line)} are better"
            rows.append([
                data, f"{ours:.1f} ± {stdev(found):.1f}", *(f"{value:.1f}" for value in peers),
                f"{line.max():.1f} ({line.idxmax()})", verdict,
            ])  # fmt: skip
        head = ("set", "aetk default", *PEERS, "best published", "against the published")
        yield Table(f"{kind} by set, in percent, mean ± standard deviation of 5 seeds", head, rows)


def _ablations(result: Sequence[Fit]) -> Table:
    some = [fit for fit in result if fit.seed in ABLATION_SEEDS]
    rows = []
    for method in ("aetk default", *ABLATIONS):
        cells = []
        for _, pick in _KINDS.values():
            values = means(some, method, pick)
            cells += [f"{mean(v for d, v in values.items() if d != CARDS):.1f}", f"{values[CARDS]:.1f}"]
        rows.append([method, *cells])
    head = ("default recipe, but", "AUROC", f"on {CARDS}", "average precision", f"on {CARDS}")
    return Table(f"What each idea is worth: means over the sets, seed {ABLATION_SEEDS[0]}, in percent", head, rows)


def _contaminated(result: Sequence[Fit]) -> Table:
    rows = []
    for method in ("aetk default", *TRIMMED):
        cells = []
        for share in (0.0, *CONTAMINATIONS):
            some = [fit for fit in result if fit.contamination == share and fit.seed in ABLATION_SEEDS]
            for _, pick in _KINDS.values():
                values = means([fit for fit in some if fit.data != CARDS], method, pick)
                cells.append(f"{mean(values.values()):.1f}")
        rows.append([method, *cells])
    shares = ("clean", *(f"{share:.0%} anomalies" for share in CONTAMINATIONS))
    head = ("", *(f"{kind}, {share}" for share in shares for kind in _KINDS))
    return Table("Unlabelled anomalies among the training rows: means over the sets, one seed, in percent", head, rows)


def _cards(result: Sequence[Fit]) -> Table:
    rows = []
    for method in (*(f"aetk {name}" for name in PRESETS), *PEERS):
        fits = [fit for fit in result if (fit.data, fit.method) == (CARDS, method)]
        cells = [f"{mean(pick(fit) for fit in fits):.1f}" for _, pick in _KINDS.values()]
        rows.append([method, *cells, f"{mean(fit.seconds for fit in fits):.2f}"])
    return Table(f"{CARDS}, in percent", ("method", *_KINDS, "seconds to fit, on one thread"), rows)


def _goals(result: Sequence[Fit]) -> Iterator[Goal]:
    for kind, (source, pick) in _KINDS.items():
        found = mean(value for data, value in means(result, "aetk default", pick).items() if data != CARDS)
        best = published(source).mean()
        yield Goal(f"mean {kind}, more than {best.idxmax()}", found, round(float(best.max()), 3), at_least=True)


def main() -> None:
    """Measure what is missing, keeping every set's result at once."""
    options = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    options.add_argument("--fresh", action="store_true", help="measure everything again")
    options.add_argument("--only", metavar="METHOD", help="one method, and no tables")
    asked = options.parse_args()
    kept = (ROOT / "results" / "quality.json").exists() and not asked.fresh
    known = recipes()
    done = [
        fit
        for fit in (read("quality", RESULT)[1] if kept else ())
        if fit.method in PEERS or (fit.method in known and fit.recipe == digest(known[fit.method]))
    ]
    have = {(fit.data, fit.method, fit.seed, fit.contamination) for fit in done}
    methods = [asked.only] if asked.only else [*known, *PEERS]
    missing = [task for task in tasks(methods) if task not in have]
    with ProcessPoolExecutor(2) as pool:
        for number, fit in enumerate(pool.map(measure, missing), 1):
            done.append(fit)
            print(f"{number} of {len(missing)}: {fit.method}, {fit.data}, seed {fit.seed}: {fit.auroc:.1f}", flush=True)
            if number % 20 == 0 or number == len(missing):
                keep("quality", done)
    if not asked.only:
        show(tables(done))


if __name__ == "__main__":
    main()
