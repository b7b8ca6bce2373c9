"""GELU by the normal distribution and by tanh, and their slopes: one row each.

Made of other rows they would take two to three times as many operations, and lose digits where the
share of x is near 0 or 1.
"""

from __future__ import annotations

import math

import numpy as np

from jairika_nb.engine.dtypes import DType
from jairika_nb.engine.gelu import CUBE, FARTHEST, SLOPE
from jairika_nb.engine.graph import Node, Op, Shape, define, make
from jairika_nb.engine.ops.elementwise import TABLE_FLOAT_ONLY, add, apply, call, mul
from jairika_nb.errors import DTypeError

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


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


def _share(x: np.ndarray) -> np.ndarray:
    """The normal distribution."""
    return (0.5 * _erfc(-math.sqrt(0.5) * x.astype(np.float64))).astype(x.dtype)


def _erf_value(attrs: tuple, x: np.ndarray) -> np.ndarray:
    return x * _share(x)


def _erf_slope(attrs: tuple, x: np.ndarray) -> np.ndarray:
    near = np.clip(x, -40, 40)
    return _share(x) + near * np.exp(-0.5 * near * near) / math.sqrt(2 * math.pi)


def _erf_bend(x: Node) -> Node:
    """The second derivative."""
    square = mul(x, x)
    density = mul(make("exp", (mul(square, -0.5),)), 1 / math.sqrt(2 * math.pi))
    return mul(density, apply("sub", 2.0, square))


define(Op("gelu_erf", "elementwise", _floats, _erf_value,
          lambda g, y, x: (mul(g, make("gelu_erf_slope", (x,))),), "GELU_ERF({0})",
          17))  # fmt: skip
define(Op("gelu_erf_slope", "elementwise", _floats, _erf_slope,
          lambda g, y, x: (mul(g, _erf_bend(x)),), "GELU_ERF_SLOPE({0})", 24))  # fmt: skip
define(Op("gelu_tanh", "elementwise", _floats, _value,
          lambda g, y, x: (mul(g, make("gelu_tanh_slope", (x,))),), "GELU_TANH({0})",
          14))  # fmt: skip
define(Op("gelu_tanh_slope", "elementwise", _floats, _slope,
          lambda g, y, x: (mul(g, _bend(x)),), "GELU_TANH_SLOPE({0})", 16))  # fmt: skip
TABLE_FLOAT_ONLY["gelu_erf"] = True
