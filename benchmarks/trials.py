"""What compatibility.py asks of execution providers: that they answer as the CPU does, row by row.

Rows by the thousand are scored by the provider, and by the CPU in the environment that runs the script. Every
decision, every validity and every similarity is compared; rows near the threshold are not left out.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.contract import spec
from aetk.contract.golden import Disagreement
from aetk.edge.model import load
from aetk.lab.data.dataset import load_dataset
from devices import Answer, Device, Place, make_device
from harness import Table, reason
from hostapps import run

RANDOM_ROWS = 20_000
ODD_VALUES = ("nan", "inf", "-inf", "3.4028235e+38", "-3.4028235e+38", "1e+20", "1e-45", "0.0", "-0.0", "")
"""As a CSV file has them; the last is a missing value. Each stands in one column, in half of them and in all."""
TOLERANCE = 1e-6
"""How far a similarity may lie from the CPU's."""
EXPLAINED_ROWS = 2_000
"""So many, the last ones, are scored again for their contributions."""


@dataclass(frozen=True)
class Trial:
    """One model on one provider.

    Attributes:
        placement: nodes by the provider that `aetk verify` found them on; empty where it refused.
        rows: whose scores were compared with the CPU's; 0 where it did not come to that.
        flipped_decisions: rows that were decided differently.
        flipped_validities: rows that were judged valid on one side only.
        largest_difference: of similarity; None where it is infinite or was not found.
        worst_row: the row of that difference, counted from 0; those from `RANDOM_ROWS` on are the odd ones.
        contribution_difference: the largest; None where the model has no contributions, too.
    """

    model: str
    verify: Answer
    score: Answer
    bench: Answer
    placement: Mapping[str, int]
    rows: int
    flipped_decisions: int
    flipped_validities: int
    largest_difference: float | None
    worst_row: int | None
    contribution_difference: float | None


@dataclass(frozen=True)
class ProviderResult:
    """One provider in one environment.

    Attributes:
        packages: what was installed beside aetk.
        provider: its short name.
        variables: the names of the environment variables that were set for it.
        doctor: what `aetk doctor` said of it: the reason, where the provider does not work.
        trials: one for each model.
    """

    packages: str
    provider: str
    variables: tuple[str, ...]
    doctor: Answer
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class PageTrial:
    """One model in the web page, on WebGPU and on WebAssembly.

    Attributes:
        rows: random and odd ones, that both have judged; 0 where it did not come to that.
        flipped_decisions: rows that were decided differently.
        flipped_validities: rows that were judged valid on one side only.
        largest_difference: of similarity; None where it was not found.
        contribution_difference: the largest; None where the model has no contributions, too.
        runtime: of the page, and its version.
        wrong: what went wrong; empty where nothing did.
    """

    model: str
    rows: int
    flipped_decisions: int
    flipped_validities: int
    largest_difference: float | None
    contribution_difference: float | None
    runtime: str
    wrong: str


@dataclass(frozen=True)
class Rows:
    """The rows to score, in files.

    Attributes:
        table: CSV; `RANDOM_ROWS` of them, and then the odd ones.
        last: the last `EXPLAINED_ROWS` of them, float32 [rows, n], in a `.npy` file.
    """

    table: Path
    last: Path


@dataclass(frozen=True)
class Task:
    """A model, the rows for it, and what the CPU answers, by the names of the model's outputs."""

    model: Path
    rows: Rows
    answers: Mapping[str, NDArray[Any]]


def make_tasks(models: Mapping[str, Path], folder: Path) -> dict[str, Task]:
    """Write the rows in a folder, and ask the CPU; models and tasks by the name of the model."""
    folder.mkdir(exist_ok=True)
    names, cells = _cells()
    rows = Rows(folder / "rows.csv", folder / "last.npy")
    rows.table.write_text("\n".join(map(",".join, [names, *cells])) + "\n")
    last = [[float(cell or "nan") for cell in row] for row in cells[-EXPLAINED_ROWS:]]
    np.save(rows.last, np.array(last).astype(np.float32))
    here = Device(Path(sys.executable).parent, folder, "cpu")
    tasks = {}
    for name, model in models.items():
        answer, answers = _answers(here, model, rows)
        if answer.exit_code:
            raise RuntimeError(answer.words)
        tasks[name] = Task(model, rows, answers)
    return tasks


def _cells() -> tuple[list[str], list[list[str]]]:
    """Columns and cells of the CSV file."""
    table = load_dataset(None)
    random = np.random.default_rng(16)
    shape = (RANDOM_ROWS, len(table.features))
    near = table.rows[random.integers(0, len(table.rows), RANDOM_ROWS)]
    far = 10 ** random.uniform(-3, 2, (RANDOM_ROWS, 1))  # in standard deviations of a column
    rows = (near + random.normal(0, 1, shape) * far * table.rows.std(axis=0)).astype(np.float32)
    rows[random.random(shape) < 0.0003] = np.nan
    rows[random.random(shape) < 0.0003] = np.inf
    cells = [list(map(str, row)) for row in rows]
    ordinary = list(map(str, np.median(table.rows, axis=0).astype(np.float32)))
    columns = range(len(ordinary))
    for value in ODD_VALUES:
        for chosen in (columns[:1], columns[-1:], columns[::2], columns):
            cells.append([value if column in chosen else ordinary[column] for column in columns])
    return list(table.features), cells


def _answers(device: Device, model: Path, rows: Rows) -> tuple[Answer, dict[str, NDArray[Any]]]:
    """How scoring ended, and what a device answers for the rows; contributions for the last ones alone."""
    answer, answers = device.score(model, rows.table)
    if answers and any(output.name == spec.CONTRIBUTION for output in load(model).graph.outputs):
        answers |= device.contributions(model, rows.last)
    return answer, answers


def try_provider(place: Place, tasks: Mapping[str, Task], wheel: Path, folder: Path) -> ProviderResult:
    """Try a provider on each task, with the wheel of aetk, in an environment that is kept in a folder."""
    device = make_device(place, wheel, folder)
    trials = []
    for name, task in tasks.items():
        verify, placement = device.verify(task.model)
        score, answers = _answers(device, task.model, task.rows)
        trials.append(Trial(name, verify, score, device.bench(task.model), placement, **_compare(task, answers)))
    return ProviderResult(place.name, place.provider, tuple(sorted(place.variables)), device.doctor(), tuple(trials))


def _compare(task: Task, answers: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """The fields of `Trial` that hold what was answered to what the CPU answers."""
    fields: dict[str, Any] = {"rows": 0, "flipped_decisions": 0, "flipped_validities": 0}
    fields |= {"largest_difference": None, "worst_row": None, "contribution_difference": None}
    if not answers:
        return fields
    card = load(task.model).card
    found: Disagreement[int] = Disagreement(card.threshold.value, card.similarity.tolerance)
    outputs, known = ({name: side[name] for name in spec.OUTPUTS} for side in (answers, task.answers))
    rows = len(known[spec.SIMILARITY])
    found.add(outputs, known, near_ties=np.zeros(rows, np.bool_), names=range(rows))
    fields |= {"rows": rows, "worst_row": found.where, "largest_difference": _finite(found.largest_difference)}
    fields |= {"flipped_decisions": found.flipped_decisions, "flipped_validities": found.flipped_validity}
    if spec.CONTRIBUTION in task.answers:
        shares, expected = (side[spec.CONTRIBUTION].astype(np.float64) for side in (answers, task.answers))
        fields["contribution_difference"] = _finite(np.abs(shares - expected).max())
    return fields


def _finite(difference: float) -> float | None:
    return float(difference) if np.isfinite(difference) else None


def try_page(models: Mapping[str, Path], app: Path) -> tuple[PageTrial, ...]:
    """Try models, by their names, in a built web page, whose script makes the rows and compares the two."""
    try:
        lines = run(["node", "tests/providers.mjs", "--rows", RANDOM_ROWS, *models.values()], app).stdout.splitlines()
    except subprocess.CalledProcessError as error:
        wrong = json.dumps({"wrong": reason(RuntimeError(error.stderr or error.stdout))})
        lines = [wrong] * len(models)
    return tuple(_page_trial(name, json.loads(line)) for name, line in zip(models, lines, strict=True))


def _page_trial(name: str, found: Mapping[str, Any]) -> PageTrial:
    if "wrong" in found:
        return PageTrial(name, 0, 0, 0, None, None, "", str(found["wrong"]).splitlines()[0])
    flips = (found["flipped_decisions"], found["flipped_validity"])
    differences = (found["largest_difference"], found["largest_contribution_difference"])
    if None in flips:
        return PageTrial(name, 0, 0, 0, None, None, found["runtime"], "the two judged different numbers of rows")
    return PageTrial(name, found["rows"], *flips, *differences, found["runtime"], "")


def trial_tables(
    providers: Sequence[ProviderResult], pages: Sequence[PageTrial], models: Sequence[str]
) -> tuple[Table, ...]:
    """Providers by models, what is said of the providers that run no model, and the web page by models."""
    compared = ("installed", "provider", *models, "contributions")
    ran, refused = ([p for p in providers if runs_a_model(p) is wanted] for wanted in (True, False))
    agreement = [[p.packages, p.provider, *map(_agreement, p.trials), _contributions(p.trials)] for p in ran]
    refusals = [
        [p.packages, p.provider, p.doctor.words or "works", _exit_codes(p), p.trials[0].verify.words] for p in refused
    ]
    runtime = max(page.runtime for page in pages)
    return (
        Table("Agreement with the CPU", compared, agreement),
        Table("Refused", ("installed", "provider", "`aetk doctor`", "exit codes", "`aetk verify`"), refusals),
        Table("The page", compared, [[runtime, "webgpu", *map(_agreement, pages), _contributions(pages)]]),
    )


def runs_a_model(found: ProviderResult) -> bool:
    """Whether a provider did not refuse every model."""
    return any(not trial.verify.exit_code for trial in found.trials)


def _agreement(trial: Trial | PageTrial) -> str:
    """The largest difference of a similarity; or what went wrong."""
    failed = [f"{count} {what} differ" for what, count in _flips(trial).items() if count]
    if isinstance(trial, PageTrial):
        failed += [trial.wrong] if trial.wrong else []
    else:
        commands = {"verify": trial.verify, "score": trial.score, "bench": trial.bench}
        failed += [f"{name} ends with {a.exit_code}: {a.words}" for name, a in commands.items() if a.exit_code]
    if trial.rows:
        found = "not finite" if trial.largest_difference is None else f"{trial.largest_difference:.2g}"
        failed.append(found)
    return "; ".join(failed).replace("|", "\\|")


def _flips(trial: Trial | PageTrial) -> dict[str, int]:
    return {"decisions": trial.flipped_decisions, "validities": trial.flipped_validities}


def _contributions(trials: Sequence[Trial | PageTrial]) -> str:
    found = [trial.contribution_difference for trial in trials if trial.contribution_difference is not None]
    return f"{max(found):.2g}" if found else ""


def _exit_codes(found: ProviderResult) -> str:
    codes = {answer.exit_code for t in found.trials for answer in (t.verify, t.score, t.bench)}
    return ", ".join(map(str, sorted(codes)))
