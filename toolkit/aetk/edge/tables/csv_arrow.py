"""Reads and writes CSV through pyarrow, only if the result is sure to be that of `csv_read` and Python's csv."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import MissingExtra
from aetk.contract.dialect import FORMULA_STARTS, NUMBER, ROW_BYTES, missing_spellings
from aetk.edge.tables import arrow
from aetk.edge.tables.chunk import FloatType

Parsed = tuple[NDArray[Any], tuple[Any, ...]]

_FORMULA = rf"\A[{re.escape(''.join(FORMULA_STARTS))}]"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def block_parser(
    names: Sequence[str], numeric: Sequence[str], text: Sequence[str], dtype: FloatType
) -> Callable[[bytes], Parsed | None] | None:
    """Make a function that reads a block of whole lines below a header; None if pyarrow is not installed.

    The function returns values [rows, numeric] of the dtype and an arrow array of strings for each text column, one
    row per line. It returns None for a block that pyarrow may not read as the dialect requires; such a block has to be
    read cell by cell.

    pyarrow reads the dialect's numbers exactly, but it also accepts spaces around them, NaN with a sign and other
    words for it; it drops blank lines and a byte-order mark, and accepts misplaced quotes and other line ends. Blocks
    with any of these are refused here.
    """
    try:
        pa = arrow.pyarrow()
    except MissingExtra:
        return None
    wanted = list(dict.fromkeys([*numeric, *text]))
    kinds = {name: pa.string() if name in text else pa.float64() for name in wanted}
    missing = missing_spellings()
    converting = pa.csv.ConvertOptions(column_types=kinds, include_columns=wanted, null_values=missing)

    def numbers(column: Any) -> Any:
        if not pa.types.is_string(column.type):
            return column
        # a feature that is also read as text
        is_missing = pa.compute.is_in(column, value_set=pa.array(missing))
        return pa.compute.if_else(is_missing, None, column).cast(pa.float64())

    def parse(block: bytes) -> Parsed | None:
        newlines = block.count(b"\n")
        if not is_plain(block, newlines):
            return None
        reading = pa.csv.ReadOptions(column_names=names, block_size=len(block) + 1)
        try:
            table = pa.csv.read_csv(pa.py_buffer(block), reading, convert_options=converting)
            if table.num_rows != newlines + (not block.endswith(b"\n")):
                return None
            (batch,) = table.combine_chunks().to_batches()
            columns = [numbers(batch.column(name)) for name in numeric]
        except pa.ArrowInvalid:
            return None
        values = np.empty((batch.num_rows, len(numeric)), dtype)
        arrow.fill(values, columns)
        if np.count_nonzero(np.isnan(values)) != sum(column.null_count for column in columns):
            return None
        return values, tuple(batch.column(name) for name in text)

    return parse


def is_plain(block: bytes, newlines: int) -> bool:
    """Whether a block is UTF-8, with plain quotes, no blank at a cell's edge, and only LF or CRLF as line ends."""
    if len(block) > ROW_BYTES or block.startswith(_BYTE_ORDER_MARK):
        return False
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError:
            return False
    data = np.frombuffer(block, np.uint8)
    if np.count_nonzero(data <= ord('"')) == newlines:  # blanks, quotes and control characters are all in this range
        return True
    if block.count(b"\r") != block.count(b"\r\n"):
        return False
    quotes = np.flatnonzero(data == ord('"'))
    return _quotes_are_plain(data, quotes) and _blanks_are_inside(data, quotes)


def _quotes_are_plain(data: NDArray[np.uint8], quotes: NDArray[np.intp]) -> bool:
    """Whether quotes are in pairs around whole cells; line ends within a pair show later, as fewer rows than lines."""
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = data[opening[opening > 0] - 1]
    after = data[closing[closing < len(data) - 1] + 1]
    return bool(_any_of(before, ",\n").all() and _any_of(after, ",\r\n").all())


def _blanks_are_inside(data: NDArray[np.uint8], quotes: NDArray[np.intp]) -> bool:
    """Whether no cell begins or ends with a blank; the quotes must be plain."""
    blanks = np.flatnonzero(_any_of(data, " \t"))
    if not len(blanks):
        return True
    if blanks[0] == 0 or blanks[-1] == len(data) - 1:
        return False
    is_text = np.searchsorted(quotes, blanks) % 2 == 1
    return not any(
        (_any_of(beside, '"\r\n') | ((beside == ord(",")) & ~is_text)).any()
        for beside in (data[blanks - 1], data[blanks + 1])
    )


def _any_of(data: NDArray[np.uint8], characters: str) -> NDArray[np.bool_]:
    found = np.zeros(len(data), np.bool_)
    for character in characters:
        found |= data == ord(character)
    return found


def lines(columns: dict[str, Any]) -> bytes | None:
    """See `edge.tables.write.CsvSink.write`; None if pyarrow is not installed, or if a cell may need quotes."""
    try:
        pa = arrow.pyarrow()
    except MissingExtra:
        return None
    table = pa.table([_array(values) for values in columns.values()], list(columns))
    buffer = pa.BufferOutputStream()
    try:
        pa.csv.write_csv(table, buffer, pa.csv.WriteOptions(include_header=False, quoting_style="none"))
    except pa.ArrowInvalid:
        return None
    return bytes(buffer.getvalue())


def _array(values: Any) -> Any:
    pa = arrow.pyarrow()
    if not isinstance(values, np.ndarray):
        return _harmless_texts(pa.array(values, pa.string()))
    if values.dtype == np.bool_:
        return pa.array(values.astype(np.int8))
    return _float_texts(values) if values.dtype == np.float32 else pa.array(values)


def _harmless_texts(texts: Any) -> Any:
    """Do to an arrow array what `contract.dialect.neutralize_formula` does to a text."""
    compute = arrow.pyarrow().compute
    suspect = compute.match_substring_regex(texts, _FORMULA)
    if not compute.any(suspect).as_py():
        return texts
    number = compute.match_substring_regex(texts, rf"\A{NUMBER}\z")
    quoted = compute.binary_join_element_wise("'", texts, "")
    return compute.if_else(compute.and_not(suspect, number), quoted, texts)


def _float_texts(values: NDArray[np.float32]) -> Any:
    """Write float32 numbers as NumPy does; arrow writes the same texts only between 0.0001 and 1."""
    pa = arrow.pyarrow()
    texts = pa.array(values).cast(pa.string())
    size = np.abs(values)
    other = ~((size >= 0.00011) & (size < 1))
    if other.any():
        texts = pa.compute.replace_with_mask(texts, pa.array(other), pa.array(values[other].astype(str)))
    return texts
