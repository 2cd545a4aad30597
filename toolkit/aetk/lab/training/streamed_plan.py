"""Makes the plan of a training on streamed rows, by one process or several."""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from aetk.base.errors import BadInput
from aetk.contract.threshold import Method
from aetk.edge.tables.formats import by_ending
from aetk.edge.tables.read import header
from aetk.lab.data.dataset import Dataset, check_finite, match_columns
from aetk.lab.data.hash_split import HashSplit
from aetk.lab.data.looked import Looked, exact, read_validation
from aetk.lab.data.shards import Columns, Shard, Stream, find_shards
from aetk.lab.data.source import Source, check_features, feature_names, text_in_words
from aetk.lab.data.split import Split, in_words, select_on_validation
from aetk.lab.data.warnings import column_warnings, label_warnings
from aetk.lab.recipe import Recipe
from aetk.lab.runs import RUNS
from aetk.lab.training.checkpoint import Checkpoint
from aetk.lab.training.device import check_amp, find_device
from aetk.lab.training.distributed.group import Group
from aetk.lab.training.options import Options, plan_recipe
from aetk.lab.training.plan import Plan, check_calibration, check_same_data, choose_method, make_folder, notes
from aetk.lab.training.signals import StopRequest
from aetk.lab.training.streamable import chooser, file_of
from aetk.lab.training.survey import Survey, take_survey
from aetk.lab.training.working_rows import write_shards


def make_streamed_plan(
    options: Options,
    looked: Looked,
    folder: Path | None,
    saved: Checkpoint | None,
    group: Group,
    stop: StopRequest,
    held: contextlib.ExitStack,
    note: str = "",
) -> Plan:
    """Do the same as `plan.make_plan` for streamed rows; every process of the group calls it.

    The plan of the first process holds the rows to select and to calibrate on, and a sample of the rows to fit on. The
    plans of the others hold no rows.

    Args:
        options, looked, folder, saved: see `plan.make_plan`.
        group: the processes that train together.
        stop: records SIGINT and SIGTERM.
        held: keeps the working file of the rows, if there is one, until it is closed.
        note: the first note on the plan for the user, or "".

    Raises:
        BadInput: the data is not a file, the recipe needs all rows in memory, or data or options are wrong.
        Unavailable: the device is missing, or does not support mixed precision.
        Interrupted: a signal came.
    """
    recipe = plan_recipe(options)
    _check_recipe(recipe, options.world)
    path = file_of(looked.data, options.world)
    with group.fail_together():
        _check_plain(looked, options.world)
        names = header(path)
        columns = _columns(path, names, looked)
        shards = _look_at(path, columns)
        held_out = _read_validation(path, names, columns, options, looked) if group.is_first else None
    if shards is None:
        shards = write_shards(path, columns, folder or RUNS / path.stem, held, group, stop)
    hash_split = HashSplit(options.seed, options.validation is None, recipe.select_on == "training")
    survey = take_survey(shards, columns, str(path), hash_split, options.missing, group, stop)
    fingerprint = group.broadcast(_fingerprint(survey, held_out))
    check_same_data(fingerprint, saved)
    dataset = _dataset(path, columns, survey, held_out)
    method = choose_method(recipe, options, dataset.validation_labels)
    nothing = survey.sample[:0]
    parts = Split(nothing, nothing, None, nothing, None, "")
    with group.fail_together():
        device = group.device(find_device(options.device))
        if options.amp:
            check_amp(device)
        if group.is_first:
            basis = "rows held back from training" if held_out is None else "validation rows"
            basis = in_words(basis, method, dataset.validation_labels)
            parts = _split(dataset, survey, basis, recipe, method, options.seed)
            check_calibration(method, parts)
            folder = make_folder(folder, dataset.name)
            warnings = (note, *dataset.warnings, *survey.notes, *notes(method, parts, folder, saved))
            dataset = replace(dataset, warnings=tuple(filter(None, warnings)))
    return Plan(
        options=replace(options, fingerprint=fingerprint),
        recipe=recipe,
        method=method,
        dataset=dataset,
        parts=parts,
        device=device,
        folder=Path(group.broadcast(str(folder))),
        fit_rows=survey.fit_rows,
        stream=Stream(survey.shards, columns, hash_split, survey.own_rows, survey.moments),
    )


def _check_recipe(recipe: Recipe, world: int | None) -> None:
    if recipe.trim:
        raise BadInput(
            f"The recipe's trim is {recipe.trim:g}, for which all rows have to be in memory; streamed rows are not.",
            f"Use --set trim=0, or leave {chooser(world)} out.",
        )
    fewest = 2 * (world or 1)
    if recipe.batch_rows < fewest:
        raise BadInput(
            f"The recipe's batch_rows is {recipe.batch_rows}; {world} processes need at least {fewest}.",
            "Use fewer processes, or --set batch_rows.",
        )


def _check_plain(looked: Looked, world: int | None) -> None:
    """Raise BadInput if the table is not in a format that is streamed."""
    found = looked.look
    if found is None or (found.is_plain and not looked.wishes.labels):
        return
    raise BadInput(
        f"{found.title} is not a table that can be streamed: rows are streamed from CSV in the default format or "
        "Parquet, with 0 and 1 as labels and columns of numbers.",
        f"Leave {chooser(world)} out, or write the table in the default format with: "
        f"aetk convert {found.title} NEW.csv",
    )


def _columns(path: Path, all_names: Sequence[str], looked: Looked) -> Columns:
    found, label = looked.look, looked.wishes.label
    drop = exact(all_names, (*looked.wishes.drop, *(found.left_out if found else ())))
    label = None if label is None else next(iter(exact(all_names, [label])), None)
    names = feature_names(str(path), all_names, label, drop)
    check_features(str(path), names)
    return Columns(names, label)


def _look_at(path: Path, columns: Columns) -> tuple[Shard, ...] | None:
    """The row groups of Parquet as shards; None for another file format."""
    if by_ending(path) != "parquet":
        return None
    with text_in_words(path, columns.features, columns.label):
        return find_shards(path, columns)


def _read_validation(
    path: Path, all_names: Sequence[str], columns: Columns, options: Options, looked: Looked
) -> Source | None:
    """Read and check the validation rows; None without --val."""
    if looked.validation is None:
        return None
    found = read_validation(looked)
    found = match_columns(str(path), columns.features, found)
    check_finite(found, options.missing)
    return found


def _fingerprint(survey: Survey, held_out: Source | None) -> str:
    """The fingerprint of the data and, if there are any, of the validation rows."""
    if held_out is None:
        return survey.fingerprint
    nothing = held_out.values[:0]
    rows = Dataset("", "", held_out.names, nothing, None, held_out.values, held_out.labels)
    return hashlib.sha256(f"{survey.fingerprint} {rows.fingerprint}".encode()).hexdigest()


def _dataset(path: Path, columns: Columns, survey: Survey, held_out: Source | None) -> Dataset:
    """The data set of the rows in memory: the sample, and validation rows or else those held back from training."""
    if held_out is not None:
        rows, labels = held_out.values, held_out.labels
    else:
        rows = np.concatenate([survey.calibration, survey.anomalies])
        labels = None if columns.label is None else np.arange(len(rows)) >= len(survey.calibration)
    labelled, anomalies = (0, 0) if columns.label is None else (survey.rows, survey.rows - survey.ordinary)
    if held_out is not None and held_out.labels is not None:
        labelled, anomalies = labelled + len(held_out.labels), anomalies + int(held_out.labels.sum())
    # the sample may miss the few rows in which a nearly constant column varies
    extremes = np.stack([survey.moments.low, survey.moments.high])[:, : len(columns.features)]
    ordinary = np.concatenate([survey.sample, survey.selection, survey.calibration, extremes])
    return Dataset(
        name=path.stem,
        source=str(path),
        features=columns.features,
        rows=survey.sample,
        labels=None,
        validation=rows,
        validation_labels=labels,
        warnings=(
            *label_warnings(labelled, anomalies),
            *column_warnings(columns.features, ordinary, survey.redundancy, columns.encodings),
        ),
        encodings=columns.encodings,
        table=columns.table,
    )


def _split(dataset: Dataset, survey: Survey, basis: str, recipe: Recipe, method: Method, seed: int) -> Split:
    """Do the same as `lab.data.split.split`, with the sample in place of the rows to fit on."""
    assert dataset.validation is not None
    validation, labels = dataset.validation, dataset.validation_labels
    if recipe.select_on == "training":
        return Split(survey.sample, survey.selection, None, validation, labels, basis)
    random = np.random.default_rng(seed)
    return select_on_validation(survey.sample, validation, labels, basis, method, random)
