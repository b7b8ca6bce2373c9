"""Lines shorter than a vector on a CPU: pooled images, small ones.

A vector then begins at each line and runs over into the next one, whose own vector follows and
overwrites what was stored too far. Only the last line of a work-item is done one by one.
"""

from __future__ import annotations

from jairika_nb.engine import index
from jairika_nb.engine.fused import Expr, Kernel
from jairika_nb.engine.index import Form, Var
from jairika_nb.engine.spelling import WIDTH

# A vector may run over into one line only; of fewer lines too many are the last of a work-item.
SHORTEST, FEWEST = WIDTH // 2, 256


def lane_of(kernel: Kernel) -> Var | None:
    """The last axis of the result, where its lines may run over; None where they may not."""
    lane = kernel.kept[-1] if kernel.kept else None
    if lane is None or not SHORTEST <= lane.size < WIDTH or kernel.rows < FEWEST * lane.size:
        return None
    whole = index.flatten(map(index.variable, kernel.kept), tuple(v.size for v in kernel.kept))
    stores = all(o.at == whole for o in kernel.outputs)
    return lane if stores and all(_may_run_over(e, kernel, lane) for e in kernel.exprs) else None


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
