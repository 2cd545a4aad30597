"""Parquet through pyarrow, the one place that imports it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from aetk.contract.errors import BadInput, MissingExtra
from aetk.edge.tables import CHUNK_ROWS, Chunk, NotANumber, place


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtra("Parquet", "arrow") from None
    return pyarrow


def _open(path: Path) -> Any:
    pa = _pyarrow()
    try:
        return pa.parquet.ParquetFile(path)
    except FileNotFoundError:
        raise BadInput(f"No such file: {path}.") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path} is not a Parquet file: {str(error).splitlines()[0]}") from None


def header(path: Path) -> tuple[str, ...]:
    """The column names of a Parquet file."""
    with _open(path) as file:
        return tuple(file.schema_arrow.names)


def read_chunks(path: Path, numeric: Sequence[str], text: Sequence[str]) -> Iterator[Chunk]:
    """As `edge.tables.read_chunks`; nulls are missing, booleans are 0 and 1."""
    pa = _pyarrow()
    first = 1
    with _open(path) as file:
        for name in numeric:
            _check_numeric(pa, path, name, file.schema_arrow.field(name).type)
        try:
            for batch in file.iter_batches(CHUNK_ROWS, columns=[*numeric, *text]):
                values = np.empty((batch.num_rows, len(numeric)), np.float64)
                for position, name in enumerate(numeric):
                    values[:, position] = _numbers(pa, batch.column(name))
                texts = tuple(
                    tuple("" if cell is None else str(cell) for cell in batch.column(name).to_pylist()) for name in text
                )
                yield Chunk(values, texts, np.arange(first, first + batch.num_rows, dtype=np.int64))
                first += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise BadInput(f"{path}: damaged Parquet file: {str(error).splitlines()[0]}") from None


def _check_numeric(pa: Any, path: Path, name: str, kind: Any) -> None:
    types = pa.types
    numeric = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    if not any(fits(kind) for fits in numeric):
        raise NotANumber(place(path, 1), name, f"the type {kind}")


def _numbers(pa: Any, column: Any) -> Any:
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)


class ParquetSink:
    """Writes columns of equal length to a Parquet file, batch by batch."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._writer: Any = None

    def write(self, columns: dict[str, Any]) -> None:
        """Append a batch: arrays or lists of strings by column name, the same names each time."""
        pa = _pyarrow()
        batch = pa.table({name: pa.array(values) for name, values in columns.items()})
        if self._writer is None:
            self._writer = pa.parquet.ParquetWriter(self._file, batch.schema)
        self._writer.write_table(batch)

    def close(self) -> None:
        """Write the footer."""
        if self._writer is not None:
            self._writer.close()
