"""How large the pages of a Parquet file are: pyarrow unpacks a page whole, however much its few bytes become.

Only the header of each page says so; what the footer counts need not be true. A header is a struct in Thrift's compact
protocol, of which two fields matter.
"""

from typing import BinaryIO

_UNPACKED, _PACKED = 2, 3
_WINDOWS = (2**9, 2**16, 2**24)
"""Bytes that are looked at for a header: nearly all are short, but the statistics within may be long texts."""

_DEEPEST, _LONGEST_VARINT = 8, 63
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)


def largest_page(file: BinaryIO, start: int, length: int) -> int:
    """The bytes of the largest page, unpacked, among those that begin within a stretch of a file.

    Raises:
        ValueError: there is something else than pages.
    """
    largest, position = 0, start
    while position < start + length:
        header, unpacked, packed = _page(file, position)
        largest, position = max(largest, unpacked), position + header + packed
    return largest


def _page(file: BinaryIO, position: int) -> tuple[int, int, int]:
    """The bytes of a page's header, of the page unpacked, and of the page as it is stored."""
    for window in _WINDOWS:
        file.seek(position)
        header = _Header(file.read(window))
        try:
            sizes = header.sizes()
        except IndexError:
            continue
        if min(sizes.get(_UNPACKED, -1), sizes.get(_PACKED, -1)) < 0:
            break
        return header.position, sizes[_UNPACKED], sizes[_PACKED]
    raise ValueError(f"no page at byte {position}")


class _Header:
    """Reads one struct; IndexError where its bytes end too soon."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def sizes(self, depth: int = 0) -> dict[int, int]:
        """The 32-bit numbers of the struct by field; whatever else it holds is passed over."""
        if depth > _DEEPEST:
            raise ValueError("a page header that is nested too deeply")
        found, field = {}, 0
        while kind := self._byte():
            field = field + (kind >> 4) if kind >> 4 else self._number()
            if kind & 15 == _I32:
                found[field] = self._number()
            elif kind & 15 not in (_TRUE, _FALSE):
                self._skip(kind & 15, depth)
        return found

    def _skip(self, kind: int, depth: int) -> None:
        if kind in (_I16, _I32, _I64):
            self._varint()
        elif kind in (_TRUE, _FALSE, _BYTE):
            self._byte()
        elif kind == _DOUBLE:
            self._pass(8)
        elif kind == _BINARY:
            self._pass(self._varint())
        elif kind in (_LIST, _SET):
            size = self._byte()
            for _ in range(self._varint() if size >> 4 == 15 else size >> 4):
                self._skip(size & 15, depth)
        elif kind == _STRUCT:
            self.sizes(depth + 1)
        else:
            raise ValueError("a page header of unknown fields")

    def _pass(self, length: int) -> None:
        self.position += length
        if self.position > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        self.position += 1
        return self._data[self.position - 1]

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value, shift = value | (byte & 127) << shift, shift + 7
            if shift > _LONGEST_VARINT:
                raise ValueError("a page header with a number of more than 64 bits")
        return value | byte << shift

    def _number(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
