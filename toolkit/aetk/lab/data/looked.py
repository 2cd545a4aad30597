"""Looks at the tables of a training before anything else, and reads them by what was decided."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aetk.base.errors import BadInput, Unavailable
from aetk.contract.reading import strip
from aetk.edge.tables.read import DoesNotFit
from aetk.lab.data.openml import OpenMLTable, is_openml, read_openml
from aetk.lab.data.openml_label import find_label
from aetk.lab.data.source import Source, check_features, check_number, read_source
from aetk.lab.look.commands import Base, answer_text, question_text
from aetk.lab.look.examine import column_values, examine, names_of
from aetk.lab.look.read import read_whole
from aetk.lab.look.report import Look, Wishes

_FRAME, _VALIDATION = "the data frame", "the validation data frame"


@dataclass(frozen=True)
class Looked:
    """The tables of a training and the look at them.

    Attributes:
        data: a path, an OpenML table or rows in memory.
        validation: the same, or None.
        wishes: what a person said; with the target of an OpenML data set as the label, if it is one.
        notes: about the targets of OpenML data sets.
        look: the look at `data`; None for the built-in table.
    """

    data: Any
    validation: Any
    wishes: Wishes
    notes: tuple[str, ...]
    look: Look | None


def look_first(data: Any, validation: Any, wishes: Wishes, base: Base | None = None) -> Looked:
    """Look at the tables of a training.

    Args:
        data, validation: see `lab.data.dataset.load_dataset`.
        wishes: what a person said.
        base: the command that was typed.

    Raises:
        BadInput: a table cannot be read, an option names what is not there, or a person has to decide something; the
            message then holds the commands to choose from.
        CheckFailed, Unavailable: an OpenML data set cannot be fetched.
    """
    if data is None:
        if validation is not None or wishes != Wishes(missing=wishes.missing):
            raise BadInput("--val, --label and --drop need data of your own.", "Name a CSV or Parquet file.")
        return Looked(None, None, wishes, (), None)
    rows, held_out = _fetched(data), None if validation is None else _fetched(validation)
    label, notes = find_label((rows, held_out), wishes.label, (*wishes.drop, *wishes.category, *wishes.keep))
    wishes = replace(wishes, label=label)
    others: tuple[str, ...] = ()
    counts: Counter[str] | None = None
    if held_out is not None:
        others = names_of(_rows(held_out), wishes, _VALIDATION)
        if label is not None and not wishes.labels:
            counts = column_values(_rows(held_out), wishes, _VALIDATION)
    found = examine(
        _rows(rows), wishes, title=_title(rows), base=base or _base(data, wishes), others=others, other_labels=counts
    )
    if found.decisions:
        raise BadInput(question_text(found.decisions), answer_text(found.command, found.others, found.options))
    return Looked(rows, held_out, wishes, notes, found)


def _base(data: Any, wishes: Wishes) -> Base:
    return Base.of(data if isinstance(data, (str, os.PathLike)) else None, wishes)


def _rows(data: Any) -> Any:
    return data.frame if isinstance(data, OpenMLTable) else data


def _title(data: Any) -> str:
    return data.name if isinstance(data, OpenMLTable) else _FRAME


def _fetched(data: Any) -> Any:
    return read_openml(str(data)) if is_openml(data) else data


def exact(names: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The names as they are in a table, blanks around them included, that are wanted without regard to those."""
    stripped = {strip(name) for name in wanted}
    return tuple(name for name in names if strip(name) in stripped)


def read_by_look(looked: Looked, copies: float) -> tuple[Source, Source | None]:
    """Read the tables of a training by the look at them.

    Raises:
        BadInput: a row or a cell is not what was decided.
        DoesNotFit: the rows of a file do not fit in memory.
    """
    found, wishes = looked.look, looked.wishes
    assert found is not None
    if _is_simple(looked, found):
        return _read_plain(looked, found, copies)
    check_features(found.title, found.features)
    check_number(found.title, len(found.features))
    try:
        table = _source(looked.data, found, wishes, copies, _FRAME, None)
    except DoesNotFit as error:
        raise Unavailable(
            error.message,
            "Only tables in the default format are streamed; write this one in it with: "
            f"aetk convert {found.title} NEW.csv",
        ) from None
    if looked.validation is None:
        return table, None
    return table, _source(looked.validation, found, wishes, copies, _VALIDATION, table)


def _is_simple(looked: Looked, found: Look) -> bool:
    """Whether the tables are read as those of contract 1 are: in the default format, numbers in every column."""
    is_memory = found.container == "memory" and found.table.is_default
    is_plain = found.is_plain or (is_memory and all(encoding.is_plain for encoding in found.encodings))
    return is_plain and not looked.wishes.labels


def _read_plain(looked: Looked, found: Look, copies: float) -> tuple[Source, Source | None]:
    """Read CSV in the default format, Parquet, or numbers in memory."""
    wishes = looked.wishes
    names = names_of(_rows(looked.data), wishes, _FRAME)
    label = None if wishes.label is None else next(iter(exact(names, [wishes.label])), None)
    table = read_source(looked.data, _FRAME, label, exact(names, (*wishes.drop, *found.left_out)), copies)
    return table, None if looked.validation is None else read_validation(looked)


def read_validation(looked: Looked) -> Source:
    """Read the validation rows, where the table is in the default format; see `read_by_look`."""
    assert looked.look is not None
    wishes = looked.wishes
    names = names_of(_rows(looked.validation), wishes, _VALIDATION)
    label = None if wishes.label is None else next(iter(exact(names, [wishes.label])), None)
    drop = exact(names, (*wishes.drop, *looked.look.left_out))
    return read_source(looked.validation, _VALIDATION, label, drop)


def _source(data: Any, found: Look, wishes: Wishes, copies: float, title: str, like: Source | None) -> Source:
    fixed = None if like is None else like.encodings
    rows = _rows(data)
    whole = read_whole(rows, found, wishes, copies, title=title if rows is data else data.name, fixed=fixed)
    is_file = isinstance(data, (str, os.PathLike))
    if isinstance(data, OpenMLTable):
        title, name = data.name, data.name
    elif is_file:
        title, name = str(data), _stem(Path(data))
    else:
        name = "frame"
    return Source(
        title,
        name,
        whole.all_names,
        whole.features,
        whole.values,
        whole.labels,
        whole.where,
        whole.encodings,
        whole.notes,
    )


def _stem(path: Path) -> str:
    """A file's name without its endings, for the name of a run."""
    stem = path.stem
    if path.suffix.lower() in (".gz", ".bz2", ".xz", ".zip") and Path(stem).suffix:
        stem = Path(stem).stem
    return stem
