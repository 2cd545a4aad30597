"""Refuses kinds of table that only the lab reads, and says how to turn them into one that is read everywhere."""

import shlex
from pathlib import Path

from aetk.base.errors import BadInput
from aetk.base.streams import STANDARD
from aetk.edge.tables.unpack import plain_name

_KINDS = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), "a spreadsheet"),
    **dict.fromkeys((".npy", ".npz"), "arrays of NumPy"),
    **dict.fromkeys((".feather", ".arrow"), "Arrow data"),
    ".arff": "ARFF",
    ".mat": "arrays of MATLAB",
}


def refuse_other_kinds(path: Path) -> None:
    """Raise BadInput if the ending of a path is that of a kind of table that is not read here."""
    kind = None if path == STANDARD else _KINDS.get(plain_name(path).suffix.lower())
    if kind is not None:
        raise to_convert(path, kind)


def to_convert(path: Path, kind: str) -> BadInput:
    """The error for a table that has to be converted first."""
    plain = f"{plain_name(path).stem}.csv"
    return BadInput(
        f"{path} holds {kind}; expected CSV, JSON Lines or Parquet.",
        f"Convert it on a workstation with: aetk convert {shlex.quote(str(path))} {shlex.quote(plain)}",
    )
