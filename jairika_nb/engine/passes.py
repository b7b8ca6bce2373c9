"""Which reductions of a row share a pass over it: those that do not wait for each other."""

from __future__ import annotations

from jairika_nb.engine.fused import Expr, Reduction

# A pass keeps so many reductions at most, so that their sums stay in registers.
MOST = 3


def grouped(reductions: list[Reduction]) -> list[list[Reduction]]:
    """The reductions in their order, as the passes that make them."""
    passes: list[list[Reduction]] = []
    for reduction in reductions:
        if passes and len(passes[-1]) < MOST and _joins(reduction, passes[-1]):
            passes[-1].append(reduction)
        else:
            passes.append([reduction])
    return passes


def _joins(reduction: Reduction, others: list[Reduction]) -> bool:
    first = others[0]
    same = (first.op, first.expr.dtype) == (reduction.op, reduction.expr.dtype)
    return same and not _needs(reduction.expr, {each.result for each in others})


def _needs(top: Expr, results: set[Expr]) -> bool:
    seen, todo = {top}, [top]
    for expr in todo:
        if expr in results:
            return True
        if expr.kind != "reduced":
            new = [a for a in expr.args if a not in seen]
            seen.update(new)
            todo += new
    return False
