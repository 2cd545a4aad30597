"""The plan of a job, made before it starts, so that a later run knows what an earlier one has left to do."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from aetk.base import typed_json
from aetk.base.errors import BadInput
from aetk.cluster.storage import Entry, Folder
from aetk.edge.scoring.batch_scorer import BatchScorer
from aetk.edge.tables import parquet

PLAN = "_aetk-plan.json"
"""The plan's file name in the folder of scores; readers of Parquet folders ignore names that begin with `_`."""

_AT_ONCE = 16
"""The number of files that are read in parallel: each takes some round trips to an object store."""


@dataclass(frozen=True)
class Partition:
    """A file of the data, which is scored into a file of the same name.

    Attributes:
        name: its path within the folder.
        rows: the number of its rows, by its footer.
        first: the number of its first row in the whole table, counted from 1.
    """

    name: str
    rows: int
    first: int


@dataclass(frozen=True)
class Plan:
    """A model, its threshold, and the files to score.

    Attributes:
        model: SHA-256 of the model file.
        threshold: the threshold in use.
        contribution: whether contributions are written.
        id_column: the column that is copied in place of row numbers; None for row numbers.
        entries: the files as they were listed.
        partitions: the same files with their numbers of rows.
    """

    model: str
    threshold: float
    contribution: bool
    id_column: str | None
    entries: tuple[Entry, ...]
    partitions: tuple[Partition, ...]

    @cached_property
    def text(self) -> str:
        """The plan as JSON; equal plans have equal texts."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def make_plan(data: Folder, scorer: BatchScorer, id_column: str | None) -> Plan:
    """Make the plan from every file's footer.

    Raises:
        BadInput: there are no files or no rows, or a file is not Parquet or lacks a column.
        Unavailable: the store cannot be reached.
    """
    entries = tuple(data.tables())
    if not entries:
        raise BadInput(f"{data} holds no Parquet files; expected a folder of them.", "Name another folder, or a URL.")
    text = [] if id_column is None else [id_column]
    counts = count_rows(data, entries, scorer.feature_names, text)
    partitions, first = [], 1
    for entry, rows in zip(entries, counts, strict=True):
        partitions.append(Partition(entry.name, rows, first))
        first += rows
    if first == 1:
        raise BadInput(f"{data} has no rows.")
    return Plan(scorer.digest, scorer.threshold, scorer.contribution, id_column, entries, tuple(partitions))


def count_rows(data: Folder, entries: Sequence[Entry], numeric: Sequence[str], text: Sequence[str]) -> list[int]:
    """Count the rows of files by their footers, and check their columns."""

    def count(entry: Entry) -> int:
        with data.open(entry.name) as file:
            return parquet.footer_rows(f"{data}/{entry.name}", file, numeric, text)

    return list(map_in_threads(count, entries))


def map_in_threads(function: Any, items: Sequence[Any]) -> list[Any]:
    """Call a function that waits for a store on each item, in parallel; return the results in order."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(function, items))


def write_or_match_plan(plan: Plan, out: Folder) -> None:
    """Write a plan into the folder of scores, or check that it is there already.

    Raises:
        BadInput: the folder holds another plan, or tables without a plan.
    """
    try:
        with out.open(PLAN) as file:
            found = file.read()
    except FileNotFoundError:
        if out.tables():
            raise BadInput(
                f"{out} holds Parquet files that are not scores of aetk's.", "Name an empty or a new folder with --out."
            ) from None
        with out.create(PLAN) as file:
            file.write(plan.text.encode())
        return
    if found != plan.text.encode():
        raise BadInput(
            f"{out} holds scores of {_difference(found, plan)}.",
            "Name another folder with --out, or remove this one to start again.",
        )


def _difference(found: bytes, plan: Plan) -> str:
    try:
        other = typed_json.parse(found)
        if other["model"] != plan.model:
            return "another model"
        if other["entries"] != [asdict(entry) for entry in plan.entries]:
            return "other files, or of the same before they were changed"
    except (ValueError, KeyError, TypeError):
        return f"a plan that cannot be read ({PLAN})"
    return "the same data by other options"
