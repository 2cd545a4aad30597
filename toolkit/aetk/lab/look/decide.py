"""Decides what becomes of each column: a feature, the label, left out, or a question for a person."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from aetk.base.errors import BadInput
from aetk.contract.reading import MOST_LEVELS, PARTS, TIME_FORMATS, Encoding, strip
from aetk.edge.tables.chunk import listed, show_name
from aetk.lab.look.cells import is_missing, unread
from aetk.lab.look.columns import TRUTHS, Studied
from aetk.lab.look.report import Column, Decision, Option, Wishes
from aetk.lab.look.sample import Sample

_LEFT_OUT = {
    "row number": "a row number",
    "time": "a time",
    "identifier": "an identifier",
    "constant": "the same text in every row",
    "text": "free text",
    "empty": "empty",
}
_FORCE = {"row number": "--keep", "identifier": "--category", "constant": "--category", "text": "--category"}


def choose(
    sample: Sample, studied: list[Studied], wishes: Wishes, label: int | None
) -> tuple[list[Column], list[Decision]]:
    """What becomes of each column, in order, and what a person has to decide; `label` is the label's position."""
    dropped, kept = _stripped(wishes.drop), _stripped(wishes.keep)
    categories, times = _stripped(wishes.category), parse_times(wishes.time)
    columns, questions = list[Column](), list[Decision]()
    firsts = dict[str, int]()
    for position, found in enumerate(studied):
        column = found.column
        same = firsts.setdefault(column.name, position) if column.name else position
        if position == label:
            columns.append(replace(column, kind="label", use="label", why=""))
        elif column.name in dropped and column.name:
            columns.append(replace(column, use="left out", why="--drop"))
        elif same != position:
            columns.append(_double(sample, column, position, same, questions))
        elif column.name in categories:
            columns.append(replace(column, kind="category", why="--category"))
        elif column.name in times:
            columns.append(_timed(sample, column, times[column.name], position))
        elif not column.name:
            columns.append(_unnamed(column, position, sample))
        else:
            is_filled = wishes.missing == "median"
            columns.append(
                _usual(sample, column, position, questions, is_kept=column.name in kept, is_filled=is_filled)
            )
    return columns, questions


def _stripped(names: Sequence[str]) -> set[str]:
    return {strip(name) for name in names}


def _usual(
    sample: Sample, column: Column, position: int, questions: list[Decision], *, is_kept: bool, is_filled: bool
) -> Column:
    if column.kind in ("number", "true/false", "category"):
        return column
    if is_kept:
        return _kept(sample, column, position)
    if column.kind == "mixed":
        if _is_rare_beyond_head(sample, position):  # reading the whole table ends with the line of the cell
            return replace(column, kind="number", why="", odd=("some cells are no numbers",), levels=())
        questions.append(_mixed(sample, column, position, is_filled=is_filled))
        return replace(column, use="undecided")
    if column.kind == "unclear":
        name = column.name
        questions.append(
            Decision(
                f"Column '{show_name(name)}' holds text with {column.distinct:,} different values in {sample.rows:,} "
                f"rows, such as {_examples(column)}: is it a category, or does it name single rows?",
                (
                    Option(("--drop", name), f"leave '{name}' out, if it names single rows"),
                    Option(("--category", name), f"'{name}' as a category; rare values count together"),
                ),
            )
        )
        return replace(column, kind="text", use="undecided")
    return replace(column, use="left out")


def _kept(sample: Sample, column: Column, position: int) -> Column:
    """A column that is forced in: as numbers if it holds numbers, else as a category."""
    if isinstance(sample.columns[position], np.ndarray) or column.low is not None:
        return replace(column, kind="number", why="--keep")
    if column.kind == "empty":
        raise BadInput(f"Column '{show_name(column.name)}' is empty, so it cannot be kept.", "Leave --keep out.")
    if column.kind == "mixed":
        return replace(column, kind="number", why="--keep")
    return replace(column, kind="category", why="--keep")


def _is_rare_beyond_head(sample: Sample, position: int) -> bool:
    """Whether few cells are no numbers, the first of them in a part of a text file whose line is not known."""
    cells = sample.columns[position]
    if sample.container.kind != "text" or isinstance(cells, np.ndarray):
        return False
    wrong = {*unread([cell for cell in dict.fromkeys(cells) if not is_missing(cell)], Encoding(""), sample.table)}
    rows = [row for row, cell in enumerate(cells) if cell in wrong]
    return bool(rows) and rows[0] >= len(sample.places) and 100 * len(rows) < len(cells)


def _mixed(sample: Sample, column: Column, position: int, *, is_filled: bool) -> Decision:
    """The question about a column of numbers and other text, with the place of the first cell that is no number."""
    name, cells = column.name, sample.columns[position]
    assert isinstance(cells, list)
    if column.why == "text that looks like numbers":
        return Decision(
            f"{sample.title}, column '{show_name(name)}': found text that looks like numbers, such as "
            f"{_examples(column)}.",
            (
                Option(("--drop", name), f"leave '{name}' out, or turn it into numbers before"),
                Option(("--category", name), f"'{name}' as a category"),
            ),
        )
    plain = Encoding(name)
    wrong = unread([cell for cell in dict.fromkeys(cells) if not is_missing(cell)], plain, sample.table)
    first = next(row for row, cell in enumerate(cells) if cell == wrong[0])
    rows = sum(cell in set(wrong) for cell in cells)
    ways = []
    if len(wrong) <= 3:
        words = tuple(word for cell in wrong for word in ("--missing-value", f"{name}={cell}"))
        words += () if is_filled else ("--missing", "median")
        ways.append(Option(words, f"{_quoted(wrong)} in '{name}' mean{'s' * (len(wrong) == 1)} a missing value"))
    ways.append(Option(("--drop", name), f"leave '{name}' out"))
    if column.distinct <= MOST_LEVELS:
        ways.append(Option(("--category", name), f"'{name}' as a category"))
    if len(wrong) > 3:
        ways.sort(key=lambda way: way.words[0] != "--drop")
    return Decision(
        f"{sample.where(first)}, column '{show_name(name)}': found '{wrong[0][:40]}', expected a number; "
        f"{rows:,} of {len(cells):,} cells are no numbers.",
        tuple(ways),
    )


def _quoted(cells: Sequence[str]) -> str:
    return ", ".join(f"'{cell[:40]}'" for cell in cells)


def _examples(column: Column) -> str:
    return ", ".join(f"'{cell[:40]}'" for cell, _ in column.levels[:3])


def _double(sample: Sample, column: Column, position: int, same: int, questions: list[Decision]) -> Column:
    first, second = sample.columns[same], sample.columns[position]
    equal = (
        np.array_equal(first, second, equal_nan=True)
        if isinstance(first, np.ndarray) and isinstance(second, np.ndarray)
        else first == second
    )
    if equal:
        return replace(column, use="left out", why="the same name and the same cells as a column before")
    name = column.name
    questions.append(
        Decision(
            f"{sample.title}: two columns are called '{show_name(name)}', and hold different values.",
            (Option(("--drop", name), f"leave both columns '{name}' out, or rename one of them"),),
        )
    )
    return replace(column, use="undecided")


def _unnamed(column: Column, position: int, sample: Sample) -> Column:
    if column.kind in ("row number", "empty", "identifier"):
        why = "no name, and it counts: an index" if column.kind == "row number" else "no name"
        return replace(column, use="left out", why=why)
    if position == 0 and column.low is not None and column.distinct == sample.rows:
        return replace(
            column, use="left out", kind="row number", why="no name, and another number in every row: an index"
        )
    raise BadInput(f"{sample.title}: column {position + 1} has no name.", "Give every column a name of its own.")


def parse_times(wishes: Sequence[str]) -> dict[str, str]:
    """The formats of `--time COL[=FORMAT]` by column; an empty one is to be found."""
    found = {}
    for wish in wishes:
        name, sign, order = wish.rpartition("=")
        if sign and order in TIME_FORMATS:
            found[strip(name)] = order
        else:
            found[strip(wish)] = ""
    return found


def _timed(sample: Sample, column: Column, order: str, position: int) -> Column:
    order = order or column.time_format
    if not order:
        raise BadInput(
            f"--time {column.name}: "
            + (
                "day and month could be either way round."
                if column.kind == "time" and not column.why
                else "it holds no times that can be read."
            ),
            f"Say which, for instance: --time {column.name}=dmy; the formats are {', '.join(TIME_FORMATS)}.",
        )
    return replace(column, kind="time", use="feature", why="--time", time_format=order)


def encodings_of(column: Column, cells: object, markers: tuple[str, ...]) -> list[tuple[str, Encoding]]:
    """The features that a column becomes, by name, and how its cells become them."""
    name = column.name
    if column.kind == "time":
        return [
            (f"{name} {part}", Encoding(name, missing=markers, time_format=column.time_format, time_part=part))
            for part in PARTS
        ]
    if column.kind == "category":
        levels = tuple(level for level, _ in column.levels)
        return [(name, Encoding(name, levels=levels, missing=markers))]
    if column.kind == "true/false":
        seen = {cell.lower() for cell, _ in column.levels}
        pair = next(pair for pair in TRUTHS if seen <= {*pair})
        return [(name, Encoding(name, truths=pair, missing=markers))]
    return [(name, Encoding(name, notation=column.notation, missing=markers))]


def markers_of(column: Column, table_missing: Sequence[str], wished: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The cells that mean a missing value in this column alone."""
    found = [cell for cell, _ in column.missing if not is_missing(cell)]
    return tuple(dict.fromkeys(cell for cell in (*wished.get(column.name, ()), *found) if cell not in table_missing))


def parse_missing(values: Sequence[str], names: Sequence[str]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The cells of `--missing-value` for all columns, and those for single columns."""
    known = {strip(name) for name in names}
    everywhere, single = list[str](), dict[str, tuple[str, ...]]()
    for value in values:
        name, sign, cell = value.partition("=")
        while sign and strip(name) not in known and "=" in cell:
            more, _, cell = cell.partition("=")
            name = f"{name}={more}"
        if sign and strip(name) in known:
            single[strip(name)] = (*single.get(strip(name), ()), cell)
        else:
            everywhere.append(value)
    return tuple(everywhere), single


def left_out_words(columns: Sequence[Column]) -> list[str]:
    """Lines that say which columns are left out, one for each reason."""
    groups = dict[str, list[str]]()
    for position, column in enumerate(columns, 1):
        if column.use != "left out" or column.why == "--drop":
            continue
        groups.setdefault(f"{column.kind}\n{column.why}", []).append(column.name or f"(column {position})")
    found = []
    for key, names in groups.items():
        kind, _, why = key.partition("\n")
        reason = why or _LEFT_OUT.get(kind, kind)
        if why and kind in _LEFT_OUT and not why.startswith(("no name", "the same")):
            reason = f"{_LEFT_OUT[kind]}: {why}"
        force = _FORCE.get(kind, "")
        if (kind == "time" and why in ("", "it counts s from 1970")) or why.endswith("from 1970"):
            force = "--time"
        if why.startswith(("no name", "the same")):
            force = ""
        shown = listed([f"'{show_name(name)}'" for name in names])
        hint = f"; {force} takes {'it' if len(names) == 1 else 'them'} in" if force else ""
        found.append(f"left out: {shown} ({reason}{hint})")
    return found


def category_words(columns: Sequence[Column]) -> list[str]:
    """Lines about features that are not plain numbers."""
    kinds = {
        "category": "categories",
        "true/false": "true/false as 1/0",
        "percent": "numbers with a percent sign",
        "hex": "hexadecimal numbers",
        "time": "times as hour of day and day of week",
    }
    found = []
    for kind, words in kinds.items():
        names = [
            f"'{show_name(column.name)}'" + (f" ({column.distinct:,} levels)" if kind == "category" else "")
            for column in columns
            if column.use == "feature" and kind in (column.kind, column.notation)
        ]
        if names:
            found.append(f"{words}: {listed(names)}")
    return found
