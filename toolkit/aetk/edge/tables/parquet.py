"""Reads Parquet, one file or a folder of files, piece by piece with constant memory."""

import contextlib
import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput, Unavailable, first_line
from aetk.base.files import check_source
from aetk.base.free_memory import free_memory
from aetk.contract.dialect import ROW_BYTES, escape_for_message
from aetk.edge.tables import arrow
from aetk.edge.tables.chunk import Chunk, FloatType, NoNumbers, check_header, column_indices, is_parquet, show_name
from aetk.edge.tables.parquet_pages import pages_at_once

BATCH_ROWS = 2**16
_BATCH_VALUES = 2**21
_READ_BYTES = 2**16
_TEXT_BYTES = 2**24
_AGAIN = "Write or copy it again; if it is CSV, let its name end with .csv."


def files(path: Path) -> tuple[Path, ...]:
    """The files of a table, in order: the Parquet files of a folder and its nested folders, or the path itself.

    Names that begin with a dot or an underscore are left out, as programs that write such folders expect.

    Raises:
        BadInput: the folder has no Parquet files.
    """
    if not path.is_dir():
        return (path,)
    found = parts(path)
    if not found:
        raise BadInput(f"{path} is a folder without Parquet files.", "Name a CSV or Parquet file, or another folder.")
    return found


def parts(path: Path) -> tuple[Path, ...]:
    """The Parquet files of a folder, in order; empty if there are none."""
    found = []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        found += [Path(folder, name) for name in names if is_parquet(Path(name)) and not _is_hidden(name)]
    return tuple(sorted(found))


def would_read(folder: Path, path: Path) -> bool:
    """Whether a file of this name would be among the files of a folder."""
    try:
        parts = (path.parent.resolve() / path.name).relative_to(folder.resolve()).parts
    except ValueError:
        return False
    return is_part(PurePath(*parts))


def is_part(path: PurePath) -> bool:
    """Whether a file at this path within a folder is read as a part of the folder's table."""
    return is_parquet(path) and not any(map(_is_hidden, path.parts))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def header(path: Path) -> tuple[str, ...]:
    """The column names of a Parquet file, or of a folder's first file.

    Raises:
        BadInput: the file does not exist or is not Parquet, a folder has no Parquet files, or a column has no name or
            the name of another.
        MissingExtra: pyarrow is not installed.
    """
    with _open(files(path)[0]) as file:
        return tuple(file.schema_arrow.names)


def read_chunks(
    path: Path, numeric: Sequence[str], text: Sequence[str], dtype: FloatType
) -> Generator[Chunk, None, None]:
    """See `edge.tables.read.read_chunks`; booleans are 0 and 1. Every file is checked before the first row is read."""
    found = files(path)
    rows = sum(checked_rows(file, numeric, text) for file in found)
    return _chunks(found, numeric, text, dtype, rows)


def row_groups(path: Path, numeric: Sequence[str]) -> tuple[int, ...]:
    """The number of rows in each row group of a file; column names and types are checked as in `read_chunks`."""
    with _checked(path, numeric, ()) as file:
        return tuple(file.metadata.row_group(index).num_rows for index in range(file.metadata.num_row_groups))


def read_row_group(path: Path, index: int, numeric: Sequence[str]) -> Generator[NDArray[np.float64], None, None]:
    """Yield the rows of one row group, float64 [rows, columns], some thousands at a time; NaN for a missing value.

    Raises:
        BadInput: the file is damaged.
    """
    with _open(path) as file:
        pieces = file.iter_batches(_rows_at_once(numeric), row_groups=[index], columns=list(dict.fromkeys(numeric)))
        while True:
            with _reading(path):
                batch = next(pieces, None)
                if batch is None:
                    return
                values = np.empty((batch.num_rows, len(numeric)))
                arrow.fill(values, [batch.column(name) for name in numeric])
            yield values


def _rows_at_once(numeric: Sequence[str]) -> int:
    return max(2**10, min(BATCH_ROWS, _BATCH_VALUES // max(1, len(numeric))))


def checked_rows(path: Path, numeric: Sequence[str], text: Sequence[str]) -> int:
    """Count a file's rows; check its columns as `edge.tables.read.read_chunks` does, and the memory for its pages."""
    with _checked(path, numeric, text) as file:
        return int(file.metadata.num_rows)


@contextlib.contextmanager
def _checked(path: Path, numeric: Sequence[str], text: Sequence[str]) -> Iterator[Any]:
    """Open a file; check its columns, and the memory for its pages."""
    with _open(path) as file:
        _fitting_rows(str(path), file, numeric, text)
        _check_pages(path, {*numeric, *text})
        yield file


def footer_rows(title: str, source: Any, numeric: Sequence[str], text: Sequence[str]) -> int:
    """Count an open file's rows by its footer alone, and check its columns; `title` names the file in messages."""
    with _reading(title, " is not a Parquet file"), arrow.pyarrow().parquet.ParquetFile(source) as file:
        return _fitting_rows(title, file, numeric, text)


def _fitting_rows(title: str, file: Any, numeric: Sequence[str], text: Sequence[str]) -> int:
    schema = file.schema_arrow
    column_indices(title, schema.names, [*numeric, *text])
    kinds = {name: schema.field(name).type for name in numeric}
    wrong = {name: str(kind) for name, kind in kinds.items() if not arrow.is_numeric(kind)}
    if wrong:
        first = next(iter(wrong))
        raise NoNumbers(title, first, wrong[first], wrong)
    for name in text:
        kind = schema.field(name).type
        if arrow.is_nested(kind):
            found = f"found '{escape_for_message(str(kind))}', expected text or numbers."
            raise BadInput(f"{title}, column '{show_name(name)}': {found}")
    return int(file.metadata.num_rows)


def _check_pages(path: Path, columns: set[str]) -> None:
    """Raise Unavailable if the pages that have to be unpacked at the same time do not fit into the free memory."""
    with path.open("rb") as file, _reading(path):
        needed = 2 * pages_at_once(file, columns)  # a dictionary is decoded, too
    free = free_memory()
    if free is not None and needed > free:
        raise Unavailable(
            f"{path} does not fit into memory: its pages unpack to {needed / 2**30:.1f} GiB, "
            f"{free / 2**30:.1f} are free.",
            "Write it again with smaller pages; a megabyte is usual.",
        )


def _chunks(
    paths: Sequence[Path], numeric: Sequence[str], text: Sequence[str], dtype: FloatType, total: int
) -> Generator[Chunk, None, None]:
    done = 0
    for path in paths:
        for batch in batches(path, numeric, text):
            first, done = done + 1, done + batch.num_rows
            with _reading(path):
                values = np.empty((batch.num_rows, len(numeric)), dtype)
                arrow.fill(values, [batch.column(name) for name in numeric])
                texts = tuple(arrow.texts(batch.column(name)) for name in text)
            yield Chunk(values, texts, np.arange(first, done + 1, dtype=np.int64), min(done / max(total, 1), 1.0))


def batches(path: Path, numeric: Sequence[str], text: Sequence[str]) -> Generator[Any, None, None]:
    """Yield a file's rows as record batches of at most `BATCH_ROWS`, or fewer if their texts would become too long.

    Texts stay in their dictionaries until then: a million rows may share a text of a million letters.

    Raises:
        BadInput: the file is damaged, or its footer counts other rows than it holds; a text is longer than `ROW_BYTES`.
    """
    columns = list(dict.fromkeys([*numeric, *text]))
    found = 0
    with _open(path, text) as file:
        pieces = file.iter_batches(_rows_at_once(numeric), columns=columns)
        while True:
            with _reading(path):
                batch = next(pieces, None)
            if batch is None:
                break
            found += batch.num_rows
            rows = max(1, min(batch.num_rows, _TEXT_BYTES // max(1, _longest(path, batch, text))))
            yield from (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))
        if found != file.metadata.num_rows:
            counted = f"it holds {found:,} rows, its footer counts {file.metadata.num_rows:,}"
            raise BadInput(f"{path}: damaged Parquet file: {counted}.", _AGAIN)


def _longest(path: Path, batch: Any, text: Sequence[str]) -> int:
    """The bytes of the longest text of a batch; raise BadInput if it is too long for a CSV file."""
    longest = {name: arrow.longest(batch.column(name)) for name in text}
    for name, length in longest.items():
        if length > ROW_BYTES:
            raise BadInput(
                f"{path}, column '{show_name(name)}': a text is longer than {ROW_BYTES >> 20} MiB.",
                "Copy another column.",
            )
    return max(longest.values(), default=0)


@contextlib.contextmanager
def _reading(path: Path | str, fault: str = ": damaged Parquet file") -> Iterator[None]:
    """Turn the errors that pyarrow raises for a file into BadInput, except MemoryError."""
    try:
        yield
    except MemoryError:
        raise
    except (arrow.pyarrow().ArrowException, OSError, ValueError, KeyError) as error:
        reason = escape_for_message(first_line(error), 200).rstrip(".")
        raise BadInput(f"{path}{fault}: {reason}.", _AGAIN) from None


def _open(path: Path, dictionaries: Sequence[str] = ()) -> Any:
    """Open a file and check its schema; the text columns in `dictionaries` stay dictionary-encoded."""
    check_source(path)
    with _reading(path, " is not a Parquet file"):
        # pages are read when they are needed: reading ahead would hold a whole row group, maybe ten million rows
        file = arrow.pyarrow().parquet.ParquetFile(
            path, pre_buffer=False, buffer_size=_READ_BYTES, read_dictionary=list(dictionaries)
        )
        names = file.schema_arrow.names
    check_header(path, names)
    return file
