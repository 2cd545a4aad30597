"""The formats of tables: CSV and JSON Lines, as files and as streams; Parquet, as files only."""

from pathlib import Path
from typing import Literal

from aetk.base.errors import BadInput
from aetk.base.streams import STANDARD, is_stream
from aetk.edge.tables.chunk import PARQUET

Format = Literal["csv", "jsonl", "parquet"]

_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    **dict[str, Format].fromkeys(PARQUET, "parquet"),
}


def by_ending(path: Path) -> Format | None:
    """What a path's ending says; None where it says nothing. A folder is one of Parquet files."""
    if path != STANDARD and path.is_dir():
        return "parquet"
    return _ENDINGS.get(path.suffix.lower())


def formats(data: Path, out: Path | None, chosen: Format | None) -> tuple[Format, Format]:
    """In which format a table is read, and in which its scores are written.

    An ending decides; where it says nothing, as with `-`, it is the one that was `chosen`, or CSV.

    Raises:
        BadInput: the one that was chosen is for neither, or Parquet would be written to a stream.
    """
    source, target = by_ending(data), None if out is None else by_ending(out)
    if chosen is not None and chosen not in (source or chosen, target or chosen):
        raise BadInput(
            f"The endings of {data} and {out} say {source} and {target}, not {chosen}.",
            "Leave --format out, or name files whose endings say nothing else.",
        )
    if target == "parquet" and out is not None and is_stream(out):
        raise BadInput(f"{out} is a stream; Parquet is written to files only.", "Name a file, or take another format.")
    return source or chosen or "csv", target or chosen or "csv"
