"""A C function that judges one row, or a block of rows, as a list of steps; plans where its numbers lie on the stack.

In a block, each number is `BLOCK` numbers side by side, one of each row: every loop over numbers then holds an inner
loop over rows, which a compiler turns into vectors. Both functions compute each number in the same order.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aetk.edge.embed_c.pieces import Piece, Row, index, number

BLOCK = 32


@dataclass(frozen=True)
class Step:
    """A few lines of C, with the buffers that they read and write."""

    lines: tuple[str, ...]
    reads: frozenset[str]
    writes: str | None


class Program:
    """Steps, and the buffers that they fill.

    Args:
        rows: 1, or `BLOCK`.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.steps: list[Step] = []
        self.widths: dict[str, int] = {}
        self.helpers: set[str] = set()
        self._in_place: dict[str, str] = {}

    @property
    def suffix(self) -> str:
        """The end of the names of helpers for this many rows."""
        return "" if self.rows == 1 else "_block"

    def helper(self, name: str) -> str:
        """The name of a helper function, which is then part of the file."""
        self.helpers.add(name)
        return name

    def add(self, lines: list[str], reads: frozenset[str] = frozenset(), writes: str | None = None) -> None:
        """Append a step."""
        self.steps.append(Step(tuple(lines), reads, writes))

    def buffer(self, width: int) -> str:
        """A new buffer for so many numbers; of one row, a single number has a variable of its own."""
        name = f"{'v' if width == 1 else 'b'}{len(self.widths)}"
        self.widths[name] = width
        return name

    def element(self, buffer: str, variable: str, offset: int) -> str:
        """The text of a number in a buffer."""
        if self.rows > 1:
            at = f"{self.rows * offset} + r" if not variable else f"({index(variable, offset)}) * {self.rows} + r"
            return f"{buffer}[{at.removeprefix('0 + ')}]"
        return buffer if self.widths[buffer] == 1 else f"{buffer}[{index(variable, offset)}]"

    def piece(self, buffer: str) -> Piece:
        """A buffer as a piece."""
        return Piece(
            self.widths[buffer],
            lambda variable, offset: self.element(buffer, variable, offset),
            frozenset({(buffer, 0)}),
        )

    def loop(self, length: int, body: Callable[[str], list[str]]) -> list[str]:
        """Lines that run a body for each number, and in a block for each row."""
        lines = body("i" if length > 1 else "")
        if self.rows > 1:
            lines = [f"for (size_t r = 0; r < {self.rows}; ++r) {{", *_indented(lines), "}"]
        if length > 1:
            lines = [f"for (size_t i = 0; i < {length}; ++i) {{", *_indented(lines), "}"]
        return lines

    def fill(self, row: Row) -> Row:
        """Compute a row into a buffer, in place of one that it is made from if no other step needs that one."""
        buffer, start, lines = self.buffer(row.width), 0, list[str]()
        for piece in row.pieces:
            lines += self.loop(piece.length, lambda i, p=piece, s=start: [  # type: ignore[misc]
                f"{self.element(buffer, i, s)} = {_as_number(p.code(i, 0), row.is_bool)};"])  # fmt: skip
            start += piece.length
        self._note_in_place(buffer, row)
        self.add(lines, read_by(row), buffer)
        if not row.is_bool:
            return Row(row.shape, (self.piece(buffer),))
        flags = self.piece(buffer)
        piece = Piece(flags.length, lambda i, offset: f"({flags.code(i, offset)} != 0.0f)", flags.reads, 1)
        return Row(row.shape, (piece,), is_bool=True)

    def filled(self, row: Row) -> tuple[str, Row]:
        """The buffer that holds a row, which is computed if it is not there yet."""
        for buffer, width in self.widths.items():
            if row.pieces[0].reads == {(buffer, 0)} and row.cost == 0 and (len(row.pieces), width) == (1, row.width):
                return buffer, row
        row = self.fill(row)
        return next(iter(row.pieces[0].reads))[0], row

    def reduce(self, row: Row, *, squares: bool) -> Piece:
        """The sum of a row, or the root of the sum of its squares."""
        buffer = self.buffer(1)
        total = self.element(buffer, "", 0)
        square = self.helper("square") if squares else ""
        lines = self.loop(1, lambda _: [f"{total} = 0.0f;"])
        for piece in row.pieces:
            lines += self.loop(
                piece.length,
                lambda i, p=piece: [f"{total} += {_term(p.code(i, 0), square)};"],  # type: ignore[misc]
            )
        if squares:
            lines += self.loop(1, lambda _: [f"{total} = sqrtf({total});"])
        self.add(lines, read_by(row), buffer)
        return self.piece(buffer)

    def softmax(self, row: Row) -> Row:
        """exp(x - largest) / their sum."""
        buffer = next(iter(self.fill(row).pieces[0].reads))[0]
        inverse, count = self.buffer(1), self.widths[buffer]
        name = self.helper(f"soften{self.suffix}")
        call = f"{inverse} = {name}({buffer}, {count});" if self.rows == 1 else f"{name}({buffer}, {inverse}, {count});"
        self.add([call], frozenset({buffer}), inverse)
        exponentials, factor = self.piece(buffer), self.piece(inverse)
        return Row(row.shape, (Piece(
            count, lambda i, offset: f"({exponentials.code(i, offset)} * {factor.code('', 0)})",
            exponentials.reads | {(inverse, None)}, 1),))  # fmt: skip

    def _note_in_place(self, buffer: str, row: Row) -> None:
        """Remember a buffer whose every number is read where it would be overwritten, and nowhere else."""
        shifts: dict[str, set[int | None]] = {}
        start = 0
        for piece in row.pieces:
            for name, at in piece.reads:
                shifts.setdefault(name, set()).add(None if at is None else at - start)
            start += piece.length
        for name, found in shifts.items():
            if found == {0} and self.widths.get(name) == row.width:
                self._in_place[buffer] = name

    def plan(self) -> tuple[dict[str, int], int]:
        """Where each buffer begins in the scratch memory, in numbers of one row, and how many there are."""
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for time, step in enumerate(self.steps):
            if step.writes is not None:
                first.setdefault(step.writes, time)
                last[step.writes] = time
            last.update({name: time for name in step.reads if name in self.widths})
        owner: dict[str, str] = {}
        for name in first:
            before = self._in_place.get(name)
            owner[name] = owner[before] if before is not None and last[before] == first[name] else name
        groups: dict[str, list[str]] = {}
        for name, head in owner.items():
            if self.rows > 1 or self.widths[name] > 1:
                groups.setdefault(head, []).append(name)
        places: dict[str, int] = {}
        taken: list[tuple[int, int, int, int]] = []
        for members in sorted(groups.values(), key=lambda names: -self.widths[names[0]]):
            begin, end = min(first[m] for m in members), max(last[m] for m in members)
            width, at = self.widths[members[0]], 0
            for low, high, start, stop in sorted(taken, key=lambda t: t[2]):
                if begin <= high and low <= end and at < stop and start < at + width:
                    at = stop
            taken.append((begin, end, at, at + width))
            places.update(dict.fromkeys(members, at))
        return places, max([stop for *_, stop in taken], default=1)

    def body(self) -> list[str]:
        """The lines of the function: its variables, then its steps."""
        places, size = self.plan()
        lines = [f"float scratch[{size * self.rows}];"]
        lines += [f"float *const {name} = scratch + {place * self.rows};" for name, place in places.items()]
        lines += [f"float {name};" for name in self.widths if name not in places]
        return lines + [line for step in self.steps for line in step.lines]


def read_by(row: Row) -> frozenset[str]:
    """The buffers that a row is made from."""
    return frozenset(name for piece in row.pieces for name, _ in piece.reads)


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _as_number(text: str, is_bool: bool) -> str:
    return f"{text} ? {number(1)} : {number(0)}" if is_bool else bare(text)


def _term(text: str, function: str) -> str:
    return f"{function}({bare(text)})" if function else bare(text)


def bare(text: str) -> str:
    """A text without parentheses around the whole of it."""
    depth = 0
    for place, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth == 0 and place < len(text) - 1:
            return text
    return bare(text[1:-1]) if text.startswith("(") else text
