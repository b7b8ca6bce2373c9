"""Filling and selecting where a mask of bools holds."""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.engine.ops import elementwise as e
from jairika_nb.engine.ops import gather as g
from jairika_nb.engine.ops import views
from jairika_nb.errors import DTypeError
from jairika_nb.tensors.arguments import on_tensors
from jairika_nb.tensors.keys import value_node
from jairika_nb.tensors.scans import cumsum
from jairika_nb.tensors.tensor import Tensor, attach, node_of


def _mask(name: str, mask: Any, x: Tensor) -> Tensor:
    node = node_of(mask, x.device)
    if node.dtype.kind != "bool":
        raise DTypeError(f"{name}: a mask of {node.dtype.name}; it must be bool")
    return Tensor(node)


@on_tensors
def masked_fill(x: Tensor, mask: Any, value: Any) -> Tensor:
    """``x`` with ``value`` where the mask holds; both broadcast to ``x``."""
    filled = value_node(value, x)
    node = views.broadcast_to(_mask("masked_fill", mask, x).node, x.shape)
    return Tensor(e.where(node, filled, x.node))


@on_tensors
def masked_select(x: Tensor, mask: Any) -> Tensor:
    """The elements of ``x`` where the mask holds, 1-d; both broadcast.

    How many there are depends on the data, so the mask is read when the line runs.
    """
    node = _mask("masked_select", mask, x).node
    shape = e.broadcast_shape("masked_select", x.shape, node.shape)
    whole = Tensor(views.broadcast_to(x.node, shape))
    return whole[Tensor(views.broadcast_to(node, shape))]


@on_tensors
def masked_scatter(x: Tensor, mask: Any, source: Any) -> Tensor:
    """``x`` with the elements of ``source``, in order, where the mask holds."""
    node = views.broadcast_to(_mask("masked_scatter", mask, x).node, x.shape)
    new = views.reshape(value_node(source, x), (-1,))
    if not x.size:
        return x
    flat = Tensor(views.reshape(node, (math.prod(x.shape),)))
    order = cumsum(flat, axis=0) - 1
    # Where the mask does not hold any place will do.
    place = e.where(flat.node, order.node, 0)
    moved = views.reshape(g.take_along(new, place, 0), x.shape)
    return Tensor(e.where(node, moved, x.node))


for _function in (masked_fill, masked_select, masked_scatter):
    attach(_function.__name__, _function)
