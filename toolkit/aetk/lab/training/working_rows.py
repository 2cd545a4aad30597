"""Streamed rows of a CSV file, which is first copied to a Parquet working file; its row groups are the shards."""

import contextlib
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aetk.base.errors import BadInput, Interrupted
from aetk.base.files import check_source, working_file
from aetk.edge.tables import parquet
from aetk.edge.tables.chunk import no_rows, row_location
from aetk.edge.tables.read import read_chunks
from aetk.edge.tables.write import ParquetSink
from aetk.lab.data.shards import Columns, Shard, find_shards
from aetk.lab.data.source import text_in_words
from aetk.lab.training.distributed.group import Group
from aetk.lab.training.signals import StopRequest

_NAME = "streamed-rows.parquet"


@dataclass(frozen=True)
class WorkingShard(Shard):
    """A shard of a working file.

    Attributes:
        table: the user's file.
        places: the name of the working file's column with each row's place in the table.
    """

    table: Path
    places: str

    def where(self, row: int) -> str:
        """See `Shard.where`; names the row in the table."""
        cells = itertools.chain.from_iterable(parquet.read_row_group(self.path, self.row_group, [self.places]))
        (place,) = next(itertools.islice(cells, self.skip + row, None))
        return row_location(self.table, int(place))


def write_shards(
    table: Path, columns: Columns, run: Path, held: contextlib.ExitStack, group: Group, stop: StopRequest
) -> tuple[WorkingShard, ...]:
    """Read a CSV file in the first process, and return its rows as shards in all processes.

    Args:
        table: the CSV file.
        columns: the columns to read.
        run: the run folder, which need not exist; the working file is written next to it, to disk and not to memory.
        held: deletes the working file when it is closed.
        group, stop: see `survey.take_survey`.

    Raises:
        BadInput: the table cannot be read, a cell is not a number, or another process cannot access the working file.
        MissingExtra: pyarrow is not installed.
        Interrupted: a signal came.
    """
    places = f"{max(columns.names, key=len)} place"  # a name that no column has
    path = Path()
    with group.fail_together():
        if group.is_first:
            path = held.enter_context(
                working_file(_home(run) / _NAME, lambda file: _write(table, columns, places, file, stop))
            )
    path = Path(group.broadcast(str(path)))
    with group.fail_together():
        if not path.exists():
            raise BadInput(
                f"The rows of {table} are in a working file that a process on another machine cannot read.",
                "Name a run folder that all machines share with --out, or write the table as Parquet for each of them.",
            )
        return tuple(
            WorkingShard(**vars(shard), table=table, places=places) for shard in find_shards(path.resolve(), columns)
        )


def _home(run: Path) -> Path:
    """The folder for the working file: the parent of `run`; `run` if it is a mount point or its parent is read-only."""
    is_apart = run.is_dir() and (run.is_mount() or not os.access(run.parent, os.W_OK))
    return run if is_apart else run.parent


def _write(table: Path, columns: Columns, places: str, file: IO[bytes], stop: StopRequest) -> None:
    check_source(table)
    found = False
    with text_in_words(table, columns.features, columns.label), contextlib.closing(ParquetSink(file)) as sink:
        for chunk in read_chunks(table, columns.names):
            cells = dict(zip(columns.names, chunk.values.T, strict=True))
            sink.write({**cells, places: chunk.places})
            found = True
            if stop.received is not None:
                raise Interrupted("Stopped while the table was read; nothing was trained yet.", stop.received)
    if not found:
        raise no_rows(table)
