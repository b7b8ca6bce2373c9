"""Parts of stored tensors that lie in one piece: they are read where they are, with no kernel."""

from __future__ import annotations

from typing import Any

from jairika_nb.engine.graph import Node, Shape


def stored_piece(node: Node) -> tuple[Any, int] | None:
    """The value that ``node`` is one piece of, and the element at which it begins there.

    None where the node is stored itself, or is computed, or its elements lie apart.
    """
    chain = []
    while node.value is None and node.op in ("slice", "reshape", "detach"):
        chain.append(node)
        node = node.inputs[0]
    if node.value is None or not chain or not chain[0].size:
        return None
    start = 0
    for view in reversed(chain):
        if view.op == "slice":
            offset = _offset(view.attrs, view.inputs[0].shape)
            if offset is None:
                return None
            start += offset
    return node.value, start


def _offset(bounds: tuple[tuple[int, int, int], ...], shape: Shape) -> int | None:
    """Where a slice begins in row-major order, if its elements follow each other."""
    offset, stride, apart = 0, 1, False
    for (start, count, step), n in zip(reversed(bounds), reversed(shape), strict=True):
        if count != 1 and (apart or step != 1):
            return None
        # Below a shortened axis, every further step would jump over what was left out.
        apart = apart or count != n
        offset += start * stride
        stride *= n
    return offset
