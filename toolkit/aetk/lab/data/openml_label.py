"""Uses the target of an OpenML data set as the label if its values are 0 and 1."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from aetk.base.errors import BadInput
from aetk.lab.data.openml import OpenMLTable
from aetk.lab.data.source import is_numeric
from aetk.lab.data.text_columns import drop_hint

if TYPE_CHECKING:
    import pandas as pd


def find_label(tables: Iterable[Any], label: str | None, drop: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """Return the label column to use, and notes about the targets of OpenML data sets.

    If `label` is None, a data set's only target is the label if its values are exactly 0 and 1. Any other numeric
    target is a column like the others.

    Raises:
        BadInput: a target is not numeric, and is neither the label nor dropped.
    """
    notes: list[str] = []
    for table in tables:
        if not isinstance(table, OpenMLTable):
            continue
        notes += table.notes
        targets = [name for name in table.targets if name != label and name not in drop]
        if label is None and len(targets) == 1 and _is_binary(table.frame[targets[0]]):
            label = targets.pop()
            anomalies = int((table.frame[label] == 1).sum())
            notes.append(
                f"Label: '{label}', the target that OpenML names for {table.name}; 1 is the anomaly "
                f"({anomalies:,} of {len(table.frame):,} rows)."
            )
        for name in targets:
            if not is_numeric(table.frame[name]):
                raise BadInput(
                    f"{table.name}: the target '{name}' holds no numbers but {_examples(table.frame[name])}, "
                    "so it is neither a label of 0 and 1 nor a feature.",
                    f"{drop_hint(name)} (and name a label, if there is one, with --label)",
                )
            notes.append(f"'{name}', the target that OpenML names for {table.name}, is trained on as a feature.")
    return label, tuple(dict.fromkeys(notes))


def _is_binary(column: "pd.Series") -> bool:
    return is_numeric(column) and not column.isna().any() and set(column.unique()) == {0, 1}


def _examples(column: "pd.Series") -> str:
    found = [repr(str(value)) for value in column.dropna().unique()]
    return ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")
