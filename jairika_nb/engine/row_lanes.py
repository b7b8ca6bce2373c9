"""Rows on a CPU: the passes over each, and what one stores for the next; lanes run along rows."""

from __future__ import annotations

from jairika_nb.engine import passes
from jairika_nb.engine.accumulators import reduce
from jairika_nb.engine.ahead import reading_ahead
from jairika_nb.engine.code import Writer
from jairika_nb.engine.costs import DEAR, cost
from jairika_nb.engine.fused import REDUCED, Expr, Kernel
from jairika_nb.engine.index import Var
from jairika_nb.engine.row_loops import loop
from jairika_nb.engine.scope import Saved, Scope
from jairika_nb.engine.spelling import WIDTH

# The longest rows of which values are stored for later passes.
LONGEST_SAVED = 1 << 15


def body(w: Writer, kernel: Kernel, lane: Var | None, once: Scope) -> tuple[list[str], int]:
    """The statements for a row, whose lanes run along it where there are any, and how many rows."""
    w.lane, w.width = lane, WIDTH if lane else 1
    kept = frozenset(kernel.kept)
    w.saved = _saved(kernel) if lane else None
    w.ahead = reading_ahead(w) if lane in kernel.row else None
    top = Scope(lines=w.unpack(kernel.kept, "piece"), parent=once, variables=kept)
    unit = Scope(parent=top, variables=frozenset([*kernel.kept, REDUCED]))
    row_code(w, kernel, unit)
    return [*top.lines, *unit.lines], kernel.rows


def row_code(w: Writer, kernel: Kernel, unit: Scope) -> None:
    """Reductions, pass after pass, then the outputs of the row and along it."""
    made = 0
    together = passes.grouped(kernel.reductions)
    for number, group in enumerate(together):
        _at_pass(w, number)
        reduce(w, kernel, {f"a{made + i}": r for i, r in enumerate(group)}, unit)
        made += len(group)
    _at_pass(w, len(together))
    along = [o for o in kernel.outputs if o.at.variables & frozenset(kernel.row)]
    for output in kernel.outputs:
        if output not in along:
            unit.lines.append(w.store(output, unit))
    if along:
        loop(w, kernel.row, unit, lambda s: [*(w.store(o, s) for o in along), *w.reads_ahead()])


def _at_pass(w: Writer, number: int) -> None:
    w.number = number
    if w.saved is not None:
        w.saved.number = number


def _saved(kernel: Kernel) -> Saved | None:
    """What a pass over a row should store for the later ones instead of their computing it anew."""
    if len(kernel.row) != 1 or kernel.row_size > LONGEST_SAVED:
        return None
    (var,) = kernel.row
    asked = [[r.expr for r in group] for group in passes.grouped(kernel.reductions)]
    asked.append([o.expr for o in kernel.outputs if var in o.at.variables])
    first: dict[Expr, int] = {}
    saved: dict[Expr, int] = {}
    for number, todo in enumerate(asked):
        while todo:
            expr = todo.pop()
            if first.setdefault(expr, number) == number:
                todo += [a for a in expr.args if var in a.variables]
            elif cost(expr, var) >= DEAR and expr.dtype.kind == "float":
                saved[expr] = first[expr]
            else:
                todo += [a for a in expr.args if var in a.variables]
    return Saved(saved, var) if saved else None
