"""Reads text files of other formats through pyarrow, only if the result is sure to be that of `csv_format`."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import MissingExtra
from aetk.contract.dialect import ROW_BYTES, missing_spellings
from aetk.contract.reading import UNITS, Encoding, TableFormat, number_markers, parser, strip
from aetk.edge.tables import arrow, csv_arrow, times
from aetk.edge.tables.chunk import FloatType

Parsed = tuple[NDArray[Any], tuple[Any, ...]]
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANKS = " \t"


def block_parser(
    count: int,
    numeric: Sequence[tuple[int, Encoding]],
    text: Sequence[int],
    dtype: FloatType,
    table: TableFormat,
) -> "Callable[[bytes], Parsed | None] | None":
    """Make a function that reads a block of whole lines below a header; None if pyarrow is not installed.

    The function returns values [rows, numeric] of the dtype and an arrow array of strings for each text column, one
    row per line. It returns None for a block that has to be read cell by cell.

    Args:
        count: the number of columns.
        numeric: the position of each feature's column, and how its cells are read.
        text: the positions of the text columns.
        dtype: the dtype of the values.
        table: the format.
    """
    try:
        arrow.pyarrow()
    except MissingExtra:
        return None
    return _BlockParser(count, numeric, text, dtype, table)


class _Unsure(Exception):
    """pyarrow may not read a block as the format requires."""


class _BlockParser:
    """See `block_parser`."""

    def __init__(
        self,
        count: int,
        numeric: Sequence[tuple[int, Encoding]],
        text: Sequence[int],
        dtype: FloatType,
        table: TableFormat,
    ) -> None:
        pa = arrow.pyarrow()
        self._count, self._numeric, self._text, self._dtype, self._table = count, numeric, text, dtype, table
        self._wanted = sorted({*text, *(position for position, _ in numeric)})
        as_text = {*text, *(position for position, encoding in numeric if not encoding.is_plain)}
        floats = [position for position in self._wanted if position not in as_text]
        missing = [*missing_spellings(), *(marker for marker in table.missing if marker == strip(marker))]
        self._kinds = {position: pa.float64() if position in floats else pa.string() for position in self._wanted}
        self._missing = missing
        self._spaced_markers = bool(number_markers(Encoding(""), table)) and bool(floats)
        self._has_floats = bool(floats)
        self._only_numbers = len(floats) == len(self._wanted)
        self._texts_first = False
        self._extra = 0
        self._parsers = [parser(encoding, table) for _, encoding in numeric]
        self._delimiter = "\t" if table.delimiter == " " else table.delimiter

    def __call__(self, block: bytes) -> Parsed | None:
        try:
            plain, newlines = self._plain(block)
            return self._parsed(plain, newlines)
        except (_Unsure, arrow.pyarrow().ArrowInvalid):
            return None

    def _plain(self, block: bytes) -> tuple[bytes, int]:
        """A block in which one sign separates cells, and its number of line ends; raise _Unsure if it is not sure."""
        table = self._table
        if table.is_default:
            newlines = block.count(b"\n")
            if not csv_arrow.is_plain(block, newlines):
                raise _Unsure
            return block, newlines
        if len(block) > ROW_BYTES or block.startswith(_BYTE_ORDER_MARK):
            raise _Unsure
        if not block.isascii():
            try:
                block.decode()
            except UnicodeDecodeError:
                raise _Unsure from None
        newlines = block.count(b"\n")
        if block.count(b"\r") != block.count(b"\r\n"):
            raise _Unsure
        comment = table.comment.encode()
        if comment and (block.startswith(comment) or b"\n" + comment in block):
            raise _Unsure
        if self._count == 1 and (b" " in block or b"\t" in block):
            raise _Unsure
        if table.delimiter == " ":
            block = _without_runs(block)
        elif b'"' in block and not _quotes_are_plain(block, table.delimiter):
            raise _Unsure
        second = table.second_delimiter
        if second:
            if (b'"' in block and table.delimiter != " ") or re.search(r'["\r\n]', second) or table.delimiter in second:
                raise _Unsure
            if table.delimiter != " " or not re.search(r"[ \t]", second):
                block = block.replace(second.encode(), self._delimiter.encode())
        group = table.thousands.encode()
        if self._only_numbers and len(group) == 1 and group in block and b'"' not in block:
            block = _without_groups(block, group, self._delimiter) or block
        return block, newlines

    def _parsed(self, block: bytes, newlines: int) -> Parsed | None:
        table = self._table
        is_spaced = b" " in block or (b"\t" in block and self._delimiter != "\t")
        extras = [self._extra] if table.is_default else [self._extra, 1 - self._extra]
        for extra in extras:
            for as_texts in self._ways(is_spaced):
                try:
                    found = self._read(block, newlines, extra, as_texts)
                except arrow.pyarrow().ArrowInvalid:
                    continue
                self._extra, self._texts_first = extra, as_texts
                return found
        return None

    def _ways(self, is_spaced: bool) -> list[bool]:
        """Whether number columns are read as texts: fast only where all of a block's numbers are simple ones."""
        if not self._has_floats:
            return [False]
        if self._spaced_markers and is_spaced:
            return [True]
        return [True] if self._texts_first else [False, True]

    def _read(self, block: bytes, newlines: int, extra: int, as_texts: bool) -> Parsed:
        pa, table = arrow.pyarrow(), self._table
        names = [str(i) for i in range(self._count + extra)]
        kinds = {str(i): pa.string() if as_texts else kind for i, kind in self._kinds.items()}
        last = {str(self._count): pa.string()} if extra else {}
        found = pa.csv.read_csv(
            pa.py_buffer(block),
            pa.csv.ReadOptions(column_names=names, block_size=len(block) + 1),
            pa.csv.ParseOptions(
                delimiter=self._delimiter, quote_char=False if table.delimiter == " " else '"', double_quote=True
            ),
            pa.csv.ConvertOptions(
                column_types=kinds | last,
                include_columns=[*kinds, *last],
                null_values=self._missing,
                decimal_point=table.decimal,
            ),
        )
        if found.num_rows != newlines + (not block.endswith(b"\n")):
            raise _Unsure
        batch = (found.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], found.schema)])[0]
        if extra and pa.compute.any(pa.compute.not_equal(self._trimmed(batch.column(str(self._count))), "")).as_py():
            raise _Unsure
        columns = {i: self._trimmed(batch.column(str(i))) for i in self._wanted}
        values = np.empty((batch.num_rows, len(self._numeric)), self._dtype)
        seconds: dict[tuple[int, str], NDArray[np.float64]] = {}
        with np.errstate(over="ignore"):
            for target, ((position, encoding), parse) in enumerate(zip(self._numeric, self._parsers, strict=True)):
                column = columns[position]
                if not pa.types.is_string(column.type):
                    arrow.fill(values[:, target : target + 1], [column])
                    if np.count_nonzero(np.isnan(values[:, target])) != column.null_count:
                        raise _Unsure
                elif encoding.is_number or encoding.notation == "percent":
                    values[:, target] = self._numbers(column, encoding)
                elif encoding.time_part:
                    key = position, encoding.time_format
                    if key not in seconds:
                        seconds[key] = self._seconds(column, encoding)
                    values[:, target] = times.time_parts(seconds[key], encoding.time_part)
                else:
                    values[:, target] = _by_distinct(column, parse)
        return values, tuple(columns[i] for i in self._text)

    def _trimmed(self, column: Any) -> Any:
        pa = arrow.pyarrow()
        if self._table.is_default or not pa.types.is_string(column.type):
            return column
        return pa.compute.utf8_trim(column, _BLANKS)

    def _is_missing(self, column: Any, encoding: Encoding) -> Any:
        pa = arrow.pyarrow()
        return pa.compute.is_in(column, value_set=pa.array([*self._missing, *encoding.missing], pa.string()))

    def _numbers(self, column: Any, encoding: Encoding) -> NDArray[np.float64]:
        """The numbers of texts, as `reading.parser` reads them."""
        pa, table = arrow.pyarrow(), self._table
        compute = pa.compute
        is_missing = self._is_missing(column, encoding)
        if encoding.notation == "percent":
            column = compute.utf8_rtrim(compute.replace_substring_regex(column, "%$", ""), _BLANKS)
        group = table.thousands
        if group and compute.any(compute.match_substring(column, group)).as_py():
            point, sign = re.escape(table.decimal), re.escape(group)
            pattern = rf"\A[+-]?[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+(?:{point}[0-9]*)?(?:[eE][+-]?[0-9]+)?\z"
            plain = compute.replace_substring(column, group, "")
            column = compute.if_else(compute.match_substring_regex(column, pattern), plain, column)
        if table.decimal == ",":
            points = compute.match_substring(column, ".")
            if compute.any(compute.and_not(points, is_missing)).as_py():
                raise _Unsure
            column = compute.replace_substring(column, ",", ".")
        values = compute.if_else(is_missing, None, column).cast(pa.float64())
        found = values.to_numpy(zero_copy_only=False)
        if np.count_nonzero(np.isnan(found)) != values.null_count:
            raise _Unsure
        return np.asarray(found)

    def _seconds(self, column: Any, encoding: Encoding) -> NDArray[np.float64]:
        """Times in seconds; NaN for missing ones."""
        is_missing = self._is_missing(column, encoding).to_numpy(zero_copy_only=False)
        found = np.full(len(column), np.nan)
        cells = column.filter(arrow.pyarrow().array(~is_missing))
        try:
            if encoding.time_format in UNITS:
                counts = cells.cast(arrow.pyarrow().float64()).to_numpy(zero_copy_only=False)
                if not np.isfinite(counts).all():
                    raise _Unsure
                found[~is_missing] = times.counted(counts, encoding.time_format)
            else:
                found[~is_missing] = times.texts_in_seconds(cells.to_pylist(), encoding.time_format)
        except ValueError:
            raise _Unsure from None
        return found


def _by_distinct(column: Any, parse: "Callable[[str], float]") -> NDArray[np.float64]:
    """The values of texts, each different one parsed once."""
    encoded = column.dictionary_encode()
    try:
        known = np.array([parse(cell) for cell in encoded.dictionary.to_pylist()], np.float64)
    except ValueError:
        raise _Unsure from None
    return known[encoded.indices.to_numpy(zero_copy_only=False)] if len(column) else np.empty(0)


def _without_runs(block: bytes) -> bytes:
    """Lines in which one tab stands for each run of blanks and tabs, and none at either end; each CR has its LF."""
    data = np.frombuffer(block.replace(b" ", b"\t") + b"\n", np.uint8)
    is_blank = data == ord("\t")
    after = data[1:]
    is_kept = ~is_blank[:-1]
    is_kept |= ~is_blank[1:] & (after != ord("\n")) & (after != ord("\r"))  # the last of a run, but not of a line
    kept: bytes = data[:-1][is_kept].tobytes()
    return kept.replace(b"\n\t", b"\n").removeprefix(b"\t")


def _without_groups(block: bytes, sign: bytes, delimiter: str) -> bytes | None:
    """Lines without the signs between groups of three digits; None if a sign may stand somewhere else."""
    margin = b"\n\n\n\n\n"
    data = np.frombuffer(margin + block + margin, np.uint8)
    places = np.flatnonzero(data == sign[0])
    is_digit = (data >= ord("0")) & (data <= ord("9"))
    begins = np.isin(data, np.frombuffer(b"\n\t +-" + delimiter.encode() + sign, np.uint8))
    is_group = is_digit[places + 1] & is_digit[places + 2] & is_digit[places + 3] & ~is_digit[places + 4]
    one, two, three = (is_digit[places - back] for back in (1, 2, 3))
    leads = one & (begins[places - 2] | (two & (begins[places - 3] | (three & begins[places - 4]))))
    # three digits stand between two signs
    chained = (data[places - 4] == sign[0]) | ~((data[places - 2] == sign[0]) | (data[places - 3] == sign[0]))
    if not (is_group & leads & chained).all():
        return None
    return block.replace(sign, b"")


def _quotes_are_plain(block: bytes, delimiter: str) -> bool:
    """Whether quotes are in pairs around whole cells; line ends within a pair show later, as fewer rows than lines."""
    data = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(data == ord('"'))
    if len(quotes) % 2:
        return False
    opening, closing = quotes[::2], quotes[1::2]
    before = data[opening[opening > 0] - 1]
    after = data[closing[closing < len(data) - 1] + 1]
    return bool(
        np.isin(before, [ord(delimiter), ord("\n")]).all()
        and np.isin(after, [ord(delimiter), ord("\r"), ord("\n")]).all()
    )
