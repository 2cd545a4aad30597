"""Finds how large the pages of a Parquet file are: pyarrow unpacks a whole page, even if a few bytes become very many.

Only the header of each page gives its size; the footer's numbers may be wrong. Both are structs in Thrift's
compact protocol, read here because pyarrow aborts the process if it is asked for the parts of some damaged footers.
Source: parquet.thrift of apache/parquet-format, and "Thrift compact protocol encoding".
"""

import os
from collections.abc import Collection, Iterator
from typing import Any, BinaryIO

_ROW_GROUPS = 4
_COLUMNS, _METADATA = 1, 3
_PATH, _LENGTH, _DATA, _DICTIONARY = 3, 7, 9, 11
_UNPACKED, _PACKED = 2, 3
_END_BYTES = 8
_WINDOWS = (2**9, 2**16, 2**24)
"""Bytes to read for a page's header, tried in turn: nearly all are short, but their statistics may be long texts."""

_DEEPEST, _LONGEST_VARINT = 8, 63
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)


def pages_at_once(file: BinaryIO, columns: Collection[str]) -> int:
    """The unpacked bytes of the pages in memory at a time while some columns are read: the sum of each one's largest.

    Raises:
        ValueError: the file is damaged or not Parquet.
    """
    needed = 0
    for group in _row_groups(file):
        try:
            chunks = [chunk[_METADATA] for chunk in group[_COLUMNS]]
            wanted = [chunk for chunk in chunks if chunk[_PATH][0].decode() in columns]
            needed = max(needed, sum(_largest(file, chunk) for chunk in wanted))
        except (LookupError, TypeError, AttributeError):
            raise ValueError("a row group without what belongs to it") from None
    return needed


def _row_groups(file: BinaryIO) -> Iterator[dict[int, Any]]:
    end = file.seek(-_END_BYTES, os.SEEK_END)
    length = int.from_bytes(file.read(4), "little")
    file.seek(max(0, end - length))
    footer = _Compact(file.read(length))
    try:
        for field, kind in footer.fields():
            if (field, kind) == (_ROW_GROUPS, _LIST):
                yield from footer.items()
            else:
                footer.value(kind)
    except IndexError:
        raise ValueError("a footer that ends too soon") from None


def _largest(file: BinaryIO, chunk: dict[int, Any]) -> int:
    """The bytes of the largest page of a column chunk, unpacked."""
    starts = [start for start in (chunk[_DATA], chunk.get(_DICTIONARY)) if start]
    if not starts and not chunk[_LENGTH]:
        return 0  # a column of booleans without rows
    position = min(starts)
    end, largest = position + chunk[_LENGTH], 0
    while position < end:
        header, unpacked, packed = _page(file, position)
        largest, position = max(largest, unpacked), position + header + packed
    return largest


def _page(file: BinaryIO, position: int) -> tuple[int, int, int]:
    """The sizes in bytes of a page's header, of the unpacked page, and of the page as it is stored."""
    for window in _WINDOWS:
        file.seek(position)
        header = _Compact(file.read(window))
        try:
            sizes = header.value(_STRUCT)
        except IndexError:
            continue
        unpacked, packed = sizes[_UNPACKED], sizes[_PACKED]
        if min(unpacked, packed) < 0:
            break
        return header.position, unpacked, packed
    raise ValueError(f"no page at byte {position}")


class _Compact:
    """Reads values in Thrift's compact protocol; raises IndexError if the bytes end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def fields(self) -> Iterator[tuple[int, int]]:
        """Yield the number and type of each field of a struct; read its value before you ask for the next."""
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._number()
            yield field, head & 15

    def items(self, depth: int = 0) -> Iterator[Any]:
        """The items of a list."""
        head = self._byte()
        kind = head & 15
        for _ in range(self._varint() if head >> 4 == 15 else head >> 4):
            yield self._byte() if kind in (_TRUE, _FALSE) else self.value(kind, depth)

    def value(self, kind: int, depth: int = 0) -> Any:
        """A value: an integer, bytes, a list, or a dictionary by field number."""
        if depth > _DEEPEST:
            raise ValueError("a struct that is nested too deeply")
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind in (_I16, _I32, _I64):
            return self._number()
        if kind in (_DOUBLE, _BINARY):
            return self._bytes(8 if kind == _DOUBLE else self._varint())
        if kind in (_LIST, _SET):
            return list(self.items(depth + 1))
        if kind == _STRUCT:
            return {field: self.value(of, depth + 1) for field, of in self.fields()}
        raise ValueError("a value of an unknown type")

    def _bytes(self, length: int) -> bytes:
        start, self.position = self.position, self.position + length
        if self.position > len(self._data):
            raise IndexError
        return self._data[start : self.position]

    def _byte(self) -> int:
        self.position += 1
        return self._data[self.position - 1]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value, shift = value | (byte & 127) << shift, shift + 7
            if shift > _LONGEST_VARINT:
                raise ValueError("a number of more than 64 bits")
        return value | byte << shift

    def _number(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
