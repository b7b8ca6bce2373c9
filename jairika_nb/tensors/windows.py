"""Windows over axes, and elements picked along an axis by a table known on the host."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from jairika_nb.engine import dtypes
from jairika_nb.engine.graph import cotangents
from jairika_nb.engine.ops import gather, sources, views
from jairika_nb.engine.run import from_numpy
from jairika_nb.tensors.tensor import Tensor


def sliding(
    x: Tensor, sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Tensor:
    """(..., n1, n2) -> (..., out1, size1, out2, size2): windows over the last axes, a view."""
    node, first = x.node, x.ndim - len(sizes)
    for i, row in enumerate(zip(sizes, strides, dilations, strict=True)):
        node = views.window(node, first + 2 * i, *row)
    return Tensor(node)


def gathered(
    y: Tensor, shape: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Tensor:
    """The adjoint of :func:`sliding`: every window's elements added at their places.

    ``y`` (..., out1, size1, out2, size2) -> (..., *shape).
    """
    zero = sources.const(0, y.dtype, y.device)
    blank = views.broadcast_to(zero, (*y.shape[: y.ndim - 2 * len(shape)], *shape))
    seen = sliding(Tensor(blank), y.shape[y.ndim - 2 * len(shape) + 1 :: 2], strides, dilations)
    (total,) = cotangents(seen.node, [blank], y.node)
    assert total is not None
    return Tensor(total)


def picked(x: Tensor, axis: int, index: np.ndarray) -> Tensor:
    """``x`` with ``axis`` replaced by the axes of ``index``, a table of places along it."""
    flat = from_numpy(index.reshape(-1), dtypes.int32, x.device)
    row = views.reshape(flat, tuple(-1 if i == axis else 1 for i in range(x.ndim)))
    wide = (*x.shape[:axis], index.size, *x.shape[axis + 1 :])
    found = gather.take_along(x.node, views.broadcast_to(row, wide), axis)
    return Tensor(views.reshape(found, (*x.shape[:axis], *index.shape, *x.shape[axis + 1 :])))


def padded(x: Tensor, pads: Sequence[tuple[int, int]], fill: bool | int | float = 0) -> Tensor:
    """``x`` with ``fill`` before and after its last axes; negative widths crop."""
    rest = x.ndim - len(pads)
    widths = tuple((max(a, 0), max(b, 0), 0) for a, b in pads)
    node = views.pad(x.node, ((0, 0, 0),) * rest + widths, fill)
    kept = tuple(
        (max(-a, 0), max(0, n + min(a, 0) + min(b, 0)), 1)
        for n, (a, b) in zip(node.shape[rest:], pads, strict=True)
    )
    return Tensor(views.take_slice(node, (*((0, n, 1) for n in node.shape[:rest]), *kept)))
