"""Finds the decimal sign and the sign between groups of three digits, of all columns of a text file together."""

from collections.abc import Sequence
from dataclasses import replace

from aetk.contract.dialect import parse_plain
from aetk.contract.reading import Encoding, TableFormat
from aetk.lab.look.cells import is_marker, is_missing, looks_numeric, unread
from aetk.lab.look.sample import Cells

_COMPARED = 3000
_WITH_COMMAS = (
    (".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " "), (".", "\u00a0"), (",", "\u00a0"),
    (".", "\u202f"), (",", "\u202f"), (".", "'"), (",", "'"),
)  # fmt: skip
_WITHOUT = ((".", ""), (",", ""), (".", ","), *_WITH_COMMAS[3:])


def find_notation(columns: Sequence[Cells], table: TableFormat) -> TableFormat:
    """The format with the signs by which the most columns are numbers; the simplest ones of equals."""
    suspects = list[list[str]]()
    for cells in columns:
        if isinstance(cells, list) and parse_plain(cells) is None:
            texts = [
                cell
                for cell in dict.fromkeys(cells[:_COMPARED])
                if not is_missing(cell) and not is_marker(cell) and cell not in table.missing
            ]
            if texts and sum(map(looks_numeric, texts)) >= 0.8 * len(texts):
                suspects.append(texts)
    best, found = 0, table
    for decimal, thousands in _WITH_COMMAS if table.delimiter == "," else _WITHOUT:
        tried = replace(table, decimal=decimal, thousands=thousands)
        good = sum(not unread(texts, Encoding("", notation="percent"), tried) for texts in suspects)
        if good > best:
            best, found = good, tried
    return found
