"""Reductions down columns on a CPU: rows in their order, sums of many columns at once.

One vector of columns after the other would read a line of memory from every row, which neither
prefetching nor memory itself is good at. So a work-item goes through its columns a few rows at a
time, and keeps the sums of all of them in the nearest cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from jairika_nb.engine import ahead
from jairika_nb.engine.code import Writer, neutral
from jairika_nb.engine.costs import cost
from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.fused import REDUCED, Expr, Kernel, Reduction
from jairika_nb.engine.index import Var
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.spelling import WIDTH, value_type

# Steps of a sum that are added up plainly before they join the total.
BLOCK = 64
# Rows that are read together, a divisor of BLOCK; the most vectors of sums of a work-item.
FEW, MOST = 8, 128
UNROLL = "#pragma unroll"


def fits(kernel: Kernel) -> bool:
    """Whether a kernel whose lanes are columns is such a reduction."""
    if len(kernel.row) != 1 or kernel.row_size < FEW or not kernel.reductions:
        return False
    return not any(kernel.row[0] in o.at.variables for o in kernel.outputs)


def span(size: int, others: int, units: int) -> int:
    """How many of ``size`` columns a work-item takes; there are ``others`` such sets of columns."""
    wanted = max(1, math.ceil(units / others))
    vectors = math.ceil(size / wanted / WIDTH)
    return WIDTH * min(max(vectors, 4), MOST)


def body(w: Writer, kernel: Kernel, lane: Var, top: Scope) -> list[str]:
    """The statements for the columns from the loop variable's value to ``end``.

    The last vector begins earlier and computes some columns again.
    """
    lines = [
        f"const {w.integer} begin = {lane.name}, latest = end - {WIDTH};",
        f"const {w.integer} vectors = (end - begin + {WIDTH - 1}) / {WIDTH};",
    ]
    for number in range(len(kernel.reductions)):
        lines += _pass(w, kernel, lane, top, number)
    unit = _column(kernel, lane, top, len(kernel.reductions))
    stores = [w.store(output, unit) for output in kernel.outputs]
    return [*lines, *_each_vector(w, lane), *unit.lines, *stores, "}"]


def _column(kernel: Kernel, lane: Var, top: Scope, number: int) -> Scope:
    """What is computed for each vector of columns, with the results of the passes before."""
    unit = Scope(parent=top, variables=frozenset([lane, REDUCED]))
    for i, reduction in enumerate(kernel.reductions[:number]):
        kind = value_type(reduction.expr.dtype, WIDTH)
        unit.lines.append(f"const {kind} a{i} = a{i}_of[at];")
        unit.names[reduction.result] = f"a{i}"
    return unit


def _each_vector(w: Writer, lane: Var) -> list[str]:
    return [
        f"for ({w.integer} at = 0; at < vectors; at++) {{",
        f"const {w.integer} {lane.name} = min(begin + at * {WIDTH}, latest);",
    ]


def _pass(w: Writer, kernel: Kernel, lane: Var, top: Scope, number: int) -> list[str]:
    """One reduction over all rows, a few of them at a time."""
    reduction, name, (row,) = kernel.reductions[number], f"a{number}", kernel.row
    dtype = reduction.expr.dtype
    kind, start = value_type(dtype, WIDTH), neutral(reduction)
    is_long = is_long_sum(reduction, row.size)
    unit = _column(kernel, lane, top, number)
    for_rows = _each_row(w, reduction.expr, lane, row, top, unit)
    sums = f"{name}_part" if is_long else f"{name}_of"
    kept = [f"{name}_of", *([f"{name}_part", f"{name}_less"] if is_long else [])]
    size = w.bound(row.size)
    return [
        *(f"{kind} {k}[{MOST}];" for k in kept),
        *_each_vector(w, lane),
        f"{name}_of[at] = ({kind})({start});",
        *([f"{name}_part[at] = {name}_less[at] = ({kind})(0);"] if is_long else []),
        "}",
        f"for ({w.integer} few = 0; few < {size}; few += {FEW}) {{",
        f"const {w.integer} stop = min(few + {FEW}, {size});",
        *for_rows,
        *_few_rows(w, reduction, lane, row, unit, sums),
        *(_block(w, name, lane, dtype, size) if is_long else []),
        "}",
    ]


def _few_rows(
    w: Writer, reduction: Reduction, lane: Var, row: Var, unit: Scope, sums: str
) -> list[str]:
    """What a few rows add to the ``sums`` of each vector of columns."""
    scope = Scope(parent=unit, variables=frozenset([row]))
    text = w.operand(reduction.expr, scope, WIDTH)
    added = f"so_far = {w.combined(reduction, 'so_far', text, WIDTH)};"
    kind, size = value_type(reduction.expr.dtype, WIDTH), w.bound(row.size)
    coming = _coming(w, ahead.next_lines(w, scope.names, FEW), lane, row)
    lines = [f"{w.integer} line = 0, coming = few + {FEW};"] if coming else []
    # A number of rows that is known is written out by the compiler: a third faster at 64 MB.
    known, ends = f"if (few + {FEW} <= {size}) {{", (f"few + {FEW}", "stop")
    for head, end, first in zip((known, "else {"), ends, ([*coming, UNROLL], []), strict=True):
        lines += [head, *_each_vector(w, lane), *unit.lines, f"{kind} so_far = {sums}[at];", *first]
        lines += [f"for ({w.integer} {row.name} = few; {row.name} < {end}; {row.name}++) {{"]
        lines += [*scope.lines, added, "}", f"{sums}[at] = so_far;", "}", "}"]
    return lines


def _coming(w: Writer, fetched: list[str], lane: Var, row: Var) -> list[str]:
    """Asks for as much of the next few rows as is read of these, in the order of memory."""
    here = f"const {w.integer} {row.name} = coming, {lane.name} = begin + line * {WIDTH};"
    step = f"line = line + {FEW} < vectors ? line + {FEW} : 0;"
    return ["{", here, *fetched, "}", step, "coming += line == 0;"] if fetched else []


def _block(w: Writer, name: str, lane: Var, dtype: DType, size: str) -> list[str]:
    """What joins the totals after each block of rows, and after the last."""
    kind, (_, carry) = value_type(dtype, WIDTH), carried("total", WIDTH, dtype)
    return [
        f"if (stop % {BLOCK} == 0 || stop == {size}) {{",
        *_each_vector(w, lane),
        f"{kind} total = {name}_of[at], total_lost = {name}_less[at];",
        f"const {kind} total_block = {name}_part[at];",
        *carry,
        f"{name}_of[at] = total;",
        f"{name}_less[at] = total_lost;",
        f"{name}_part[at] = ({kind})(0);",
        "}",
        "}",
    ]


def _each_row(w: Writer, whole: Expr, lane: Var, row: Var, top: Scope, unit: Scope) -> list[str]:
    """Statements that compute what all columns of a row share, once for a few rows."""
    shared = _shared(whole, lane, row)
    scope = Scope(parent=top, variables=frozenset([row]))
    width, w.width = w.width, 1
    names = [w.emit(expr, scope) for expr in shared]
    w.width = width
    lines, kept = [], []
    for i, (expr, name) in enumerate(zip(shared, names, strict=True)):
        lines.append(f"{value_type(expr.dtype, 1)} for_row{i}[{FEW}];")
        unit.names[expr] = f"for_row{i}[{row.name} - few]"
        kept.append(f"for_row{i}[{row.name} - few] = {name};")
    if not shared:
        return []
    head = f"for ({w.integer} {row.name} = few; {row.name} < stop; {row.name}++) {{"
    return [*lines, head, *scope.lines, *kept, "}"]


def _shared(whole: Expr, lane: Var, row: Var) -> list[Expr]:
    """The largest parts of an expression that are computed from a row's number and not a column's.

    What depends on anything that was reduced before is left where it is.
    """
    found: dict[Expr, None] = {}
    seen, todo = {whole}, [whole]
    for expr in todo:
        apart = row in expr.variables and not expr.variables & {lane, REDUCED}
        if apart and expr.kind == "op" and cost(expr, row):
            found[expr] = None
            continue
        new = [a for a in expr.args if a not in seen]
        seen.update(new)
        todo += new
    return list(found)


def is_long_sum(reduction: Reduction, steps: int) -> bool:
    """Whether a sum has so many steps that it is added up in blocks."""
    return reduction.op == "sum" and reduction.expr.dtype.kind == "float" and steps > BLOCK


def inside(row: list[Var], unit: Scope, body: Callable[[Scope], list[str]]) -> list[str]:
    """The statements of one step over the row."""
    scope = Scope(parent=unit, variables=frozenset(row))
    last = body(scope)
    return [*scope.lines, *last]


def carried(total: str, width: int, dtype: DType) -> tuple[list[str], list[str]]:
    """Statements before and after a block of a long sum.

    Blocks are summed plainly, and added up with what rounding lost carried along (W. Kahan, 1965):
    the error does not grow with the number of elements.
    """
    kind = value_type(dtype, width)
    return [f"{kind} {total}_block = ({kind})(0);"], [
        f"const {kind} {total}_add = {total}_block - {total}_lost;",
        f"const {kind} {total}_new = {total} + {total}_add;",
        f"{total}_lost = ({total}_new - {total}) - {total}_add;",
        f"{total} = {total}_new;",
        # Where the sum overflowed there is nothing to carry along: infinity, or NaN.
        f"{total}_lost = ({total}_lost - {total}_lost == 0) ? {total}_lost : ({kind})(0);",
    ]
