"""The formats of tables: CSV and JSON Lines, as files and as streams; Parquet, as files only."""

from pathlib import Path
from typing import Literal

from aetk.base.errors import BadInput
from aetk.base.streams import STANDARD, is_stream
from aetk.edge.tables.chunk import PARQUET
from aetk.edge.tables.unpack import plain_name

Format = Literal["csv", "jsonl", "parquet"]

_ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    **dict[str, Format].fromkeys(PARQUET, "parquet"),
}


def by_ending(path: Path) -> Format | None:
    """The format that a path's ending means; None if it is unknown. A folder holds Parquet files.

    The ending of a compressed file is left out: `rows.jsonl.gz` holds JSON Lines.
    """
    if path != STANDARD and path.is_dir():
        return "parquet"
    if path.name.endswith(".card.json"):  # a model's card, which readers of text know by its first line
        return None
    return _ENDINGS.get(plain_name(path).suffix.lower())


def formats(data: Path, out: Path | None, chosen: Format | None) -> tuple[Format, Format]:
    """The format in which a table is read, and the format in which its scores are written.

    The ending decides; if it is unknown, as with `-`, the format is `chosen`, or CSV by default.

    Raises:
        BadInput: neither can have the chosen format, or Parquet would be written to a stream.
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
