"""Which operation, made by which line, stands behind something that went wrong on a device."""

from __future__ import annotations

from collections.abc import Iterable

from jairika_nb.engine import sites
from jairika_nb.engine.graph import TABLE, Node, topological
from jairika_nb.engine.plan import Plan
from jairika_nb.engine.program import Program
from jairika_nb.engine.sites import Site
from jairika_nb.errors import KernelError

# Operations named in a message; a fused kernel may hold hundreds.
MOST_NAMED = 3


def kernel(error: KernelError, roots: list[Node], program: Program, steps: Plan) -> None:
    """Add to an error about a kernel which operations it computes, and which lines made them.

    ``program`` was captured from ``roots``; the error's second argument is a step of its plan.
    """
    source = error.args[1] if len(error.args) > 1 else None
    step = next((i for i, s in enumerate(steps.sources) if s is source), None)
    if step is None:
        return
    inside = {*steps.inside[step], *steps.sources[step].outputs}
    order = [n for n in topological(roots) if id(n) in program.place]
    mine = [n for n in order if steps.place[program.place[id(n)]] in inside and n.inputs]
    told = [n for n in mine if n.site] or mine
    if told:
        error.args = (f"{error}; it computes {_listed(told, _sites(order))}", source)


def index(roots: Iterable[Node], axis: int, size: int) -> str:
    """The operations among what ``roots`` need that pick along such an axis."""
    order = topological(roots, through_values=True)
    site = _sites(order)
    found = [_told(n, site[id(n)]) for n in order if _picks(n, axis, size)]
    named = [*dict.fromkeys(found)][:MOST_NAMED]
    return "; it was given to " + " or ".join(named) if named else ""


def _picks(node: Node, axis: int, size: int) -> bool:
    row = TABLE.get(node.op)  # what a replay leaves behind is in no table
    indexed = row is not None and (row.kind == "gather" or "scatter" in node.op)
    shape = node.inputs[0].shape if node.inputs else ()
    return indexed and axis < len(shape) and shape[axis] == size


def _sites(order: list[Node]) -> dict[int, Site | None]:
    """The line of each node: its own, or that of the first operation it was made for."""
    site: dict[int, Site | None] = {id(n): n.site for n in order}
    for node in reversed(order):
        for i in node.inputs:
            if not site.get(id(i)):
                site[id(i)] = site[id(node)]
    return site


def _listed(nodes: list[Node], site: dict[int, Site | None]) -> str:
    last = [*dict.fromkeys(_told(n, site[id(n)]) for n in reversed(nodes))]
    more = f" and {len(last) - MOST_NAMED} more" if len(last) > MOST_NAMED else ""
    return ", ".join(last[:MOST_NAMED]) + more


def _told(node: Node, site: Site | None) -> str:
    line = sites.line_of(site)
    what = f"{node.op} {node.dtype.name}{list(node.shape)}"
    return f"{what} ({line})" if line else what
