"""Forward derivatives: how a change of inputs changes a result, node by node.

An elementwise operation's reverse rule multiplies by its own slope, which serves forward as well; a
linear operation does to a tangent what it does to values. For any other row the forward rule is
the transpose of its reverse rule, got by deriving that, which is linear in the cotangent (J.
Townsend, "A new trick for calculating Jacobian vector products", 2017).
"""

from __future__ import annotations

from collections.abc import Callable

from jairika_nb.engine.graph import TABLE, Node, cotangents, make, topological
from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import views
from jairika_nb.engine.ops.sources import const
from jairika_nb.errors import GradientError

Tangents = list[Node | None]  # one for each input of a node; None for one that does not change
Rule = Callable[[Node, Tangents], "Node | None"]


def pushforward(outputs: list[Node], changes: dict[int, Node]) -> list[Node | None]:
    """The tangent of each output; ``changes`` are those of sources, by the id of their nodes.

    Ordinary graph, so it can be derived again. None stands for "does not change".
    """
    known: dict[int, Node | None] = dict(changes)
    for node in topological(outputs, through_values=True):
        if id(node) not in known:
            incoming = [known.get(id(i)) for i in node.inputs]
            moves = node.dtype.kind == "float" and any(t is not None for t in incoming)
            known[id(node)] = _rule(node)(node, incoming) if moves else None
    return [known[id(y)] for y in outputs]


def _rule(node: Node) -> Rule:
    return BY_NAME.get(node.op) or BY_KIND.get(TABLE[node.op].kind, _transposed)


def _diagonal(node: Node, tangents: Tangents) -> Node | None:
    """The sum over inputs of slope times tangent."""
    total: Node | None = None
    for position, tangent in enumerate(tangents):
        if tangent is None:
            continue
        part = _reverse(node, tangent)[position]
        if part is not None:
            total = part if total is None else e.add(total, part)
    return total


def _reverse(node: Node, g: Node) -> tuple[Node | None, ...]:
    vjp = TABLE[node.op].vjp
    if vjp is None:
        raise GradientError(f"{node.op} has no derivative; use x.detach() to cut the graph there")
    return vjp(g, node, *node.inputs)


def _linear(node: Node, tangents: Tangents) -> Node | None:
    """Linear in the first input; others, as an index, do not change."""
    tangent = tangents[0]
    return None if tangent is None else make(node.op, (tangent, *node.inputs[1:]), node.attrs)


def _bilinear(node: Node, tangents: Tangents) -> Node | None:
    """The product rule: each factor's tangent with the other factor."""
    total: Node | None = None
    for position, tangent in enumerate(tangents):
        if tangent is not None:
            factors = [tangent if i == position else f for i, f in enumerate(node.inputs)]
            part = make(node.op, factors, node.attrs)
            total = part if total is None else e.add(total, part)
    return total


def _transposed(node: Node, tangents: Tangents) -> Node | None:
    """The derivative, with respect to the cotangent, of what the reverse rule makes of it."""
    zero = views.expand(const(0.0, node.dtype, node.device), node.shape)
    total: Node | None = None
    for back, tangent in zip(_reverse(node, zero), tangents, strict=True):
        if back is None or tangent is None:
            continue
        axes = tuple(range(len(back.shape)))
        product = e.mul(back, tangent)
        part = views.reshape(make("sum", (product,), axes) if axes else product, ())
        total = part if total is None else e.add(total, e.cast(part, total.dtype))
    if total is None:
        return None
    return cotangents(total, [zero], const(1.0, total.dtype, node.device))[0]


def _cast(node: Node, tangents: Tangents) -> Node | None:
    return None if tangents[0] is None else e.cast(tangents[0], node.dtype)


def _pad(node: Node, tangents: Tangents) -> Node | None:
    # What is filled in does not change.
    return None if tangents[0] is None else views.pad(tangents[0], node.attrs[0], 0)


BY_KIND: dict[str, Rule] = {
    "elementwise": _diagonal,
    "view": _linear,
    "gather": _linear,
    "barrier": lambda node, tangents: None,
}
BY_NAME: dict[str, Rule] = {
    "cast": _cast, "pad": _pad, "sum": _linear, "matmul": _bilinear, "conv": _bilinear,
    "conv_kernel": _bilinear,
}  # fmt: skip
