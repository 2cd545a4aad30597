"""Says whether the rows of a table can be streamed, before anything is read."""

import os
from pathlib import Path

from aetk.base.errors import BadInput
from aetk.lab.data.openml import is_openml
from aetk.lab.training.options import FRAME
from aetk.lab.training.plan import Data


def file_of(data: Data | None, world: int | None) -> Path:
    """The path of the data; raise BadInput if the data is not a file."""
    found = "the built-in table" if data is None else "rows in memory"
    if isinstance(data, (str, os.PathLike)) and data != FRAME:
        if not is_openml(data):
            return Path(data)
        found = f"'{data}'"
    raise BadInput(
        f"Rows are streamed from a CSV or Parquet file or a folder of Parquet files; found {found}.",
        f"Name a file or a folder, or leave {chooser(world)} out.",
    )


def chooser(world: int | None) -> str:
    """The reason for streaming, `--stream` or torchrun, for a hint; `world` is None without torchrun."""
    return "--stream" if world is None else "torchrun"
