"""Writes scored rows as CSV, JSON Lines or Parquet, batch by batch."""

import csv
import json
from collections.abc import Iterable
from typing import IO, Any, Protocol

import numpy as np

from aetk.contract.dialect import neutralize_formula
from aetk.edge.tables import arrow, csv_arrow
from aetk.edge.tables.formats import Format
from aetk.edge.tables.jsonl_read import Literally

_GROUP_BYTES = 2**24


_FEW_ROWS = 4096


class Sink(Protocol):
    """Writes batches: columns of equal length by name, with the same names and types each time.

    A column is an array of integers, booleans or float32, or a sequence or an arrow array of strings.
    """

    def write(self, columns: dict[str, Any]) -> None:
        """Append a batch."""

    def close(self) -> None:
        """Finish the file's content, and leave the file open."""


def open_sink(table_format: Format, file: IO[bytes]) -> Sink:
    """Make a sink that writes to an open file.

    Raises:
        MissingExtra: the format is Parquet, and pyarrow is not installed.
    """
    if table_format == "parquet":
        return ParquetSink(file)
    return JsonlSink(file) if table_format == "jsonl" else CsvSink(file)


class CsvSink:
    """Writes CSV: booleans as 0 and 1, floats with the digits that a float32 needs, text without formulas."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._has_header = False

    def write(self, columns: dict[str, Any]) -> None:
        """Append a batch, after a header line if it is the first."""
        if not self._has_header:
            self._file.write(_lines([map(neutralize_formula, columns)]))
            self._has_header = True
        rows = len(next(iter(columns.values())))
        # few rows are written faster than pyarrow is imported
        lines = csv_arrow.lines(columns) if rows >= _FEW_ROWS else None
        if lines is None:
            lines = _lines(zip(*map(_cells, columns.values()), strict=True))
        self._file.write(lines)

    def close(self) -> None:
        """Do nothing: all batches are written already."""


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = _Rows()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return "".join(text).encode()


class _Rows(list[str]):
    """Collects rows that end with CR LF, and ends them with LF; csv itself, ending rows so, would not quote a CR."""

    def write(self, row: str) -> None:
        """Append a row."""
        self.append(row.removesuffix("\r\n") + "\n")


def _cells(values: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return map(neutralize_formula, values.to_pylist() if hasattr(values, "to_pylist") else values)
    if values.dtype == np.bool_:
        return values.astype(np.int8).tolist()
    return values.astype(str).tolist() if values.dtype == np.float32 else values.tolist()


class JsonlSink:
    """Writes JSON Lines: booleans as true and false, floats with the digits that a float32 needs, never a NaN."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, columns: dict[str, Any]) -> None:
        """Append a batch."""
        names = (json.dumps(name, ensure_ascii=False).replace("%", "%%") for name in columns)
        line = "{" + ", ".join(f"{name}: %s" for name in names) + "}\n"
        rows = zip(*map(_values, columns.values()), strict=True)
        self._file.write("".join(map(line.__mod__, rows)).encode())

    def close(self) -> None:
        """Do nothing: all batches are written already."""


def _values(values: Any) -> Any:
    if not isinstance(values, np.ndarray):
        return map(_value, values.to_pylist() if hasattr(values, "to_pylist") else values)
    if values.dtype == np.bool_:
        return np.where(values, "true", "false").tolist()
    texts = values.astype(str)
    if values.dtype == np.float32:
        texts[~np.isfinite(values)] = "null"
    return texts.tolist()


def _value(text: str) -> str:
    return text if isinstance(text, Literally) else json.dumps(text, ensure_ascii=False)


class ParquetSink:
    """Writes columns of equal length to a Parquet file, in row groups of about 16 MiB.

    Attributes:
        notes: entries that `close` writes into the file's metadata, if there was at least one batch.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._writer: Any = None
        self._waiting: list[Any] = []
        self.notes: dict[str, str] = {}

    def write(self, columns: dict[str, Any]) -> None:
        """Append a batch: arrays or sequences of strings by column name, the same names and types each time."""
        pa = arrow.pyarrow()
        self._waiting.append(pa.table({name: pa.array(values) for name, values in columns.items()}))
        if sum(table.nbytes for table in self._waiting) >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left, and the footer."""
        try:
            if self._waiting:
                self._flush()
            if self._writer is not None:
                if self.notes:
                    self._writer.add_key_value_metadata(self.notes)
                self._writer.close()
        finally:
            if self._writer is not None:
                self._writer.is_open = False  # else it writes again when it is deleted, to a closed file

    def _flush(self) -> None:
        pa = arrow.pyarrow()
        group = pa.concat_tables(self._waiting)
        self._waiting = []
        if self._writer is None:
            self._writer = pa.parquet.ParquetWriter(self._file, group.schema)
        self._writer.write_table(group, max(1, group.num_rows))
