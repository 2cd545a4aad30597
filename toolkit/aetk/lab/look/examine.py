"""Looks at a table: what it is, what its columns hold, and the command that trains on it."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from aetk.contract.arguments import checked
from aetk.contract.reading import Encoding, TableFormat, strip
from aetk.edge.tables.chunk import check_header, check_names, column_indices, show_name
from aetk.lab.look import labels as label_values
from aetk.lab.look.columns import Studied, study
from aetk.lab.look.commands import Base, commands
from aetk.lab.look.container import Container, find_container
from aetk.lab.look.decide import (
    category_words,
    choose,
    encodings_of,
    left_out_words,
    markers_of,
    parse_missing,
    parse_times,
)
from aetk.lab.look.evidence import giveaway_warning, giveaways, is_sum
from aetk.lab.look.labels_file import read_labels
from aetk.lab.look.missing import missing_decision
from aetk.lab.look.notation import find_notation
from aetk.lab.look.report import Column, Decision, LabelCandidate, Look, Option, Wishes
from aetk.lab.look.sample import Sample, sample_text
from aetk.lab.look.typed import TypedTable, of_memory, partition_keys, read_typed, shortest

_MOST_CLASSES = 20
"""The most values of a column of classes that has no name."""


@checked
def look(data: Any, *, label: str | None = None) -> Look:
    """Look at a table: what it is, what its columns hold, and the command that trains on it.

    A large file is looked at in parts; `Look.is_sample` says so.

    Args:
        data: a file or folder of any kind that `train` takes, or rows in memory.
        label: the label column; None to look for it.

    Raises:
        BadInput: the table cannot be read, or the label is not one of its columns.
        MissingExtra: a package that reads such files is not installed.
    """
    return examine(data, Wishes(label=label))


def examine(
    data: Any,
    wishes: Wishes,
    *,
    title: str = "the data frame",
    base: Base | None = None,
    others: Sequence[str] = (),
    other_labels: Counter[str] | None = None,
) -> Look:
    """See `look`; with all that a person may ask for.

    Args:
        data: see `look`.
        wishes: what the person said.
        title: the name of rows in memory for messages.
        base: the command that was typed, without the options that the look adds.
        others: the names of the columns of the validation table, which options may name as well.
        other_labels: the values of the label in the validation table, with the number of their rows.
    """
    sample = take_sample(data, wishes, title)
    base = base or Base.of(data, wishes)
    _check_named(sample, wishes, others)
    names, studied, sample, wished = _study(sample, wishes)
    label = None if wishes.labels else _position(names, wishes.label)
    notes, questions = list(sample.notes), list(sample.questions)
    counts = Counter[str]() if label is None else _values(sample, studied, label)
    if wishes.labels is not None:
        counts = Counter(read_labels(Path(wishes.labels), wishes))
        wishes = replace(wishes, label=strip(wishes.label or "label"))
    if other_labels:
        counts += other_labels
    candidates = _candidates(sample, studied, wishes, counts, label)
    if wishes.label is not None and candidates:
        found = candidates[0]
        if not (found.anomaly or found.ordinary):
            questions.append(label_values.undecided(found, is_given=True))
        else:
            notes.append(_label_words(found))
    columns, asked = choose(sample, studied, wishes, label)
    if wishes.label is None and candidates:
        questions.append(_label_question(candidates))
        columns = [replace(c, use="undecided") if c.name == candidates[0].column else c for c in columns]
    table = _table(sample, candidates if wishes.label is not None and not wishes.labels else ())
    features, encodings = [], []
    for position, column in enumerate(columns):
        if column.use == "feature":
            for name, encoding in encodings_of(
                column, sample.columns[position], markers_of(column, table.missing, wished)
            ):
                features.append(name)
                encodings.append(encoding)
    strict, table = table, _lenient(sample, table, columns, encodings)
    questions += asked
    if sample.container.kind in ("text", "parquet") and not wishes.skip_footer:
        questions += _totals(sample, studied, columns)
    missing = missing_decision(sample, studied, columns, wishes)
    if missing is not None:
        questions.append(missing)
    warnings = _giveaway(sample, studied, columns, candidates, label)
    notes += [
        *_format_words(sample, table),
        *category_words(columns),
        *left_out_words(columns),
        *_markers_words(columns),
    ]
    ready, rest, options = commands(base, questions, wishes)
    return Look(
        title=sample.title,
        container=sample.container.kind,
        compression=sample.container.compression,
        encoding=sample.found_by,
        rows=sample.rows if sample.is_whole else None,
        looked_at=sample.rows,
        table=table,
        columns=tuple(columns),
        features=tuple(features),
        encodings=tuple(encodings),
        label=tuple(candidates),
        notes=tuple(notes),
        warnings=tuple(warnings),
        decisions=tuple(questions),
        options=options,
        command=ready,
        others=rest,
        is_plain=_is_plain(sample, table, encodings),
        is_lenient=table != strict,
    )


def _is_plain(sample: Sample, table: TableFormat, encodings: Sequence[Encoding]) -> bool:
    return (
        sample.container in (Container("text"), Container("parquet"))
        and table.is_default
        and all(encoding.is_plain for encoding in encodings)
        and not (sample.path is not None and sample.container.kind == "parquet" and partition_keys(sample.path))
    )


def names_of(data: Any, wishes: Wishes, title: str) -> tuple[str, ...]:
    """The names of a table's columns, as they are in it."""
    return take_sample(data, wishes, title).names


def column_values(data: Any, wishes: Wishes, title: str) -> Counter[str]:
    """The values of the label in a table, with the number of their rows; none if it has no such column."""
    names, studied, sample, _ = _study(take_sample(data, wishes, title), wishes)
    position = _position(names, wishes.label)
    return Counter() if position is None else _values(sample, studied, position)


def take_sample(data: Any, wishes: Wishes, title: str) -> Sample:
    """The rows of a table that are looked at."""
    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        container = find_container(path)
        if container.kind == "text":
            return sample_text(path, container, wishes)
        return _of_typed(read_typed(path, container, wishes, is_sample=True), str(path), container, path)
    return _of_typed(of_memory(data, title, wishes.drop), title, Container("memory"), None)


def _of_typed(found: TypedTable, title: str, container: Container, path: Path | None) -> Sample:
    rows = len(found.columns[0]) if found.columns else 0
    return Sample(
        title=title,
        container=container,
        names=found.names,
        columns=found.columns,
        padded=(False,) * len(found.columns),
        places=list(range(1, rows + 1)),
        is_whole=found.is_whole,
        notes=found.notes,
        path=path,
    )


def _study(sample: Sample, wishes: Wishes) -> tuple[list[str], list[Studied], Sample, dict[str, tuple[str, ...]]]:
    """The names without blanks, what each column holds, the sample with its decimal signs, and wished markers."""
    is_typed = sample.container.kind != "text"
    names = [strip(name) for name in sample.names]
    everywhere, single = parse_missing(wishes.missing_value, names)
    table = replace(sample.table, missing=tuple(dict.fromkeys((*sample.table.missing, *everywhere))))
    if not is_typed:
        table = find_notation(sample.columns, table)
    sample = replace(sample, table=table)
    head = len(sample.places) if sample.path is None or not is_typed else sample.rows
    studied = [
        study(name, cells, table, head, is_typed=is_typed, markers=single.get(name, ()))
        for name, cells in zip(names, sample.columns, strict=True)
    ]
    return names, studied, sample, single


def _check_named(sample: Sample, wishes: Wishes, others: Sequence[str]) -> None:
    """Raise BadInput if an option names a column that neither this table nor the validation rows have."""
    names = [strip(name) for name in (*sample.names, *others)]
    title = sample.title
    label = [wishes.label] if wishes.label and wishes.labels is None else []
    times = list(parse_times(wishes.time))
    column_indices(title, names, [strip(n) for n in (*label, *wishes.drop, *wishes.category, *wishes.keep, *times)])
    if sample.container.kind in ("memory", "parquet"):
        kept = [name for name in sample.names if strip(name) not in {strip(n) for n in wishes.drop}]
        check_names(title, kept)
    elif not sample.names and sample.path is not None:
        check_header(sample.path, sample.names)


def _position(names: Sequence[str], wanted: str | None) -> int | None:
    if wanted is None:
        return None
    return next((i for i, name in enumerate(names) if name == strip(wanted)), None)


def _values(sample: Sample, studied: Sequence[Studied], position: int) -> Counter[str]:
    """The values of a column, but for missing ones, with the number of their rows."""
    cells = sample.columns[position]
    if isinstance(cells, np.ndarray):
        return Counter(shortest(value) for value in cells[~np.isnan(cells)].tolist())
    from aetk.lab.look.cells import is_missing

    return Counter(cell for cell in cells if not is_missing(cell) and cell not in sample.table.missing)


def _candidates(
    sample: Sample, studied: Sequence[Studied], wishes: Wishes, counts: Counter[str], label: int | None
) -> list[LabelCandidate]:
    """The label with the meaning of its values; without a label, the columns that look like it."""
    if wishes.label is not None:
        name = strip(wishes.label)
        if not counts:
            return []
        if wishes.anomaly or wishes.ordinary:
            return [label_values.chosen(name, counts, wishes.anomaly, wishes.ordinary, is_whole=sample.is_whole)]
        return [replace(label_values.meaning(name, counts), why="--label")]
    left = {strip(name) for name in (*wishes.drop, *wishes.keep, *wishes.category, *wishes.time)}
    found = []
    for position, one in enumerate(studied):
        column = one.column
        if column.name in left or not column.name or column.kind not in ("number", "true/false", "category", "mixed"):
            continue
        if column.distinct > 64 or column.distinct < 2:
            continue
        values = _values(sample, studied, position)
        why = label_values.looks_like_label(column.name, values)
        if not why and sample.table.header is False and position in (0, len(studied) - 1):
            why = _classes(column, values, [other.column for other in studied if other is not one])
        if why:
            found.append(replace(label_values.meaning(column.name, values), why=why))
    return found


def _classes(column: Column, values: Counter[str], others: Sequence[Column]) -> str:
    """Why the first or the last column of a table without names looks like the label; empty if it does not."""
    measured = sum(other.distinct > _MOST_CLASSES for other in others if other.kind == "number")
    few = 2 <= len(values) <= _MOST_CLASSES and all(value.lstrip("+-").isdigit() for value in values)
    if column.kind in ("number", "true/false") and few and len(others) > 1 and 10 * measured >= 8 * len(others):
        return "a few whole numbers beside columns of measurements, in a table without names"
    return ""


def _label_words(found: LabelCandidate) -> str:
    values = dict(found.values)
    said = [label_values.canonical(value) for value in found.anomaly or found.ordinary]
    rows = sum(values.get(value, 0) for value in said)
    rest = sum(values.values()) - rows
    means, other = ("an anomaly", "ordinary") if found.anomaly else ("an ordinary row", "an anomaly")
    shown = ", ".join(f"'{value[:40]}'" for value in said[:4])
    return f"label '{show_name(found.column)}': {shown} means {means} ({rows:,} rows), all else {other} ({rest:,})"


def _label_question(candidates: Sequence[LabelCandidate]) -> Decision:
    """The question whether a column is the label, with the ways on."""
    first, more = candidates[0], candidates[1:]
    name = first.column
    drop = tuple(word for other in more for word in ("--drop", other.column))
    question = f"Column '{show_name(name)}' looks like the label ({first.why}), and --label does not name it. It holds "
    question += label_values.holds(dict(first.values))
    if first.anomaly or first.ordinary:
        ways = [Option(("--label", name, *drop), f"'{name}' is the label")]
    else:
        undecided = label_values.undecided(first, is_given=False)
        question += " Which of them mean an anomaly?" + " -1 is taken for neither." * ("-1" in dict(first.values))
        ways = [Option((*way.words, *drop), f"'{name}' is the label, {way.why}") for way in undecided.ways]
    ways.append(Option(("--drop", name, *drop), f"leave '{name}' out"))
    ways.append(Option(("--keep", name), f"'{name}' is a measurement like the others"))
    return Decision(question, tuple(ways))


def _table(sample: Sample, candidates: Sequence[LabelCandidate]) -> TableFormat:
    table = sample.table if sample.container.kind == "text" else TableFormat(missing=sample.table.missing)
    if candidates and (candidates[0].anomaly or candidates[0].ordinary):
        table = replace(table, labels=label_values.as_labels(candidates[0]))
    return table


def _lenient(
    sample: Sample, table: TableFormat, columns: Sequence[Column], encodings: Sequence[Encoding]
) -> TableFormat:
    """The format, made another than the default where that would refuse the table: blanks, cells too many, names twice.

    Only a card with a table lets readers leave out blanks around cells and an empty cell at the end.
    """
    if sample.container.kind != "text" or not table.is_default:
        return table
    used = [sample.padded[i] for i, column in enumerate(columns) if column.use in ("feature", "label")]
    names = [strip(name) for name in sample.names]
    if any(used) or sample.is_uneven or "" in names or len({*sample.names}) != len(sample.names):
        return replace(table, comment=sample.free_comment)
    return table


def _totals(sample: Sample, studied: Sequence[Studied], columns: Sequence[Column]) -> list[Decision]:
    """The question about a last row that is the sum of the others."""
    numbers = [
        one.values
        for one, column in zip(studied, columns, strict=True)
        if column.use == "feature" and column.kind == "number"
    ]
    if not sample.is_whole or not numbers or not is_sum(np.stack(numbers, axis=1)):
        return []
    return [
        Decision(
            f"{sample.where(sample.rows - 1)}: the last row is the sum of all others.",
            (Option(("--skip-footer", "1"), "the last row holds totals"),),
        )
    ]


def _giveaway(
    sample: Sample,
    studied: Sequence[Studied],
    columns: Sequence[Column],
    candidates: Sequence[LabelCandidate],
    label: int | None,
) -> list[str]:
    if label is None or not candidates or not (candidates[0].anomaly or candidates[0].ordinary):
        return []
    found = candidates[0]
    same = {label_values.canonical(value) for value in found.anomaly or found.ordinary}
    cells = sample.columns[label]
    texts = [shortest(value) for value in cells.tolist()] if isinstance(cells, np.ndarray) else cells
    known = {text: (label_values.canonical(text) in same) == bool(found.anomaly) for text in {*texts}}
    giving = giveaways(studied, columns, np.array([known[text] for text in texts], bool))
    return [giveaway_warning(giving)] if giving else []


def _format_words(sample: Sample, table: TableFormat) -> list[str]:
    found = list[str]()
    if sample.container.compression:
        found.append(f"it is compressed by {sample.container.compression}")
    if sample.container.kind == "text" and table.encoding != "utf-8":
        found.append(f"it is encoded in {sample.found_by}")
    if table.decimal == ",":
        found.append("numbers have a decimal comma")
    if table.thousands:
        sign = {" ": "a blank", "\u00a0": "a blank", "\u202f": "a blank"}.get(table.thousands, f"'{table.thousands}'")
        found.append(f"groups of three digits are separated by {sign}")
    return found


def _markers_words(columns: Sequence[Column]) -> list[str]:
    """A line about the cells that mean missing values in single columns."""
    from aetk.lab.look.cells import is_missing

    found = dict[str, list[str]]()
    for column in columns:
        if column.use == "feature":
            for cell, _ in column.missing:
                if not is_missing(cell):
                    found.setdefault(cell, []).append(column.name)
    return [
        f"'{cell}' means a missing value in {', '.join(repr(name) for name in names[:6])}{', ...' * (len(names) > 6)}"
        for cell, names in found.items()
    ]
