"""Convolutions that see one place: a product of matrices a sample, read and stored as they lie.

With the axes of space as one, an image is a matrix (C, places), and the kernel (O, C) is the left
operand for all samples. Nothing is turned around, neither here nor in the derivatives.
"""

from __future__ import annotations

import math

from jairika_nb.engine import dtypes
from jairika_nb.engine.graph import Node, make
from jairika_nb.engine.ops import contract, views
from jairika_nb.engine.ops.patches import Geometry, Sizes

# Products have columns by so many at a time, or by the half; of them at least this share is wanted.
COLUMNS, USED = 32, 0.6


def fits(x: Node, outputs: int, taps: Sizes, geometry: Geometry) -> bool:
    """Whether a convolution of ``x`` to ``outputs`` channels is done this way."""
    steps = {*geometry.stride, *geometry.spread}
    if x.device.kind == "gpu" or math.prod(taps) > 1 or steps != {1}:
        return False
    if any(lo or hi for lo, hi in geometry.pads):
        return False
    floats = x.dtype is dtypes.float32 or x.dtype in dtypes.NARROW
    places = math.prod(x.shape[2:])
    by = COLUMNS if places > COLUMNS // 2 else COLUMNS // 2
    used = places / (-(-places // by) * by)
    return floats and geometry.groups < min(x.shape[1], outputs) and used >= USED


def product(x: Node, w: Node, groups: int) -> Node:
    """x (N, C, *size) with w (O, C / groups, 1, ...) -> (N, O, *size)."""
    n, outputs, size = x.shape[0], w.shape[0], x.shape[2:]
    # Stored by itself, as it would be for each sample otherwise.
    left = views.reshape(make("stored", (w,)), (1, groups, outputs // groups, w.shape[1]))
    return views.reshape(contract.matmul(left, _matrices(x, groups)), (n, outputs, *size))


def has_room(x: Node, g: Node, groups: int) -> bool:
    """Whether the derivatives of all samples together are no larger than what they come from."""
    parts = x.shape[0] * g.shape[1] * x.shape[1] // groups
    return parts <= (x.shape[1] + g.shape[1]) * math.prod(g.shape[2:]) * x.shape[0]


def kernel(x: Node, g: Node, groups: int, size: Sizes) -> Node:
    """The derivative (O, C / groups, *size) for x (N, C, *) and the cotangent g (N, O, *)."""
    turned = contract.transpose(_matrices(x, groups))
    each = contract.matmul(_matrices(g, groups), turned)
    return views.reshape(make("sum", (each,), (0,)), (g.shape[1], x.shape[1] // groups, *size))


def _matrices(x: Node, groups: int) -> Node:
    n, channels, *size = x.shape
    return views.reshape(x, (n, groups, channels // groups, math.prod(size)))
