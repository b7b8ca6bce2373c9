"""Lines shorter than a vector on a CPU: pooled images, small ones.

A vector then begins at each line and runs over into the next one, whose own vector follows and
overwrites what was stored too far. Only the last line of a work-item is done one by one.
"""

from __future__ import annotations

from jairika_nb.engine import index
from jairika_nb.engine.code import Writer
from jairika_nb.engine.fused import REDUCED, Expr, Kernel
from jairika_nb.engine.index import Form, Var
from jairika_nb.engine.row_lanes import row_code
from jairika_nb.engine.row_loops import step_head
from jairika_nb.engine.scope import Scope
from jairika_nb.engine.spelling import WIDTH
from jairika_nb.engine.vector_lane import access_score

# A vector may run over into one line only; of fewer lines too many are the last of a work-item.
SHORTEST, FEWEST = WIDTH // 2, 256


def lane_of(kernel: Kernel) -> Var | None:
    """The last axis of the result, where its lines may run over; None where they may not."""
    lane = kernel.kept[-1] if kernel.kept else None
    if lane is None or not SHORTEST <= lane.size < WIDTH or kernel.rows < FEWEST * lane.size:
        return None
    whole = index.flatten(map(index.variable, kernel.kept), tuple(v.size for v in kernel.kept))
    stores = all(o.at == whole for o in kernel.outputs)
    fits = stores and all(_may_run_over(e, kernel, lane) for e in kernel.exprs)
    return lane if fits and access_score(kernel.exprs, lane) is not None else None


def body(w: Writer, kernel: Kernel, lane: Var, once: Scope) -> tuple[list[str], int]:
    """The statements for a line, and how many lines there are."""
    w.streamed = set()
    top = Scope(lines=w.unpack(kernel.kept[:-1], "piece"), parent=once,
                variables=frozenset(kernel.kept))  # fmt: skip
    top.lines.append(f"{w.integer} {lane.name} = 0;")
    for width in (WIDTH, 1):
        w.lane, w.width = lane, width
        unit = Scope(parent=top, variables=frozenset([lane, REDUCED]))
        row_code(w, kernel, unit)
        end = w.integer_argument(lane.size)
        head = "if (piece + 1 < last) {" if width > 1 else step_head(lane.name, end, 1)
        top.lines += [head, *unit.lines, *["continue;"] * (width > 1), "}"]
    return top.lines, kernel.rows // lane.size


def _may_run_over(expr: Expr, kernel: Kernel, lane: Var) -> bool:
    if expr.kind != "load":
        return True
    _, place, bounds = expr.data
    if lane not in place.variables:
        return True
    return not bounds and _has_room(place, kernel.kept[:-1], lane)


def _has_room(place: Form, outer: list[Var], lane: Var) -> bool:
    """Whether behind every line but the last one there are as many elements as are read too far."""
    step = place.coefficient(lane)
    if step not in (1, 2):
        return False
    steps = [place.coefficient(v) for v in outer]
    return all(s is not None and s >= step * (WIDTH - lane.size) for s in steps)
