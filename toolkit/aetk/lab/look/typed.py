"""Reads tables whose cells have types: data frames, arrays, Parquet, Feather, spreadsheets, JSON, ARFF, MATLAB files.

A column becomes float64 [rows], with NaN for a missing cell, or a list of text, with empty text for a missing one.
Times become text, in the order of ISO 8601. Whole numbers in a column of text keep their shortest decimal text.
"""

import datetime
import json
import math
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput, MissingExtra, first_line
from aetk.contract import named_rows
from aetk.contract.reading import strip
from aetk.edge.tables import parquet
from aetk.edge.tables.arrow import pyarrow
from aetk.edge.tables.chunk import check_header, listed
from aetk.lab.look.container import Container, open_bytes, read_up_to
from aetk.lab.look.report import Wishes
from aetk.lab.look.sample import Cells

_SAMPLED_ROWS = 50_000
_OTHERS = "Keep numbers, text, true/false or times in its cells."


@dataclass(frozen=True)
class TypedTable:
    """A table whose cells have types: names, columns, whether these are all rows, and what was decided in words."""

    names: tuple[str, ...]
    columns: list[Cells]
    is_whole: bool = True
    notes: tuple[str, ...] = ()


def read_typed(path: Path, container: Container, wishes: Wishes, *, is_sample: bool) -> TypedTable:
    """Read a file whose cells have types, or its first rows if `is_sample`.

    Raises:
        BadInput: it cannot be read, or holds no table.
        MissingExtra: a package that reads it is not installed.
    """
    if wishes.sheet is not None and container.kind != "excel":
        raise BadInput(f"--sheet was given, and {path} is no spreadsheet.", "Leave --sheet out.")
    readers: dict[str, Callable[[Path, Container, Wishes, bool], TypedTable]] = {
        "parquet": _parquet,
        "feather": _feather,
        "excel": _excel,
        "json": _json,
        "json lines": _json,
        "npy": _npy,
        "npz": _npy,
        "arff": _arff,
        "mat": _mat,
    }
    return readers[container.kind](path, container, wishes, is_sample)


def of_memory(rows: Any, title: str, drop: Sequence[str] = ()) -> TypedTable:
    """The columns of rows in memory; columns without names are called c1, c2, ...

    Args:
        rows: anything that `contract.named_rows` takes, with text and times as well.
        title: their name for messages.
        drop: columns that are left out, and may hold anything: they become empty text.

    Raises:
        BadInput: they are no table.
    """
    try:
        table = named_rows.columns(rows)
        if table is None:
            values = np.asarray(named_rows.matrix(rows), np.float64)
            return TypedTable(tuple(f"c{i + 1}" for i in range(values.shape[1])), list(values.T))
        dropped = {strip(name) for name in drop}
        columns = [
            [""] * table.rows if strip(name) in dropped else of_column(_column(rows, table, i), name)
            for i, name in enumerate(table.names)
        ]
        return TypedTable(table.names, columns)
    except named_rows.Refused as refused:
        message = f"{title}: {refused.message[0].lower()}{refused.message[1:]}"
        raise BadInput(message, refused.hint) from None


def _column(rows: Any, table: named_rows.Columns, position: int) -> Any:
    """One column of rows with names, as its library has it."""
    column = getattr(table, "_column", None)
    if column is not None:
        return column(position)
    name = table.names[position]
    try:
        return table.select([name])[:, 0]
    except named_rows.Refused:
        pass
    return [record.get(name) if hasattr(record, "get") else getattr(record, name, None) for record in _listed(rows)]


def _listed(rows: Any) -> list[Any]:
    return [rows] if hasattr(rows, "get") or hasattr(rows, "_fields") else list(rows)


def of_column(column: Any, name: str) -> Cells:
    """A column of any make as float64 or as text."""
    try:
        return np.array(named_rows.as_numbers(column, name), np.float64)
    except named_rows.Refused as refused:
        found = _texts(column)
        if found is None:
            raise refused from None
        return found


def _texts(column: Any) -> Cells | None:
    """The cells of a column as text; None if there is a cell of another type."""
    kind = getattr(column, "dtype", None)
    if getattr(kind, "kind", "") == "M":
        return _times(
            np.asarray(
                column.to_numpy() if hasattr(column, "to_numpy") and getattr(kind, "tz", None) is None else column
            )
        )
    cells = column.to_pylist() if hasattr(column, "to_pylist") else list(column)
    found = list[str]()
    for cell in cells:
        text = _text(cell)
        if text is None:
            return None
        found.append(text)
    return found


def _times(values: NDArray[Any]) -> list[str]:
    if values.dtype.kind != "M":  # with a zone: objects, whose clock is that of the zone
        return [_text(value) or "" for value in values]
    return ["" if text == "NaT" else text.replace("T", " ") for text in np.datetime_as_string(values, unit="s")]


def _text(cell: Any) -> str | None:
    """The text of a cell; empty for a missing one, None for what is neither text, number nor time."""
    if isinstance(cell, str):
        return cell.strip(" \t")
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace").strip(" \t")
    if cell is None or cell is np.ma.masked or type(cell).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(cell, (bool, np.bool_)):
        return str(bool(cell))
    if isinstance(cell, (int, np.integer)):
        return str(int(cell))
    if isinstance(cell, (float, np.floating)):
        return shortest(float(cell))
    if isinstance(cell, datetime.datetime):
        return cell.replace(tzinfo=None).isoformat(" ", "seconds")
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat()
    if isinstance(cell, np.datetime64):
        return _times(np.array([cell]))[0]
    return str(cell) if type(cell).__module__ in ("decimal", "fractions", "uuid", "ipaddress") else None


def shortest(value: float) -> str:
    """A number in its shortest decimal text, empty if it is NaN."""
    if math.isnan(value):
        return ""
    return str(int(value)) if value == math.floor(value) and abs(value) < 2**53 else repr(value)


def _of_frame(path: Path, frame: Any, *, is_whole: bool, notes: tuple[str, ...] = ()) -> TypedTable:
    """The columns of a pandas frame that was read from a file."""
    names = tuple(map(str, frame.columns))
    columns = list[Cells]()
    for i, name in enumerate(names):
        try:
            columns.append(of_column(frame.iloc[:, i], name))
        except named_rows.Refused:
            kind = type(next((cell for cell in frame.iloc[:, i] if cell is not None), None)).__name__
            columns.append([f"<{kind}>"] * len(frame))
    return TypedTable(names, columns, is_whole, notes)


def _parquet(path: Path, container: Container, wishes: Wishes, is_sample: bool) -> TypedTable:
    pa = pyarrow()
    keys = partition_keys(path)
    files = parquet.files(path)
    tables, rows, total = [], 0, 0
    try:
        for file in files:
            with pa.parquet.ParquetFile(file) as opened:
                total += opened.metadata.num_rows
                if is_sample and rows >= _SAMPLED_ROWS:
                    continue
                left = _SAMPLED_ROWS - rows
                part = _first_rows(pa, opened, left) if is_sample else opened.read()
            for key in keys:
                part = part.append_column(key, pa.array([_key_value(file, path, key)] * len(part), pa.string()))
            tables.append(part)
            rows += len(part)
        table = pa.concat_tables(tables, promote_options="permissive") if len(tables) > 1 else tables[0]
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{path} cannot be read as Parquet: {first_line(error, 200)}", "Write it again.") from None
    check_header(path, table.column_names)
    columns = [of_arrow(pa, table.column(i), name, as_number=name in keys) for i, name in enumerate(table.column_names)]
    notes = (f"keys of the folders are columns: {listed([*keys])}",) if keys else ()
    return TypedTable(tuple(table.column_names), columns, rows == total, notes)


def _first_rows(pa: Any, opened: Any, rows: int) -> Any:
    parts, found = [], 0
    for batch in opened.iter_batches(batch_size=min(rows, 1 << 14)):
        parts.append(batch)
        found += len(batch)
        if found >= rows:
            break
    return pa.Table.from_batches(parts, schema=opened.schema_arrow).slice(0, rows)


def of_arrow(pa: Any, column: Any, name: str, *, as_number: bool = False) -> Cells:
    """A column of Arrow as float64 or as text."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_boolean(kind):
        column, kind = column.cast(pa.uint8()), pa.uint8()
    if pa.types.is_null(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return np.array(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            column = pa.compute.local_timestamp(column)
        return [_text(cell) or "" for cell in column.cast(pa.timestamp("us"), safe=False).to_pylist()]
    found = _texts(column)
    if found is None:
        return [f"<{kind}>"] * len(column)
    if as_number and isinstance(found, list) and all(cell.isascii() and cell.isdigit() for cell in found):
        return np.array(found, np.float64)
    return found


def partition_keys(path: Path) -> tuple[str, ...]:
    """The keys of a folder whose sub-folders are called KEY=VALUE, in order."""
    found = dict[str, None]()
    if path.is_dir():
        for file in parquet.parts(path):
            folders = file.relative_to(path).parts[:-1]
            found |= dict.fromkeys(folder.partition("=")[0] for folder in folders if "=" in folder)
    return tuple(found)


def _key_value(file: Path, path: Path, key: str) -> str | None:
    from urllib.parse import unquote

    parts = dict(part.split("=", 1) for part in file.relative_to(path).parts[:-1] if "=" in part)
    value = unquote(parts.get(key, ""))
    return None if value in ("", "__HIVE_DEFAULT_PARTITION__") else value


def _feather(path: Path, container: Container, wishes: Wishes, is_sample: bool) -> TypedTable:
    pa = pyarrow()
    import pandas as pd

    try:
        frame = pd.read_feather(path, dtype_backend="pyarrow")
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BadInput(f"{path} cannot be read as Feather: {first_line(error, 200)}", "Write it again.") from None
    table = pa.Table.from_pandas(frame, preserve_index=False)
    names = tuple(table.column_names)
    return TypedTable(names, [of_arrow(pa, table.column(i), name) for i, name in enumerate(names)])


def _excel(path: Path, container: Container, wishes: Wishes, is_sample: bool) -> TypedTable:
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise MissingExtra("A spreadsheet", "excel") from None
    sheet = wishes.sheet
    try:
        with path.open("rb") as file:
            book = CalamineWorkbook.from_filelike(file)
            names = list(book.sheet_names)
            if sheet is not None and sheet not in names:
                raise BadInput(f"{path} has no sheet '{sheet}'.", f"It has: {listed(names)}")
            filled = (
                [sheet] if sheet is not None else [name for name in names if book.get_sheet_by_name(name).height > 1]
            )
            if not filled:
                raise BadInput(f"{path} holds no sheet with rows.", "Name another file.")
            rows = book.get_sheet_by_name(filled[0]).to_python(skip_empty_area=True)
    except CalamineError as error:
        raise BadInput(f"{path} cannot be read as a spreadsheet: {first_line(error, 200)}", "Save it as CSV.") from None
    if len(filled) > 1:
        raise BadInput(
            f"{path} holds {len(filled)} sheets: {listed(filled)}.",
            f"Say which one, for instance: --sheet '{filled[0]}'",
        )
    from aetk.lab.look.sheet import of_sheet

    found = of_sheet(path, rows, wishes)
    return TypedTable(found[0], found[1], True, (f"sheet '{filled[0]}'", *found[2]))


def _json(path: Path, container: Container, wishes: Wishes, is_sample: bool) -> TypedTable:
    limit = _SAMPLED_ROWS if is_sample else None
    records, is_whole = list[Any](), True
    try:
        with open_bytes(path, container.compression) as file:
            if container.kind == "json":
                records = _records(path, json.loads(file.read()))
            else:
                for number, line in enumerate(file, 1):
                    if limit is not None and len(records) >= limit:
                        is_whole = False
                        break
                    if line.strip():
                        records.append(_object(path, number, line))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(
            f"{path} is not JSON: {first_line(error, 200)}", "Save the table as CSV or JSON Lines."
        ) from None
    names = tuple(dict.fromkeys(name for record in records for name in record))
    columns = list[Cells]()
    for name in names:
        cells = [record.get(name) for record in records]
        if any(isinstance(cell, str) for cell in cells):
            columns.append([_text(cell) if not isinstance(cell, (list, dict)) else json.dumps(cell) for cell in cells])  # type: ignore[misc]
        elif any(isinstance(cell, (list, dict)) for cell in cells):
            columns.append(["" if cell is None else json.dumps(cell) for cell in cells])
        else:
            columns.append(np.array([math.nan if cell is None else float(cell) for cell in cells], np.float64))
    return TypedTable(names, columns, is_whole)


def _object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(
            f"{path}, line {number}: not JSON: {first_line(error, 100)}", "Write one object a line."
        ) from None
    if not isinstance(found, dict):
        raise BadInput(
            f"{path}, line {number}: found {type(found).__name__}, expected an object.", "Write one object a line."
        )
    return found


def _records(path: Path, data: Any) -> list[Any]:
    """The rows of a JSON document: a list of objects, an object that holds one, or lists of values by column."""
    if isinstance(data, dict):
        if isinstance(data.get("columns"), list) and isinstance(data.get("data"), list):
            return [dict(zip(map(str, data["columns"]), row, strict=False)) for row in data["data"]]
        lists = {key: value for key, value in data.items() if isinstance(value, list)}
        if len(lists) == 1 and all(isinstance(row, dict) for row in next(iter(lists.values()))):
            data = next(iter(lists.values()))
        elif lists and len(lists) == len(data) and len({*map(len, lists.values())}) == 1:
            return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
        elif data and all(isinstance(value, dict) for value in data.values()):  # as pandas writes columns by default
            keys = dict.fromkeys(key for value in data.values() for key in value)
            return [{name: column.get(key) for name, column in data.items()} for key in keys]
    if isinstance(data, list) and data and all(isinstance(row, dict) for row in data):
        return data
    raise BadInput(f"{path} is JSON, and no table; expected a list of objects, one a row.", "Save the table as CSV.")


def _npy(path: Path, container: Container, wishes: Wishes, is_sample: bool) -> TypedTable:
    try:
        if container.kind == "npy" and not container.compression:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            arrays = {"": array[:_SAMPLED_ROWS] if is_sample and array.ndim else array}
            is_whole = len(arrays[""]) == len(array) if array.ndim else True
        else:
            is_whole = True
            with open_bytes(path, container.compression) as file:
                found = np.load(file, allow_pickle=False)
                arrays = {key: found[key] for key in found} if hasattr(found, "files") else {"": found}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        hint = "Save numbers, not objects: numpy.save(path, array.astype(float))."
        raise BadInput(f"{path} cannot be read as arrays of NumPy: {first_line(error, 200)}", hint) from None
    return of_arrays(path, arrays, is_whole=is_whole)


def of_arrays(path: Path, arrays: dict[str, NDArray[Any]], *, is_whole: bool) -> TypedTable:
    """One table from arrays by name: a matrix, whose columns are c1, c2, ..., and columns of as many rows."""
    arrays = {
        key: np.squeeze(array) if array.ndim == 2 and 1 in array.shape and len(arrays) > 1 else array
        for key, array in arrays.items()
    }
    if len(arrays) == 1 and (array := next(iter(arrays.values()))).dtype.names:
        return TypedTable(array.dtype.names, [of_column(array[name], name) for name in array.dtype.names], is_whole)
    matrices = {key: array for key, array in arrays.items() if array.ndim == 2}
    shapes = listed([f"{key or 'the array'} {list(array.shape)}" for key, array in arrays.items()])
    if len(matrices) != 1:
        raise BadInput(
            f"{path} holds {len(matrices)} tables of rows and columns: {shapes}; expected one.",
            "Save the one to train on.",
        )
    matrix = next(iter(matrices.values()))
    columns = {f"c{i + 1}": of_column(matrix[:, i], f"c{i + 1}") for i in range(matrix.shape[1])}
    extra = {key: array for key, array in arrays.items() if array.ndim == 1 and len(array) == len(matrix)}
    notes = [f"columns of the array are called c1 to c{matrix.shape[1]}"]
    for key, array in extra.items():
        columns[key] = of_column(array, key)
        notes.append(f"'{key}' is a column of its own")
    return TypedTable(tuple(columns), list(columns.values()), is_whole, tuple(notes))


def _arff(path: Path, container: Container, wishes: Wishes, is_sample: bool) -> TypedTable:
    import io

    from scipy.io import arff

    with open_bytes(path, container.compression) as file:
        text = read_up_to(file, -1, path).decode("utf-8-sig", "replace")
    try:
        rows, _ = arff.loadarff(io.StringIO(text))
    except Exception as error:  # noqa: BLE001 - scipy's parser may fail in any way
        raise BadInput(f"{path} cannot be read as ARFF: {first_line(error, 200)}", "Save the table as CSV.") from None
    names = tuple(rows.dtype.names or ())
    columns = [of_column(rows[name], name) for name in names]
    return TypedTable(
        names, [["" if cell == "?" else cell for cell in c] if isinstance(c, list) else c for c in columns]
    )


def _mat(path: Path, container: Container, wishes: Wishes, is_sample: bool) -> TypedTable:
    from scipy.io import loadmat

    try:
        with open_bytes(path, container.compression) as file:
            found = loadmat(file)
    except Exception as error:  # noqa: BLE001 - a damaged file may fail in any way
        raise BadInput(
            f"{path} cannot be read as a MATLAB file: {first_line(error, 200)}", "Save it with -v7."
        ) from None
    arrays = {key: array for key, array in found.items() if not key.startswith("__") and isinstance(array, np.ndarray)}
    return of_arrays(path, {key: array for key, array in arrays.items() if array.size > 1}, is_whole=True)


def take(cells: Cells, chosen: Sequence[int] | slice) -> Cells:
    """Some cells of a column."""
    if isinstance(cells, np.ndarray):
        return cells[chosen]
    return cells[chosen] if isinstance(chosen, slice) else [cells[i] for i in chosen]
