"""Which loop variable runs over the lanes of vectors on a CPU: the one accesses lie along."""

from __future__ import annotations

from jairika_nb.engine import dtypes
from jairika_nb.engine.fused import Expr, Kernel
from jairika_nb.engine.index import Form, Var
from jairika_nb.engine.spelling import WIDTH


def best_lane(kernel: Kernel) -> Var | None:
    """The loop variable to run over vector lanes: the one most accesses are contiguous along."""
    candidates = [v for v in (kernel.kept[-1:] + kernel.row[-1:]) if v.size >= WIDTH]
    scored = [(s, v) for v in candidates if (s := score(kernel, v)) is not None]
    return max(scored, key=lambda row: row[0])[1] if scored else None


def score(kernel: Kernel, lane: Var) -> tuple[int, int] | None:
    """Contiguous accesses less scattered ones; None where an access cannot be a vector.

    Of a reduction those of its reads come first: it writes once where it reads a whole row.
    """
    reads = access_score(kernel.exprs, lane, in_pairs=lane.size % 2 == 0)
    if reads is None:
        return None
    total = reads
    for output in kernel.outputs:
        step = output.at.coefficient(lane)
        if step not in (0, 1) or (step == 0 and lane in kernel.kept):
            return None
        total += step
    return (reads if kernel.row else total, total) if total >= 0 else None


def access_score(exprs: list[Expr], lane: Var, in_pairs: bool = False) -> int | None:
    """Contiguous reads less scattered ones; None where a read cannot be a vector.

    Two lanes may read one element where they come ``in_pairs``: vectors begin at even places.
    """
    score = 0
    for expr in exprs:
        if expr.kind == "checked" and lane in expr.args[1].variables:
            return None
        if expr.kind in ("load", "index", "random"):
            place: Form = expr.data[1] if expr.kind != "index" else expr.data[0]
            step = place.coefficient(lane)
            if step is None and not (in_pairs and _reads_in_pairs(expr, lane)):
                return None
            if expr.kind == "load":
                score -= step not in (0, 1, 2, None)
            score += step in (1, None)
        if expr.kind in ("load", "guard") and not _can_guard(expr, lane):
            return None
    return score


def _reads_in_pairs(expr: Expr, lane: Var) -> bool:
    plain = expr.kind == "load" and expr.dtype is dtypes.float32
    return plain and expr.data[1].halves(lane)


def _can_guard(expr: Expr, lane: Var) -> bool:
    """Whether lanes outside a padded tensor can be told from those inside it."""
    along = [b for b in expr.data[-1] if lane in b[0].variables]
    if not along:
        return True
    plain = all(form.coefficient(lane) == 1 and by == 1 for form, _, _, by in along)
    return plain and (expr.kind == "guard" or expr.data[1].coefficient(lane) == 1)
