"""Reading ahead on a CPU: while a row is computed, the next one comes from memory.

The processor does so by itself within a page, and finds out anew at the start of each, which for
rows of a page or less is at every row. Passes over a row that is in the cache already leave
memory idle meanwhile. Reductions down columns ask for the next few rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from jairika_nb.engine import passes
from jairika_nb.engine.code import Writer
from jairika_nb.engine.costs import cost
from jairika_nb.engine.fused import Expr, Kernel
from jairika_nb.engine.preambles import PREAMBLES
from jairika_nb.engine.source import traffic
from jairika_nb.engine.spelling import WIDTH

# Bytes from which on a kernel's data are not all in the cores' own caches, and the longest rows
# whose successors would still be there when they are needed; bytes from which on lines of columns
# are asked for, of which the third cache has less and less.
LEAST, LONGEST, LEAST_ACROSS = 1 << 22, 1 << 18, 1 << 24
# Bytes that are fetched at once.
LINE = 64

PREAMBLES["ahead"] = """\
#ifndef __has_builtin
#define __has_builtin(name) 0
#endif
inline void ahead(global const void *p) {
#if __has_builtin(__builtin_prefetch)
  __builtin_prefetch((const void *)(uintptr_t)p);
#endif
}
inline void far_ahead(global const void *p) {
#if __has_builtin(__builtin_prefetch)
  __builtin_prefetch((const void *)(uintptr_t)p, 0, 1);
#endif
}
"""


@dataclass
class Ahead:
    """The statements that fetch what the next row has at the present place, for one pass."""

    number: int
    lines: list[str]


def reading_ahead(w: Writer) -> Ahead | None:
    """What a kernel whose lanes run along rows reads ahead; None where that would not help."""
    kernel = w.kernel
    if not kernel.kept or len(kernel.row) != 1 or traffic(kernel, w.entries) < LEAST:
        return None
    number = _dearest(kernel, w.saved.passes if w.saved else {})
    lines = [line for e in kernel.exprs if e.kind == "load" for line in _fetched(w, e)]
    if number is None or not lines:
        return None
    w.preambles.add("ahead")
    return Ahead(number, list(dict.fromkeys(lines)))


def _fetched(w: Writer, expr: Expr) -> list[str]:
    """The statements for one read, where rows follow each other in memory."""
    entry, place, bounds = expr.data
    row, var = w.kernel.row[-1], w.kernel.kept[-1]
    itemsize, step = expr.dtype.itemsize, place.coefficient(var)
    if bounds or place.picked or place.coefficient(row) != 1 or not step:
        return []
    if step != row.size or step * itemsize > LONGEST:
        return []
    at = f"{w.buffer(entry)} + ({w.form(place)}) + {w.integer_argument(step)}"
    return [f"ahead({at}{f' + {i}' if i else ''});" for i in _lines(expr, 1)]


def next_lines(w: Writer, exprs: Iterable[Expr], many: int) -> list[str]:
    """What fetches ``many`` vectors of columns from where the loop variables stand.

    In the order of memory and as far ahead as a few rows, which the second cache holds: the
    processor goes through several rows side by side, and would ask for a little of each.
    """
    if traffic(w.kernel, w.entries) < LEAST_ACROSS:
        return []
    lines = [line for e in exprs if e.kind == "load" for line in _fetched_across(w, e, many)]
    if lines:
        w.preambles.add("ahead")
    return list(dict.fromkeys(lines))


def _fetched_across(w: Writer, expr: Expr, many: int) -> list[str]:
    """The statements for one read whose columns follow each other in memory."""
    entry, place, bounds = expr.data
    (row,), lane = w.kernel.row, w.lane
    if bounds or place.picked or lane is None or place.coefficient(lane) != 1:
        return []
    if (place.coefficient(row) or 0) < lane.size:
        return []
    at = f"{w.buffer(entry)} + ({w.form(place)})"
    return [f"far_ahead({at} + {i});" for i in _lines(expr, many)]


def _lines(expr: Expr, many: int) -> range:
    """The first elements of all lines that so many vectors have."""
    return range(0, WIDTH * many, max(LINE // expr.dtype.itemsize, 1))


def _dearest(kernel: Kernel, saved: dict[Expr, int]) -> int | None:
    """The pass after the first that computes most; the first one brings the row itself.

    ``saved`` are the values that a pass, by its number, stores for the later ones.
    """
    (row,) = kernel.row
    made = [[r.expr for r in group] for group in passes.grouped(kernel.reductions)]
    made.append([o.expr for o in kernel.outputs if row in o.at.variables])
    known = [{e for e, first in saved.items() if first < i} for i in range(len(made))]
    costs = [
        sum(cost(expr, row, known[i]) for expr in exprs) if exprs else -1
        for i, exprs in enumerate(made)
    ]
    found = max(range(1, len(made)), key=lambda i: (costs[i], i), default=None)
    return found if found is not None and costs[found] >= 0 else None
