"""Formats what a card says about the cells of tables as text for a terminal."""

import json
from collections.abc import Iterator, Sequence

from aetk.contract.card import Feature
from aetk.contract.reading import DEFAULT, Encoding, TableFormat

_MOST = 10
"""Levels that are listed; of more, the first ones are."""


def table_format(table: TableFormat) -> list[str]:
    """What differs from the default format, in one line; no line if nothing does."""
    if table.is_default:
        return []
    known, default = table.to_data(), DEFAULT.to_data()
    changed = {key: value for key, value in known.items() if value != default[key]}
    return [f"table: {', '.join(f'{key} {json.dumps(value, ensure_ascii=False)}' for key, value in changed.items())}"]


def encoded(features: Sequence[Feature]) -> list[str]:
    """One line for each feature that is more than a column of plain numbers."""
    return [f"  {f.name}: {', '.join(_encoding(f.encoding))}" for f in features if not f.encoding.is_plain]


def missing_values(features: Sequence[Feature]) -> str:
    """What the model does with missing values of numbers, or of categories if there are no numbers."""
    policies = [feature.missing for feature in features if not feature.levels]
    return policies[0] if policies else features[0].missing


def _encoding(encoding: Encoding) -> Iterator[str]:
    if encoding.levels:
        shown = ", ".join(encoding.levels[:_MOST]) + (", ..." if len(encoding.levels) > _MOST else "")
        number = len(encoding.levels)
        yield f"{number} level{'s' * (number != 1)} ({shown}) and one for all other text"
    if encoding.truths:
        yield f"{encoding.truths[0]} is 0, {encoding.truths[1]} is 1"
    if encoding.notation != "decimal":
        yield encoding.notation
    if encoding.time_part:
        yield f"{encoding.time_part} of the column '{encoding.column}' ({encoding.time_format})"
    if encoding.missing:
        yield f"missing if {' or '.join(map(repr, encoding.missing))}"
