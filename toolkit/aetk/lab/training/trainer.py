"""Trains a detector, from a table to a run folder."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aetk.base.errors import BadInput
from aetk.base.locks import locked
from aetk.base.torchrun import is_started_by_torchrun
from aetk.contract.arguments import checked
from aetk.lab import runs
from aetk.lab.data.looked import look_first
from aetk.lab.look.commands import Base
from aetk.lab.look.report import Look
from aetk.lab.presets import find_recipe
from aetk.lab.recipe import Recipe
from aetk.lab.training.choose_plan import choose_plan
from aetk.lab.training.distributed.group import ALONE, Group
from aetk.lab.training.distributed.join import joined
from aetk.lab.training.options import FRAME, Options, check_world, find_folder, merge, plan_recipe, share_options
from aetk.lab.training.plan import Data
from aetk.lab.training.report import Extras, TrainReport
from aetk.lab.training.signals import StopRequest
from aetk.lab.training.streamable import file_of

if TYPE_CHECKING:
    from aetk.lab.training.checkpoint import Checkpoint


@checked
def train(
    data: Data | None = None,
    *,
    validation: Data | None = None,
    label: str | None = None,
    drop: Sequence[str] = (),
    no_header: bool | None = None,
    skip_rows: int | None = None,
    skip_footer: int | None = None,
    comment: str | None = None,
    sheet: str | None = None,
    labels: str | Path | None = None,
    anomaly: Sequence[str] = (),
    ordinary: Sequence[str] = (),
    missing_value: Sequence[str] = (),
    category: Sequence[str] = (),
    keep: Sequence[str] = (),
    time: Sequence[str] = (),
    recipe: str | Path | Recipe | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str | None = None,
    amp: bool | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    missing: str | None = None,
    threshold: str | None = None,
    stream: bool | None = None,
    resume: bool = False,
    out: str | Path | None = None,
    progress: bool | None = None,
    extras: Extras = lambda _: {},
    on_stage: Callable[[str], None] = lambda _: None,
    on_look: Callable[[Look], None] = lambda _: None,
    command: Sequence[str] = (),
) -> TrainReport:
    """Train a detector.

    A file's rows are streamed if they do not fit into memory. The processes that torchrun starts train one detector
    together, on streamed rows; the first writes the run, and all return its report.

    Args:
        data: a table of any kind that `aetk.look` knows, `openml:ID`, None for the built-in breast-cancer table, or
            rows in memory of any kind that `Scorer.score` takes. Columns without names are called c1, c2, ...
        validation: rows to select and calibrate on; with None, some rows of `data` are held back.
        label: the label column; see `lab.data.dataset.load_dataset` for OpenML.
        drop: columns to leave out.
        no_header: whether a text file has no names; None to find out. Columns are then called c1, c2, ...
        skip_rows: the number of lines before everything else; None to find out.
        skip_footer: the number of rows at the end to leave out; None to find out.
        comment: lines that begin with this text are left out; None to find out.
        sheet: the sheet of a spreadsheet.
        labels: a file that holds the labels, one a row.
        anomaly: values of the label that mean an anomaly; all others then mean an ordinary row.
        ordinary: values of the label that mean an ordinary row; all others then mean an anomaly.
        missing_value: cells that mean a missing value: `VALUE`, or `COL=VALUE` for one column.
        category: columns to read as categories.
        keep: columns to keep that would be left out, such as row numbers.
        time: columns of times that become hour of day and day of week: `COL`, or `COL=FORMAT` with a format of
            `contract.reading.TIME_FORMATS`.
        recipe: `default`, `small` or `reference`, the path of a TOML file, or a `Recipe`; see `lab.presets`.
        settings: values that replace those of the recipe, by key.
        device: `auto`, `cpu`, `cuda` or `mps`.
        amp: mixed precision, on CUDA only: the networks compute in bfloat16 as far as PyTorch's autocast does; the
            weights and everything else stay float32.
        epochs: the number of passes over the rows, which replaces the recipe's `epochs` or `steps`.
        seed: the seed of everything random; None for 41.
        missing: `reject` or `median`; None for `reject`.
        threshold: `fixed:VALUE`, `best-f1`, `conformal` or `conformal:RATE`; None for the recipe's own.
        stream: whether to read a file's rows in parts, again in each epoch, instead of keeping them in memory; None to
            do so only if they do not fit.
        resume: continue an interrupted run: the one in `out`, else the newest. Options not given are those of the run.
        out: the run folder; None for the first free `runs/NAME-N`.
        progress: whether to show a progress bar; None to show it only in a notebook.
        extras: makes additional files for the run folder, by name, from the report.
        on_stage: called at the start of each stage with its name: `reading the table`, `training`, ...
        on_look: called with the look at the table, before PyTorch is imported; not called for the built-in table.
        command: the words of the command that was typed, for messages that hold a command to use; () to make them up.

    Raises:
        BadInput: wrong data or options, or another process is writing the run folder.
        CheckFailed: the loss is not finite, or downloaded data does not match its checksum.
        Unavailable: the device is missing, or cannot train repeatably or in mixed precision; there is no network for
            `openml:ID`; or another process of torchrun was lost.
        Interrupted: stopped by a signal, after saving.
    """
    given = {
        "data": _name(data),
        "validation": _name(validation),
        "label": label,
        "drop": list(drop) or None,
        "no_header": no_header,
        "skip_rows": skip_rows,
        "skip_footer": skip_footer,
        "comment": comment,
        "sheet": sheet,
        "labels": None if labels is None else str(labels),
        "anomaly": list(anomaly) or None,
        "ordinary": list(ordinary) or None,
        "missing_value": list(missing_value) or None,
        "category": list(category) or None,
        "keep": list(keep) or None,
        "time": list(time) or None,
        "recipe": find_recipe(recipe, settings).to_data() if recipe is not None or settings else None,
        "device": device,
        "amp": amp,
        "epochs": epochs,
        "seed": seed,
        "missing": missing,
        "threshold": threshold,
        "stream": stream,
    }
    distributed = is_started_by_torchrun()
    noting = StopRequest() if distributed else contextlib.nullcontext(None)  # without torchrun, only the fit saves
    with noting as stop, joined() as group, contextlib.ExitStack() as held:
        folder = None if out is None else Path(out)
        with group.fail_together():
            if resume and group.is_first:
                folder = find_folder(folder)
            existing = folder if folder is not None and folder.is_dir() and group.is_first else None
            if existing is not None:
                _claim(existing, held)
        options, saved = _begin(given, folder, resume, data, group)
        on_stage("reading the table")
        plan_recipe(options)
        if options.stream:
            file_of(options.data if data is None else data, options.world)
        with group.fail_together():
            looked = look_first(
                options.data if data is None else data,
                options.validation if validation is None else validation,
                options.wishes,
                Base(tuple(command)) if command else None,
            )
            if looked.look is not None and group.is_first:
                on_look(looked.look)
        is_chosen = stream is not None or saved is not None
        plan = choose_plan(options, looked, folder, saved, group, stop, held, on_stage, is_chosen=is_chosen)
        # imported only after the table is read and checked, since they import PyTorch
        from aetk.lab.training import finish, fitting
        from aetk.lab.training.device import repeatable_cublas

        with group.fail_together():
            if group.is_first and existing is None:
                _claim(plan.folder, held)
        on_stage("training")
        preprocessing = fitting.fit_preprocessing(plan, group)
        bar = fitting.progress_bar(progress if group.is_first else False)
        with repeatable_cublas(plan.device):
            networks, done, peak = fitting.fit_networks(plan, preprocessing, saved, bar, group, stop)
        report = None
        with group.fail_together():
            if group.is_first:
                detector = fitting.make_detector(plan, preprocessing, networks, on_stage)
                report = finish.finish(plan, preprocessing, detector, done, peak, extras, on_stage)
        return finish.share_report(report, group)


def _begin(
    given: Mapping[str, Any], folder: Path | None, resume: bool, data: Data | None, group: Group
) -> tuple[Options, "Checkpoint | None"]:
    """The merged options and the checkpoint of an interrupted run, which the first process reads and shares."""
    saved, options = None, None
    with group.fail_together():
        if group.is_first:
            if resume and folder is not None:
                from aetk.lab.training.checkpoint import read_saved  # imports PyTorch

                saved = read_saved(folder)
            if resume and saved is None and data is None:
                raise BadInput(f"{folder} holds no checkpoint yet.", "Leave --resume out to start it.")
            before = None if saved is None else saved.options
            world = None if group is ALONE else group.world
            check_world(before, world)
            options = merge(given, before, world)
    if group is ALONE:
        return share_options(options, group), saved
    from aetk.lab.training.checkpoint import share_checkpoint

    return share_options(options, group), share_checkpoint(saved, group)


def _claim(folder: Path, held: contextlib.ExitStack) -> None:
    """Lock a run folder until `held` is closed; raise BadInput if it contains a finished run."""
    held.enter_context(locked(folder, 0, "Wait for it, or name another folder with --out."))
    if runs.is_finished(folder):
        runs.sweep(folder)
        raise BadInput(f"{folder} already holds a finished run.", "Name another folder with --out, or remove this one.")


def _name(data: Data | None) -> str | None:
    return None if data is None else str(data) if isinstance(data, (str, os.PathLike)) else FRAME
