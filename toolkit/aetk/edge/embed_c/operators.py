"""What each operator makes of rows; a graph with another operator, or another use of one, is refused."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from aetk.contract import gate, spec
from aetk.edge.embed_c import graph as graphs
from aetk.edge.embed_c.graph import BATCH, Graph, Shape, refused
from aetk.edge.embed_c.matrices import Matrices, constant
from aetk.edge.embed_c.pieces import Piece, Row, combined, number
from aetk.edge.embed_c.program import Program, bare
from aetk.edge.embed_c.tables import Tables

_FLOAT = 1


class Builder:
    """Turns the nodes of a graph into the steps of a program, in their order.

    Args:
        graph: the graph.
        program: gets the steps.
        tables: the constant arrays of the file.
        matrices: the matrices of the file.
    """

    def __init__(self, graph: Graph, program: Program, tables: Tables, matrices: Matrices) -> None:
        self.program = program
        self.matrices = matrices
        self.graph = graph
        self.rows: dict[str, Row] = {spec.INPUT: Row((BATCH, graph.n_features), (self._features(),))}
        for name, values in graph.constants.items():
            if values.dtype.kind == "f":
                self.rows[name] = Row(values.shape, (constant(tables, values.reshape(-1), name),))
        self.rows[spec.THRESHOLD] = Row((), (Piece(1, lambda i, offset: "threshold"),))

    def _features(self) -> Piece:
        n, rows = self.graph.n_features, self.program.rows

        def code(variable: str, offset: int) -> str:
            at = f"{variable} + {offset}" if variable and offset else variable or str(offset)
            return f"row[{at}]" if rows == 1 else f"row[r * {n} + {at}]"

        return Piece(n, code)

    def add(self, node: gate.Node) -> None:
        """Add a node's steps, if it needs any, and keep its row; compute one that is costly and read more than once."""
        try:
            operator = _OPERATORS[node.op_type]
        except KeyError:
            raise refused(f"it has an operator {node.op_type}") from None
        row = operator(self, node)
        readers = self.graph.readers[node.output]
        if row.cost > _CHEAP[row.is_bool] and (readers > 1 or node.output in self.graph.outputs):
            row = self.program.fill(row)
        self.rows[node.output] = row

    def inputs(self, node: gate.Node) -> list[Row]:
        """The rows that a node is given."""
        return [self.rows[name] for name in node.inputs]

    def result(self, *rows: Row) -> tuple[Shape, list[Row]]:
        """The shape that rows are broadcast to, and the rows, a single number repeated; others are refused."""
        rank = max(len(row.shape) for row in rows)
        columns = list(zip(*((1,) * (rank - len(row.shape)) + row.shape for row in rows), strict=True))
        shape: Shape = tuple(next((dim for dim in dims if dim != 1), 1) for dims in columns)
        width = _width(shape)
        if any(row.width not in (1, width) for row in rows):
            raise refused(f"it joins values of {', '.join(str(row.width) for row in rows)} numbers a row")
        return shape, [row.repeated(width) for row in rows]


_CHEAP = {False: 1, True: 4}
"""The cost of a row of numbers, or of conditions, that is rather computed again than kept."""


def _width(shape: Shape) -> int:
    return math.prod(dim for dim in shape if dim is not BATCH)


Text = Callable[..., str]


def _mapped(builder: Builder, rows: list[Row], text: Text, cost: int, *, gives_bool: bool = False) -> Row:
    """A row of which each number is made from one number of each of the given rows."""
    shape, rows = builder.result(*rows)

    def make(*parts: Piece) -> Piece:
        return Piece(
            parts[0].length,
            lambda i, offset: text(*(part.code(i, offset) for part in parts)),
            frozenset().union(*(part.reads for part in parts)),
            sum(part.cost for part in parts) + cost,
        )

    return combined(rows, shape, make, is_bool=gives_bool)


def _numbers(builder: Builder, node: gate.Node) -> list[Row]:
    rows = builder.inputs(node)
    if any(row.is_bool for row in rows):
        raise refused(f"a node {node.op_type} takes conditions for numbers")
    return rows


def _conditions(builder: Builder, node: gate.Node) -> list[Row]:
    rows = builder.inputs(node)
    if not all(row.is_bool for row in rows):
        raise refused(f"a node {node.op_type} takes numbers for conditions")
    return rows


def _comparison(sign: str) -> Callable[[Builder, gate.Node], Row]:
    return lambda builder, node: _mapped(
        builder, _numbers(builder, node), lambda a, b: f"({a} {sign} {b})", 1, gives_bool=True
    )


def _negation(builder: Builder, node: gate.Node) -> Row:
    return _mapped(builder, _conditions(builder, node), lambda a: f"(!{a})", 0, gives_bool=True)


def _call(builder: Builder, rows: list[Row], helper: str, cost: int, *arguments: float) -> Row:
    """A helper function of the C file for each number of a row, with constant arguments after it."""
    name = builder.program.helper(helper)
    rest = "".join(f", {number(value)}" for value in arguments)
    return _mapped(builder, rows, lambda x: f"{name}({bare(x)}{rest})", cost)


def _arithmetic(sign: str, cost: int, neutral: float, *, commutes: bool = False) -> Callable[..., Row]:
    """An operator of two numbers; left out where one of them changes nothing."""

    def operator(builder: Builder, node: gate.Node) -> Row:
        shape, rows = builder.result(*_numbers(builder, node))

        def make(first: Piece, second: Piece) -> Piece:
            if second.is_all(neutral):
                return first
            if commutes and first.is_all(neutral):
                return second
            return Piece(
                first.length,
                lambda i, offset: f"({first.code(i, offset)} {sign} {second.code(i, offset)})",
                first.reads | second.reads,
                first.cost + second.cost + cost,
            )

        return combined(rows, shape, make, is_bool=False)

    return operator


def _clip(builder: Builder, node: gate.Node) -> Row:
    row = _numbers(builder, node)[:1]
    bounds = [builder.graph.constants.get(name) for name in node.inputs[1:]]
    ends = [float(bound.reshape(-1)[0]) for bound in bounds if bound is not None and bound.size == 1]
    if len(ends) != len(node.inputs) - 1 or not ends:
        raise refused("a node Clip has bounds that are no constants")
    return _call(builder, row, "clipped" if len(ends) == 2 else "at_least", 2 * len(ends), *ends)


def _leaky(builder: Builder, node: gate.Node) -> Row:
    return _call(builder, _numbers(builder, node), "leaky", 3, graphs.real(node, "alpha", 0.01))


def _absolute(builder: Builder, node: gate.Node) -> Row:
    return _call(builder, _numbers(builder, node), "magnitude", 2)


def _root(builder: Builder, node: gate.Node) -> Row:
    return _mapped(builder, _numbers(builder, node), lambda x: f"sqrtf({bare(x)})", 8)


def _power(builder: Builder, node: gate.Node) -> Row:
    row, exponent = _numbers(builder, node)
    if not all(piece.is_all(2) for piece in exponent.pieces):
        raise refused("a node Pow has another exponent than 2")
    return _call(builder, [row], "square", 1)


def _where(builder: Builder, node: gate.Node) -> Row:
    condition, *choices = builder.inputs(node)
    if not condition.is_bool or any(row.is_bool for row in choices):
        raise refused("a node Where chooses by something else than a condition")
    shape, rows = builder.result(condition, *choices)

    def make(test: Piece, first: Piece, second: Piece) -> Piece:
        return Piece(
            test.length,
            lambda i, o: f"({test.code(i, o)} ? {first.code(i, o)} : {second.code(i, o)})",
            test.reads | first.reads | second.reads,
            test.cost + first.cost + second.cost + 1,
        )

    return combined(rows, shape, make, is_bool=False)


def _cast(builder: Builder, node: gate.Node) -> Row:
    (row,) = builder.inputs(node)
    if node.attributes.get("to") != _FLOAT:
        raise refused("a node Cast makes something else than float32")
    if not row.is_bool:
        return row
    return _mapped(builder, [row], lambda x: f"({x} ? 1.0f : 0.0f)", 1)


def _product(builder: Builder, node: gate.Node) -> Row:
    name = node.inputs[1]
    matrix = builder.graph.constants.get(name)
    row = builder.inputs(node)[0]
    scale = graphs.real(node, "alpha", 1), graphs.real(node, "beta", 1)
    if matrix is None or matrix.ndim != 2 or row.is_bool or row.shape[:1] != (BATCH,) or scale != (1, 1):
        raise refused(f"a node {node.op_type} is no product of a row and a constant matrix")
    transposed = bool(node.attributes.get("transB", 0))
    factor = matrix.T if transposed else matrix
    shape = (BATCH, factor.shape[1])
    added = Row(shape, (Piece(factor.shape[1], lambda i, o: "0.0f", values=np.zeros(factor.shape[1], np.float32)),))
    if len(node.inputs) > 2:
        added = Row(shape, builder.inputs(node)[2].repeated(factor.shape[1]).pieces)
        if added.width != factor.shape[1]:
            raise refused("a node Gemm adds something that is no row")
    return builder.matrices.multiply(builder.program, row, name, factor, added, transposed=transposed)


def _softmax(builder: Builder, node: gate.Node) -> Row:
    (row,) = builder.inputs(node)
    axis = range(len(row.shape))[node.attributes.get("axis", -1)]
    if row.shape[axis] != row.width:
        raise refused("a node Softmax does not take whole rows")
    return builder.program.softmax(row)


def _concat(builder: Builder, node: gate.Node) -> Row:
    given = builder.inputs(node)
    shape = given[0].shape
    axis = range(len(shape))[node.attributes["axis"]]
    if _width(shape[:axis]) != 1 or shape[axis] is BATCH:
        raise refused("a node Concat joins something else than rows")
    joined = sum(int(row.shape[axis] or 0) for row in given)
    pieces = tuple(piece for row in given for piece in row.pieces)
    return Row((*shape[:axis], joined, *shape[axis + 1 :]), pieces, given[0].is_bool)


def _slice(builder: Builder, node: gate.Node) -> Row:
    row = builder.rows[node.inputs[0]]
    (start,), (end,), (axis,), (step,) = [*(builder.graph.constants[name].tolist() for name in node.inputs[1:]), [1]][
        :4
    ]
    axis = range(len(row.shape))[axis]
    size = row.shape[axis]
    if size is BATCH or size != row.width or step != 1:
        raise refused("a node Slice takes something else than neighbouring numbers of a row")
    part = range(size)[start:end]
    if not len(part):
        raise refused("a node Slice takes nothing")
    shape = (*row.shape[:axis], len(part), *row.shape[axis + 1 :])
    return Row(shape, row.sliced(part.start, len(part)), row.is_bool)


def _unsqueeze(builder: Builder, node: gate.Node) -> Row:
    row = builder.rows[node.inputs[0]]
    (axis,) = builder.graph.constants[node.inputs[1]].tolist()
    axis = range(len(row.shape) + 1)[axis]
    return Row((*row.shape[:axis], 1, *row.shape[axis:]), row.pieces, row.is_bool)


def _reduce(*, squares: bool) -> Callable[[Builder, gate.Node], Row]:
    def operator(builder: Builder, node: gate.Node) -> Row:
        row = builder.rows[node.inputs[0]]
        axis = range(len(row.shape))[graphs.axis_of(node, builder.graph.constants)]
        kept = (1,) if node.attributes.get("keepdims", 1) else ()
        shape = (*row.shape[:axis], *kept, *row.shape[axis + 1 :])
        size = row.shape[axis]
        if row.is_bool or size is BATCH or _width(row.shape[:axis]) != 1:
            raise refused(f"a node {node.op_type} sums over something else than rows")
        if size == row.width:
            return Row(shape, (builder.program.reduce(row, squares=squares),))
        if squares:
            raise refused("a node ReduceL2 sums over something else than rows")
        return _layers_summed(row, shape, size)

    return operator


def _layers_summed(row: Row, shape: Shape, layers: int) -> Row:
    """The sum of rows that lie behind one another."""
    width = row.width // layers
    parts = [Row(shape, row.sliced(layer * width, width)) for layer in range(layers)]

    def make(*pieces: Piece) -> Piece:
        return Piece(
            pieces[0].length,
            lambda i, offset: f"({' + '.join(piece.code(i, offset) for piece in pieces)})",
            frozenset().union(*(piece.reads for piece in pieces)),
            sum(piece.cost + 1 for piece in pieces),
        )

    return combined(parts, shape, make, is_bool=False)


_OPERATORS: Mapping[str, Callable[[Any, gate.Node], Row]] = {
    "Abs": _absolute,
    "Add": _arithmetic("+", 1, 0, commutes=True),
    "Cast": _cast,
    "Clip": _clip,
    "Concat": _concat,
    "Div": _arithmetic("/", 4, 1),
    "Gemm": _product,
    "Greater": _comparison(">"),
    "GreaterOrEqual": _comparison(">="),
    "LeakyRelu": _leaky,
    "LessOrEqual": _comparison("<="),
    "MatMul": _product,
    "Mul": _arithmetic("*", 1, 1, commutes=True),
    "Not": _negation,
    "Pow": _power,
    "ReduceL2": _reduce(squares=True),
    "ReduceSum": _reduce(squares=False),
    "Slice": _slice,
    "Softmax": _softmax,
    "Sqrt": _root,
    "Sub": _arithmetic("-", 1, 0),
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
