"""Formats tables, times, sizes and counts as text."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with aligned columns: text to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    left = [any(_is_text(cell) for cell in column) for column in zip(*rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (c.ljust(w) if is_left else c.rjust(w) for c, w, is_left in zip(cells, widths, left, strict=True))
        return "  ".join(padded).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])


def _is_text(cell: str) -> bool:
    return cell not in ("", "-") and not cell.lstrip("-")[:1].isdigit()


def seconds(value: float | None) -> str:
    """A time in s, ms or µs; empty for None."""
    if value is None:
        return ""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


def size(value: int | None) -> str:
    """A number of bytes in KiB or MiB; empty for None."""
    if value is None:
        return ""
    return f"{value / 2**20:.1f} MiB" if value >= 2**20 else f"{value / 2**10:.1f} KiB"


def count(number: int, thing: str) -> str:
    """A number and its noun: 1 row, 2 rows."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def rate(rows_per_second: float) -> str:
    """A throughput in rows per second."""
    return f"{rows_per_second:,.0f} rows/s"
