"""Writes products of few rows, as of one vector and a matrix: the matrix is read once, in place.

Packing it into panels would cost as much as all the rest, and a reduction for each element would
read neighbouring columns one after the other.
"""

from __future__ import annotations

import math

from jairika_nb.engine import panels
from jairika_nb.engine.code import Writer
from jairika_nb.engine.fused import Kernel, Operand
from jairika_nb.engine.product import _epilogues, _filled, _left_start, _strides
from jairika_nb.engine.program import Entry
from jairika_nb.engine.routines import template
from jairika_nb.engine.source import Argument, Source, name_of, traffic
from jairika_nb.engine.spelling import WIDTH

# A product is one of these with so many rows at most, and a matrix of so many elements at least.
ROWS, ELEMENTS = 8, 1 << 15
# Columns at a time for so many rows, where the matrix lies row by row: at most, and at least.
ALONG_COLUMNS, FEWEST = {1: 2048, 2: 1024, 4: 512, 8: 256}, 128
# The same where it lies column by column.
ALONG_ROWS = {1: 8, 2: 4, 4: 4, 8: 2}
# Rows of the matrix that are read together, and steps that are added up before they join the total.
TOGETHER, DEPTH = 8, 128
# Pieces a core should have, so that a slow one does not hold up the others.
SHARES = 8


def fits(m: int, n: int, k: int) -> bool:
    """Whether the sizes of a product are those of one of these."""
    return m <= ROWS and n >= FEWEST and k >= WIDTH and k * n >= ELEMENTS


def tile(m: int) -> tuple[int, int]:
    """What stands for the tile of a product: rows at a time, and no panels of columns."""
    return (next(rows for rows in ALONG_ROWS if rows >= m), 0)


def write(kernel: Kernel, entries: list[Entry], units: int) -> Source:
    """The kernel of such a product and whatever elementwise work follows it."""
    gemm = entries[kernel.product]  # type: ignore[index]
    shape, k, (rows, _), _ = gemm.attrs
    m, n = shape[-2:]
    batch = math.prod(shape[:-2])
    w = Writer(kernel, entries)
    left, right = kernel.operands
    along_n = panels.direction(right) == "columns"
    most = (ALONG_COLUMNS if along_n else ALONG_ROWS)[rows]
    span = _span(n, most, units) if along_n else most
    row, inner = _strides(left)
    parts = [
        *_epilogues(w, kernel, shape, (WIDTH, 1)), _left_start(w, left), *_right(w, right, along_n)
    ]  # fmt: skip
    step = w.integer_argument(inner)
    places = ", ".join(f"a[i][(k + {j}) * {step}]" for j in range(WIDTH))
    values = {
        "LEFT16": "vload16(0, a[i] + k)" if inner == 1 else f"(float16)({places})",
        "MR": rows, "MOST": most, "TOGETHER": TOGETHER, "DEPTH": DEPTH,
        "ALONG_N": int(along_n), "INDEX": w.integer,
        "ROW": w.integer_argument(row), "INNER": step,
    }  # fmt: skip
    name = name_of(kernel, entries).replace("gemm", "gemv", 1)
    text = _filled(template("gemv.cl"), w, name, parts, values)
    spans = math.ceil(n / span)
    per = math.ceil(batch * spans / (units * SHARES))
    sizes = [Argument("int", s) for s in (m, n, k, span, spans, batch * spans, per)]
    read = {i for o in (left, right) for i in o.loads}
    moved = traffic(kernel, entries) + sum(entries[i].size * 4 for i in read)
    return Source(
        name, text, frozenset(w.preambles),
        [Argument("buffer", left.expr.data[0]), *sizes, *w.arguments],
        (math.ceil(batch * spans / per),), (1,), [o.entry for o in kernel.outputs], moved,
        2 * batch * m * n * k,
    )  # fmt: skip


def _span(n: int, most: int, units: int) -> int:
    """Columns of a piece: long ones are read quicker, many ones keep all cores busy."""
    size = max(FEWEST, math.ceil(n / (2 * units)))
    return min(most, math.ceil(size / WIDTH) * WIDTH)


def _right(w: Writer, right: Operand, along_n: bool) -> list[tuple[str, str, str, list[str]]]:
    """Functions that give one value of the right operand, and 16 along its columns or rows."""
    where = "const int batch, const int k, const int n"
    found = [("", "right1", f"{where}, float *value", panels.element(w, right, None))]
    lane = right.columns if along_n else right.rows
    if panels.direction(right) is not None:
        lines = panels.element(w, right, lane)
    else:
        lines = [
            f"float lanes[{WIDTH}];",
            f"for (int i = 0; i < {WIDTH}; i++) right1(batch, k + i, n, lanes + i PASSED);",
            "*value = vload16(0, lanes);",
        ]
    return [*found, ("", "right16", f"{where}, float16 *value", lines)]
