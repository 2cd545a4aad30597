"""What a job will do, settled before it starts, so that a second driver knows what the first has left."""

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
"""Where a plan is kept among the scores; readers of Parquet folders leave names that begin with `_` alone."""

_AT_ONCE = 16
"""Files that are looked at side by side: of an object store, each takes some round trips."""


@dataclass(frozen=True)
class Partition:
    """A file of the data, which becomes one of the scores, of the same name.

    Attributes:
        name: its path within the folder.
        rows: by its footer.
        first: the number of its first row in the whole table, counted from 1.
    """

    name: str
    rows: int
    first: int


@dataclass(frozen=True)
class Plan:
    """A model, what it decides by, and the files that it is to score.

    Attributes:
        model: SHA-256 of the model file.
        threshold: that decides.
        contribution: whether contributions are written.
        id_column: carried along in place of row numbers.
        entries: the files, as they were seen.
        partitions: the same, counted.
    """

    model: str
    threshold: float
    contribution: bool
    id_column: str | None
    entries: tuple[Entry, ...]
    partitions: tuple[Partition, ...]

    @cached_property
    def text(self) -> str:
        """As JSON: the same plan, the same text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def make_plan(data: Folder, scorer: BatchScorer, id_column: str | None) -> Plan:
    """Look at every file's footer.

    Raises:
        BadInput: no files, or one that is not Parquet or lacks a column.
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
    """The rows of files whose columns fit, by their footers."""

    def count(entry: Entry) -> int:
        with data.open(entry.name) as file:
            return parquet.footer_rows(f"{data}/{entry.name}", file, numeric, text)

    return list(map_in_threads(count, entries))


def map_in_threads(function: Any, items: Sequence[Any]) -> list[Any]:
    """What a function that waits for a store makes of each item, in order."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(function, items))


def write_or_match_plan(plan: Plan, out: Folder) -> None:
    """Write a plan beside the scores, or find it there.

    Raises:
        BadInput: the folder holds another plan, or tables that no plan is known of.
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
            "Name another folder with --out, or remove this one to start anew.",
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
