"""GELU as x times the sigmoid of a cubic, and its slope: one row each.

Made of other rows the slope would take twice as many operations, and lose digits where the sigmoid
is near 1.
"""

from __future__ import annotations

import numpy as np

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.gelu import CUBE, FARTHEST, SLOPE
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops.elementwise import add, apply, call, mul
from jairika_nb.errors import DTypeError


def gelu_tanh(x: Node) -> Node:
    """The row for ``x``."""
    return make("gelu_tanh", (x,))


def _floats(x: Node, attrs: tuple) -> tuple[Shape, DType]:
    if x.dtype.kind != "float":
        raise DTypeError(
            f"gelu of {x.dtype.name} {x.shape}: it needs floats; convert with x.astype('float32')"
        )
    return x.shape, x.dtype


def _parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Numbers within range, the sigmoid, 1 less the sigmoid, and which numbers were below."""
    most = FARTHEST["double" if x.dtype == np.float64 else "float"]
    near = np.clip(x, -most, most)
    power = np.exp(-near * (SLOPE + CUBE * near * near))
    share = 1 / (1 + power)
    return near, share, power * share, x < -most


def _value(attrs: tuple, x: np.ndarray) -> np.ndarray:
    _, share, _, below = _parts(x)
    return x * np.where(below, x.dtype.type(0), share)


def _slope(attrs: tuple, x: np.ndarray) -> np.ndarray:
    near, share, rest, below = _parts(x)
    steep = near * (SLOPE + 3 * CUBE * near * near)
    return np.where(below, x.dtype.type(0), share + steep * share * rest)


def _bend(x: Node) -> Node:
    """The second derivative."""
    square = mul(x, x)
    share = call("sigmoid", mul(x, add(mul(square, CUBE), SLOPE)))
    first = mul(share, apply("sub", 1.0, share))
    steep = add(mul(square, 3 * CUBE), SLOPE)
    turned = mul(mul(steep, steep), apply("sub", 1.0, mul(share, 2)))
    return mul(first, add(mul(steep, 2), mul(x, add(turned, mul(x, 6 * CUBE)))))


define(Op("gelu_tanh", "elementwise", _floats, _value,
          lambda g, y, x: (mul(g, make("gelu_tanh_slope", (x,))),), "GELU_TANH({0})",
          14))  # fmt: skip
define(Op("gelu_tanh_slope", "elementwise", _floats, _slope,
          lambda g, y, x: (mul(g, _bend(x)),), "GELU_TANH_SLOPE({0})", 16))  # fmt: skip
