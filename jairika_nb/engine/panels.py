"""Writes the function that fills a panel with some columns of a product's right operand.

A panel is ``[depth][columns]``, so that the inner loop reads it in order. Whatever makes the
operand, views included, is computed on the way: transposes and the windows of a convolution are
never stored as such.
"""

from __future__ import annotations

from jairika_nb.engine.code import Writer
from jairika_nb.engine.fused import Operand
from jairika_nb.engine.index import Var
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.spelling import WIDTH
from jairika_nb.engine.vector_lane import access_score

# The rows of a 16 x 16 block become its columns. Each of four rounds takes the elements of even
# and odd number apart, which turns the 8-bit address (row, column) by one bit.
TRANSPOSE = """\
inline void transpose16(float16 *row) {
#pragma unroll
  for (int round = 0; round < 4; round++) {
    float16 next[16];
#pragma unroll
    for (int i = 0; i < 8; i++) {
      next[i] = (float16)(row[2 * i].even, row[2 * i + 1].even);
      next[i + 8] = (float16)(row[2 * i].odd, row[2 * i + 1].odd);
    }
#pragma unroll
    for (int i = 0; i < 16; i++) row[i] = next[i];
  }
}
"""


def fill(w: Writer, operand: Operand, batch: list[str], columns: int) -> tuple[str, list[str]]:
    """Functions that ``fill`` calls, and the lines of its body."""
    top = Scope(lines=batch)
    along = direction(operand)
    if along == "columns":
        wide, helper = _rows(w, operand, top, columns), ""
    elif along == "rows":
        wide, helper = _blocks(w, operand, top, columns), TRANSPOSE
    else:
        wide, helper = [], ""
    rest = _one_by_one(w, operand, top, columns, columns_first=bool(helper))
    return helper, [*top.lines, *wide, *rest]


def direction(operand: Operand) -> str | None:
    """Which neighbours of the operand lie side by side: of its columns, of its rows, or none."""
    n, k = operand.columns, operand.rows
    along_n = access_score(operand.exprs, n) if n else None
    along_k = access_score(operand.exprs, k) if k else None
    if along_n is not None and along_n > 0 and (along_k is None or along_n >= along_k):
        return "columns"
    return "rows" if along_k is not None and along_k > 0 else None


def element(w: Writer, operand: Operand, lane: Var | None) -> list[str]:
    """The body of a function that gives the value at (batch, k, n), or 16 from there on."""
    top = Scope(lines=w.unpack(operand.batch, "batch"))
    lines, text = _value(w, operand, top, lane, WIDTH if lane else 1)
    names = [*_name(operand.rows, w, "k"), *_name(operand.columns, w, "n")]
    return [*top.lines, *names, *lines, f"*value = {text};"]


def _value(w: Writer, operand: Operand, top: Scope, lane, width: int) -> tuple[list[str], str]:
    w.lane, w.width = lane, width
    inside = frozenset(v for v in (operand.rows, operand.columns) if v)
    scope = Scope(parent=top, variables=inside)
    text = w.operand(operand.expr, scope, width)
    return scope.lines, text


def _name(var, w: Writer, text: str) -> list[str]:
    return [f"const {w.integer} {var.name} = {text};"] if var else []


def _rows(w: Writer, operand: Operand, top: Scope, columns: int) -> list[str]:
    """Neighbouring columns lie side by side: 16 of them are read and written at once."""
    lines, text = _value(w, operand, top, operand.columns, WIDTH)
    return [
        f"if (first_n + {columns} <= N) {{",
        "for (int at = 0; at < depth; at++) {",
        *_name(operand.rows, w, "first_k + at"),
        f"for (int v = 0; v < {columns}; v += {WIDTH}) {{",
        *_name(operand.columns, w, "first_n + v"),
        *lines,
        f"vstore16({text}, 0, panel + (size_t)at * {columns} + v);",
        "}",
        "}",
        "return;",
        "}",
    ]


def _blocks(w: Writer, operand: Operand, top: Scope, columns: int) -> list[str]:
    """Neighbouring rows lie side by side: blocks of 16 x 16 are turned in registers.

    Each of 16 reads goes on along a column of its own, which the cores' prefetchers follow.
    """
    lines, text = _value(w, operand, top, operand.rows, WIDTH)
    return [
        "int begin = 0;",
        f"if (first_n + {columns} <= N) {{",
        f"for (int v = 0; v < {columns}; v += {WIDTH}) {{",
        f"for (begin = 0; begin + {WIDTH} <= depth; begin += {WIDTH}) {{",
        *_name(operand.rows, w, "first_k + begin"),
        "float16 block[16];",
        "#pragma unroll",
        "for (int j = 0; j < 16; j++) {",
        *_name(operand.columns, w, "first_n + v + j"),
        *lines,
        f"block[j] = {text};",
        "}",
        "transpose16(block);",
        "#pragma unroll",
        "for (int j = 0; j < 16; j++) {",
        f"vstore16(block[j], 0, panel + (size_t)(begin + j) * {columns} + v);",
        "}",
        "}",
        "}",
        "}",
    ]


def _one_by_one(
    w: Writer, operand: Operand, top: Scope, columns: int, columns_first: bool
) -> list[str]:
    """What is left: the columns past the last full panel, the rows past the last full block."""
    lines, text = _value(w, operand, top, None, 1)
    begin = "begin" if columns_first else "0"
    loops = [
        f"for (int j = 0; j < {columns}; j++) {{",
        f"for (int at = {begin}; at < depth; at++) {{",
    ]
    store = f"panel[(size_t)at * {columns} + j] ="
    return [
        *(loops if columns_first else reversed(loops)),
        f"if (first_n + j >= N) {{ {store} 0.0f; continue; }}",
        *_name(operand.rows, w, "first_k + at"),
        *_name(operand.columns, w, "first_n + j"),
        *lines,
        f"{store} {text};",
        "}",
        "}",
    ]
