"""Values with mean 0 and variance 1, whose derivative is written by hand.

Derived row by row, it would sum over each group three times, one sum after the other; the sums of
the cotangent and of its product with the values are enough (S. Ioffe & C. Szegedy, "Batch
normalization", 2015). They are the derivatives of bias and weight as well.
"""

from __future__ import annotations

import math

import numpy as np

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops import views
from jairika_nb.engine.ops.elementwise import apply, div, mul
from jairika_nb.engine.ops.reduce import reduce


def normalised(
    y: Node, x: Node, mean: Node, scale: Node, axes: tuple[int, ...], affine: tuple[Node, ...] = ()
) -> Node:
    """``y``, which is ``(x - mean) * scale``, times the weight and plus the bias of ``affine``.

    ``mean`` and ``scale`` are those of ``x`` over ``axes``, kept as 1; all have the dtype of ``x``.
    """
    return make("normalised", (y, x, mean, scale, *affine), axes)


def _infer(y: Node, *rest: Node) -> tuple[Shape, DType]:
    return y.shape, y.dtype


def _reference(axes: tuple, y: np.ndarray, *rest: np.ndarray) -> np.ndarray:
    return y


def _vjp(
    g: Node, out: Node, y: Node, x: Node, mean: Node, scale: Node, *affine: Node
) -> tuple[Node | None, ...]:
    axes, weight = out.attrs, affine[:1]
    count = float(math.prod(x.shape[a] for a in axes))
    centred = apply("sub", x, mean)
    total = reduce("sum", g, axes)
    seen = reduce("sum", mul(g, mul(centred, scale)), axes)
    slope = mul(scale, div(seen, count))
    rest = apply("sub", apply("sub", g, div(total, count)), mul(centred, slope))
    dx = mul(rest, mul(scale, weight[0]) if weight else scale)
    sums = zip((seen, total), affine, strict=False)
    return (None, dx, None, None, *(views.reshape(found, of.shape) for found, of in sums))


# attrs: the axes. The value is that of the first input; the others are for the derivative.
define(Op("normalised", "composite", _infer, _reference, _vjp, expand=lambda attrs, y, *rest: y))
