"""Products of a row with a constant matrix, of which only what is not zero is stored and computed.

A column with a single weight is a number of the row times that weight: diagonal matrices, copies and one-hot codes need
no loop of their own. Other columns are dense, or lists of their weights where most of them are zero.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aetk.base.errors import BadInput
from aetk.edge.embed_c.pieces import Piece, Row, Values, literal, uniform
from aetk.edge.embed_c.program import Program
from aetk.edge.embed_c.tables import Tables, as_index

Weights = Literal["float32", "int16", "int8"]
LIMITS = {"int16": 32767, "int8": 127}
_MOST_RUNS = 8
_PAIR_BYTES = 8


@dataclass(frozen=True)
class Run:
    """Neighbouring columns of one kind: "zero", "single" (one weight each) or "dense"."""

    kind: str
    start: int
    stop: int
    source: int = 0
    stride: int = 0


@dataclass(frozen=True)
class Dense:
    """A stored matrix.

    Attributes:
        table: its name in the C file.
        by_output: whether it is stored output by output, as the other user of a shared matrix needs it.
        scale: float32, one for each output or input; None for float32 weights.
        scales_outputs: which of them.
    """

    table: str
    by_output: bool
    scale: Values | None
    scales_outputs: bool


class Matrices:
    """Stores the matrices of a graph, shared ones once, and computes products with them.

    Args:
        tables: the constant arrays of the file.
        weights: how dense weights are stored.
        shared: the names of matrices that are used as they are, and also transposed.

    Attributes:
        stored: the matrices as the file holds them: those whose weights were rounded, by name.
        multiply_adds: of a row.
    """

    def __init__(self, tables: Tables, weights: Weights, shared: frozenset[str]) -> None:
        self._tables, self._weights, self._shared = tables, weights, shared
        self.stored: dict[str, NDArray[Any]] = {}
        self.multiply_adds = 0

    def multiply(self, program: Program, row: Row, name: str, matrix: Values, addend: Row, *, transposed: bool) -> Row:
        """Compute row @ matrix + addend.

        Args:
            program: gets the steps.
            row: [inputs].
            name: of the constant.
            matrix: float32 [inputs, outputs], of finite numbers.
            addend: [outputs].
            transposed: whether the constant is [outputs, inputs].
        """
        found = [Run("dense", 0, matrix.shape[1])] if name in self._shared else runs(matrix)
        if len(found) > _MOST_RUNS:
            kind = "dense" if any(run.kind == "dense" for run in found) else "gather"
            found = [Run(kind, 0, matrix.shape[1])]
        if not _reads_once([run for run in found if run.kind != "zero"], row, matrix):
            _, row = program.filled(row)
        pieces: list[Piece] = []
        for run in found:
            added = addend.sliced(run.start, run.stop - run.start)
            pieces += _sum(self._columns(program, row, name, matrix, run, transposed, added), added)
        return Row(addend.shape, tuple(pieces))

    def _columns(
        self,
        program: Program,
        row: Row,
        name: str,
        matrix: Values,
        run: Run,
        transposed: bool,
        added: tuple[Piece, ...],
    ) -> Piece | None:
        """A run's columns without what is added; None for zeros."""
        columns = matrix[:, run.start : run.stop]
        width = run.stop - run.start
        if run.kind == "zero":
            return None
        if run.kind == "single":
            weights = columns[run.source + run.stride * np.arange(width), np.arange(width)]
            parts = row.sliced(run.source, width) if run.stride else row.sliced(run.source, 1)
            self.multiply_adds += width
            return _times(parts[0].repeated(width), self._weights_piece(weights, name))
        if run.kind == "gather":
            return self._gathered(program, row, name, columns)
        if name in self._shared:
            return self._dense(program, row, name, matrix, run, transposed)
        equal = uniform(columns)
        if width == 1 and equal is not None:
            self.multiply_adds += len(columns)
            return _times(program.reduce(row, squares=False), literal(np.array([equal], np.float32)))
        pairs = np.argwhere(columns)
        if len(pairs) * _PAIR_BYTES * 2 < columns.nbytes:
            return self._sparse(program, row, name, columns, pairs)
        return self._dense(program, row, name, matrix, run, transposed)

    def _weights_piece(self, weights: Values, name: str) -> Piece:
        if uniform(weights) is not None:
            return literal(weights)
        return constant(self._tables, weights, name)

    def _gathered(self, program: Program, row: Row, name: str, columns: Values) -> Piece:
        """Each column's only weight times the number that it belongs to."""
        buffer, _ = program.filled(row)
        sources = (columns != 0).argmax(0)
        weights = columns[sources, np.arange(len(sources))]
        table = self._tables.name(as_index(sources.tolist()), f"{name}_sources")
        self.multiply_adds += len(sources)

        def code(variable: str, offset: int) -> str:
            at = f"{table}[{f'{variable} + {offset}' if variable and offset else variable or offset}]"
            return f"{buffer}[{at}]" if program.rows == 1 else f"{buffer}[{at} * {program.rows} + r]"

        reads = frozenset({(buffer, None)})
        return _times(Piece(len(sources), code, reads), self._weights_piece(weights, f"{name}_weights"))

    def _sparse(self, program: Program, row: Row, name: str, columns: Values, pairs: NDArray[np.intp]) -> Piece:
        """Weights one by one, each with the numbers of its row and column."""
        buffer, _ = program.filled(row)
        made = program.buffer(columns.shape[1])
        names = [
            self._tables.name(values, f"{name}_{part}")
            for values, part in (
                (columns[pairs[:, 0], pairs[:, 1]], "weights"),
                (as_index(pairs[:, 0].tolist()), "from"),
                (as_index(pairs[:, 1].tolist()), "to"),
            )
        ]
        self.multiply_adds += len(pairs)
        call = program.helper(f"sparse_product{program.suffix}")
        sizes = f"{len(pairs)}, {columns.shape[1]}"
        line = f"{call}({_address(program, made)}, {_address(program, buffer)}, {', '.join(names)}, {sizes});"
        program.add([line], frozenset({buffer}), made)
        return program.piece(made)

    def _dense(self, program: Program, row: Row, name: str, matrix: Values, run: Run, transposed: bool) -> Piece:
        inputs, width = len(matrix), run.stop - run.start
        if width > 2**16 or inputs > 2**16:
            raise BadInput(f"'{name}' is too large for C.")
        stored = self._store(name, matrix, run, transposed)
        self.multiply_adds += inputs * width
        if stored.scale is not None and not stored.scales_outputs:
            scale = constant(self._tables, stored.scale, f"{name}_scale")
            row = Row(row.shape, tuple(_times(piece, scale) for piece in row.pieces))
        buffer, _ = program.filled(row)
        made = program.buffer(width)
        call = program.helper(f"product{'_by_output' * stored.by_output}{program.suffix}")
        line = f"{call}({_address(program, made)}, {_address(program, buffer)}, {stored.table}, {inputs}, {width});"
        program.add([line], frozenset({buffer}), made)
        piece = program.piece(made)
        if stored.scale is not None and stored.scales_outputs:
            piece = _times(piece, constant(self._tables, stored.scale, f"{name}_scale"))
        return piece

    def _store(self, name: str, matrix: Values, run: Run, transposed: bool) -> Dense:
        """Put the columns of a run into a table: input by input, or as the wider user of a shared matrix needs them."""
        columns = matrix[:, run.start : run.stop]
        inputs, outputs = columns.shape
        by_output = name in self._shared and (outputs < inputs or (outputs == inputs and not transposed))
        laid = columns.T if by_output else columns
        if self._weights == "float32":
            return Dense(self._tables.name(np.ascontiguousarray(laid), name), by_output, None, True)
        largest = np.abs(laid).max(0)
        scale = np.where(largest > 0, largest / np.float32(LIMITS[self._weights]), np.float32(1)).astype(np.float32)
        rounded = np.rint(laid.astype(np.float64) / scale).clip(-LIMITS[self._weights], LIMITS[self._weights])
        kept = (rounded * scale.astype(np.float64)).astype(np.float32)
        whole = self.stored.setdefault(name, (matrix.T if transposed else matrix).copy())
        view = whole.T if transposed else whole
        view[:, run.start : run.stop] = kept.T if by_output else kept
        table = self._tables.name(np.ascontiguousarray(rounded.astype(self._weights)), name)
        return Dense(table, by_output, scale, not by_output)


def runs(matrix: Values) -> list[Run]:
    """The columns of a matrix in runs of one kind."""
    used = matrix != 0
    counts, sources = used.sum(0), used.argmax(0)
    found: list[Run] = []
    for column, (count, source) in enumerate(zip(counts.tolist(), sources.tolist(), strict=True)):
        kind = "zero" if count == 0 else "single" if count == 1 else "dense"
        last = found[-1] if found else None
        if last is not None and last.kind == kind:
            length = column - last.start
            if kind != "single":
                found[-1] = Run(kind, last.start, column + 1)
                continue
            stride = source - last.source if length == 1 else last.stride
            if stride in (0, 1) and source == last.source + length * stride:
                found[-1] = Run(kind, last.start, column + 1, last.source, stride)
                continue
        found.append(Run(kind, column, column + 1, source, 1))
    return found


def _reads_once(found: list[Run], row: Row, matrix: Values) -> bool:
    """Whether every number of the row is read at most once, so that it needs no buffer."""
    if len(found) != 1:
        return False
    (run,) = found
    if run.kind == "single":
        return run.stride == 1 and len(row.pieces) == 1
    return run.kind == "dense" and run.stop - run.start == 1 and uniform(matrix[:, run.start]) is not None


def constant(tables: Tables, values: Values, name: str) -> Piece:
    """A constant array as a piece."""
    if uniform(values) is not None:
        return literal(values)

    def code(variable: str, offset: int) -> str:
        at = f"{variable} + {offset}" if variable and offset else variable or str(offset)
        return f"{tables.name(values, name)}[{at}]"

    return Piece(len(values), code, values=values)


def _times(piece: Piece, factor: Piece) -> Piece:
    if factor.is_all(1):
        return piece
    return Piece(
        piece.length,
        lambda i, offset: f"({piece.code(i, offset)} * {factor.code(i, offset)})",
        piece.reads | factor.reads,
        piece.cost + 1,
    )


def _sum(piece: Piece | None, added: tuple[Piece, ...]) -> list[Piece]:
    """A piece plus what is added to it, cut where that is cut."""
    if piece is None:
        return list(added)
    found, start = [], 0
    for part in added:
        terms = piece.sliced(start, part.length)
        start += part.length
        found.append(terms if part.is_all(0) else _plus(terms, part))
    return found


def _plus(piece: Piece, part: Piece) -> Piece:
    return Piece(
        piece.length,
        lambda i, offset: f"({piece.code(i, offset)} + {part.code(i, offset)})",
        piece.reads | part.reads,
        piece.cost + part.cost + 1,
    )


def _address(program: Program, buffer: str) -> str:
    """A buffer as a pointer; a single number of one row is a variable."""
    return f"&{buffer}" if program.rows == 1 and program.widths[buffer] == 1 else buffer
