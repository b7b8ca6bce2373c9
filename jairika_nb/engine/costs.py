"""What it costs to compute a value for each element of a row, by the table of operations."""

from __future__ import annotations

from collections.abc import Collection

from jairika_nb.engine.fused import Expr
from jairika_nb.engine.graph import TABLE
from jairika_nb.engine.index import Var

# From this cost on a value is dear: an addition costs 1, an exponential 8.
DEAR = 8


def cost(top: Expr, var: Var, known: Collection[Expr] = ()) -> int:
    """The operations for each element of a row that a value takes, where some are known."""
    if top in known:
        return 0
    seen, todo = {top, *known}, [top]
    for expr in todo:
        new = [a for a in expr.args if var in a.variables and a not in seen]
        seen.update(new)
        todo += new
    return sum(TABLE[e.data[0]].cost for e in todo if e.kind == "op" and e.data[0] != "cast")
