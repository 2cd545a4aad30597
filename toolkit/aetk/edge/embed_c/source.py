"""The text of `detector.h` and `detector.c`."""

from dataclasses import dataclass

from aetk import __version__
from aetk.contract import gate, spec
from aetk.contract.card import Card
from aetk.edge.embed_c import graph as graphs
from aetk.edge.embed_c import kernels
from aetk.edge.embed_c.graph import Graph
from aetk.edge.embed_c.matrices import Matrices, Weights
from aetk.edge.embed_c.operators import Builder
from aetk.edge.embed_c.pieces import number
from aetk.edge.embed_c.program import BLOCK, Program, bare
from aetk.edge.embed_c.tables import Tables

_C_TYPES = {"float32": "float", "int16": "int16_t", "int8": "int8_t"}


@dataclass(frozen=True)
class Source:
    """A model in C.

    Attributes:
        header: the text of detector.h.
        code: the text of detector.c.
        constants: the bytes of its constant arrays.
        scratch: the bytes on the stack in which a row is judged, without what a compiler adds.
        block_scratch: the same for a block of rows.
        multiply_adds: of a row.
        matrices: holds the weights that were rounded.
        explains: whether it gives contributions.
    """

    header: str
    code: str
    constants: int
    scratch: int
    block_scratch: int
    multiply_adds: int
    matrices: Matrices
    explains: bool


def write(model: gate.Model, card: Card, weights: Weights, *, contribution: bool) -> Source:
    """Write a model in C.

    Raises:
        BadInput: the graph holds something that is not known here.
    """
    graph = graphs.read(model, contribution=contribution)
    tables = Tables()
    one, matrices = _program(graph, tables, weights, 1)
    block, _ = _program(graph, tables, weights, BLOCK)
    explains = spec.CONTRIBUTION in graph.outputs
    return Source(
        header=_header(model, card, weights, explains=explains),
        code=_code(one, block, tables, weights, graph.n_features, explains=explains),
        constants=tables.bytes,
        scratch=4 * one.plan()[1],
        block_scratch=4 * BLOCK * block.plan()[1],
        multiply_adds=matrices.multiply_adds,
        matrices=matrices,
        explains=explains,
    )


def _program(graph: Graph, tables: Tables, weights: Weights, rows: int) -> tuple[Program, Matrices]:
    program, matrices = Program(rows), Matrices(tables, weights, graphs.shared(graph))
    builder = Builder(graph, program, tables, matrices)
    for node in graph.nodes[: graph.deciding]:
        builder.add(node)
    _write_decision(builder, program)
    if spec.CONTRIBUTION in graph.outputs:
        program.add(["if (contribution == 0) {", "    return;", "}"])
        for node in graph.nodes[graph.deciding :]:
            builder.add(node)
        _write_contribution(builder, program, graph.n_features)
    return program, matrices


def _write_decision(builder: Builder, program: Program) -> None:
    rows = [builder.rows[name] for name in spec.OUTPUTS]
    at = "decision->" if program.rows == 1 else "decision[r]."
    lines = program.loop(1, lambda _: [
        f"{at}{name} = {bare(row.pieces[0].code('', 0))};"
        for name, row in zip(spec.OUTPUTS, rows, strict=True)])  # fmt: skip
    program.add(lines, frozenset(name for row in rows for name, _ in row.pieces[0].reads))


def _write_contribution(builder: Builder, program: Program, n_features: int) -> None:
    lines, start, reads = list[str](), 0, frozenset[str]()
    at = "{}" if program.rows == 1 else f"r * {n_features} + {{}}"
    for piece in builder.rows[spec.CONTRIBUTION].pieces:
        lines += program.loop(piece.length, lambda i, p=piece, s=start: [  # type: ignore[misc]
            f"contribution[{at.format(f'{i} + {s}' if i and s else i or s)}] = {bare(p.code(i, 0))};"])  # fmt: skip
        start += piece.length
        reads |= {name for name, _ in piece.reads}
    program.add(lines, reads)


_GUARD = """#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "Compile without -ffast-math and -ffinite-math-only: with them, rows that hold NaN would pass as valid."
#endif
"""


def _header(model: gate.Model, card: Card, weights: Weights, *, explains: bool) -> str:
    names = ", ".join(_quoted(name) for name in card.feature_names)
    third = ", float *contribution" if explains else ""
    thirds = third.replace("contribution", "contributions")
    shares = (
        "\n * `contribution` gets each feature's share, DETECTOR_FEATURES numbers a row that sum to 1 - similarity; for"
        "\n * a null pointer none are computed."
        if explains
        else ""
    )
    return f"""/* {_comment(card.name)}: an anomaly detector, written by aetk {__version__}. Do not edit; see README.md.
 *
 * Model: SHA-256 {card.model_sha256}
 * Weights: {weights}. No function allocates memory, or keeps anything from one call to the next. */
#ifndef DETECTOR_H
#define DETECTOR_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {{
#endif

#define DETECTOR_FEATURES {model.n_features}
#define DETECTOR_THRESHOLD {number(card.threshold.value)}
#define DETECTOR_TOLERANCE {number(card.similarity.tolerance)}
#define DETECTOR_EXPLAINS {int(explains)}
#define DETECTOR_MODEL_SHA256 "{card.model_sha256}"

/* The features' names in the order of a row: static const char *const names[] = {{ DETECTOR_FEATURE_NAMES }}; */
#define DETECTOR_FEATURE_NAMES {names}

typedef struct {{
    float similarity; /* of the row and its reconstruction, -1 to 1; exactly -1 where the row could not be judged */
    bool is_anomaly;  /* not (similarity >= threshold) */
    bool is_valid;    /* whether the row could be judged */
}} detector_decision;

/* Judges a row of raw values, in the order and units of the model's card; NaN is a missing value. `threshold` is
 * DETECTOR_THRESHOLD, or one of your own.{shares} */
void detector_decide(const float *row, float threshold, detector_decision *decision{third});

#ifndef DETECTOR_WITHOUT_ROWS
/* Judges `count` rows that lie one behind the other, {BLOCK} at a time: the same answers, sooner, with {BLOCK} times
 * the stack. */
void detector_decide_rows(const float *rows, size_t count, float threshold, detector_decision *decisions{thirds});
#endif

#ifdef __cplusplus
}}
#endif

#endif
"""


def _code(one: Program, block: Program, tables: Tables, weights: Weights, n: int, *, explains: bool) -> str:
    third = ", float *contribution" if explains else ""
    step = (
        "        contributions = contributions == 0 ? 0 : contributions + {} * DETECTOR_FEATURES;\n" if explains else ""
    )
    fourth = ", contributions" if explains else ""
    kind = _C_TYPES[weights]
    signature = f"(const float *row, float threshold, detector_decision *decision{third})"
    body, block_body = ("\n".join(f"    {line}" for line in program.body()) for program in (one, block))
    parts = [
        '#include "detector.h"\n\n#include <math.h>\n#include <stdint.h>\n',
        _GUARD,
        "#if defined(__clang__)\n#pragma STDC FP_CONTRACT OFF\n#endif\n",
        tables.text(),
        kernels.text(one.helpers | block.helpers, kind, block=False).lstrip("\n"),
        f"void detector_decide{signature}\n{{\n{body}\n}}\n",
        "#ifndef DETECTOR_WITHOUT_ROWS",
        kernels.text(block.helpers, kind, block=True).lstrip("\n"),
        f"static void decide_block{signature}\n{{\n{block_body}\n}}\n",
        f"void detector_decide_rows(const float *rows, size_t count, float threshold, detector_decision *decisions"
        f"{third.replace('contribution', 'contributions')})\n{{\n"
        f"    for (; count >= {BLOCK}; count -= {BLOCK}) {{\n"
        f"        decide_block(rows, threshold, decisions{fourth});\n"
        f"        rows += {BLOCK} * DETECTOR_FEATURES;\n"
        f"        decisions += {BLOCK};\n{step.format(BLOCK)}"
        f"    }}\n"
        f"    for (; count > 0; --count) {{\n"
        f"        detector_decide(rows, threshold, decisions{fourth});\n"
        f"        rows += DETECTOR_FEATURES;\n"
        f"        ++decisions;\n{step.format(1)}"
        f"    }}\n}}\n#endif",
    ]
    return "\n".join(parts) + "\n"


def _comment(text: str) -> str:
    """A text that cannot end the comment that it stands in."""
    return "".join(letter if letter.isprintable() else "?" for letter in text).replace("*/", "* /").replace("/*", "/ *")


def _quoted(text: str) -> str:
    """A text as a C string: bytes of UTF-8 that are no plain letters as octal numbers."""
    return (
        '"'
        + "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}" for byte in text.encode())
        + '"'
    )
