"""Special functions and small formulas with PyTorch's names, made of the elementwise operations.

Sources: M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 1964, 6.1.40 and 6.3.18
(series of Stirling), 6.1.17 and 6.3.7 (reflection); M. Giles, "Approximating the erfinv
function", 2010.
"""

from __future__ import annotations

import math
from typing import Any

from jairika_nb.engine.dtypes import float32, is_float
from jairika_nb.errors import OutOfRange
from jairika_nb.tensors.arguments import answering, on_tensors
from jairika_nb.tensors.elementwise import (
    abs,
    add,
    astype,
    clip,
    detach,
    equal,
    erf,
    exp,
    exp2,
    floor,
    isinf,
    isnan,
    log,
    log2,
    maximum,
    minimum,
    multiply,
    remainder,
    sign,
    sin,
    sqrt,
    subtract,
    tan,
    trunc,
    where,
)
from jairika_nb.tensors.linear import tensors
from jairika_nb.tensors.reductions import all
from jairika_nb.tensors.tensor import Tensor

# Below this arguments are moved up by as much, where the series are exact to float64.
SERIES = 9


def _real(x: Any) -> Tensor:
    (found,) = tensors(x)
    return found if is_float(found.dtype) else astype(found, float32)


def lgamma(x: Any, /) -> Tensor:
    """The logarithm of the size of the gamma function.

    >>> import jairika_nb as jrk
    >>> round(jrk.lgamma(jrk.tensor(5.0)).item(), 5) == round(math.log(24), 5)
    True
    """
    values = _real(x)
    reflected = values < 0.5
    z = where(reflected, 1 - values, values)
    low = z < SERIES
    w = where(low, z + SERIES, z)
    found = w * (log(w) - 1) - 0.5 * log(w) + 0.5 * math.log(2 * math.pi) + _stirling(w)
    found = found - where(low, log(_rising(where(low, z, 1.0))), 0.0)
    part = where(reflected, values - floor(values), 0.5)
    mirrored = math.log(math.pi) - log(sin(part * math.pi)) - found
    return where(isinf(values), math.inf, where(reflected, mirrored, found))


def _rising(z: Tensor) -> Tensor:
    out = z
    for k in range(1, SERIES):
        out = out * (z + k)
    return out


def _stirling(w: Tensor) -> Tensor:
    inverse = 1 / w
    square = inverse * inverse
    total = square * 0.0
    for c in (-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        total = total * square + c
    return total * inverse


def digamma(x: Any, /) -> Tensor:
    """The slope of :func:`lgamma`; its own derivatives are the polygamma functions.

    At 0 it is minus infinity, at whole numbers below NaN.
    """
    values = _real(x)
    reflected = values < 0.5
    z = where(reflected, 1 - values, values)
    found = -_inverses(z)
    w = z + SERIES
    square = 1 / (w * w)
    total = square * 0.0
    for c in (691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12):
        total = total * square + c
    found = found + log(w) - 0.5 / w + total * square
    part = where(reflected, values - floor(values), 0.25)
    mirrored = found - math.pi / tan(where(part == 0, 0.25, part) * math.pi)
    pole = where(values == 0, -math.inf, math.nan)
    return where(reflected, where(part == 0, pole, mirrored), found)


def _inverses(z: Tensor) -> Tensor:
    out = 1 / z
    for k in range(1, SERIES):
        out = out + 1 / (z + k)
    return out


_MIDDLE = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
           -0.00125372503, -0.00417768164, 0.246640727, 1.50140941)  # fmt: skip
_TAIL = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
         -0.0076224613, 0.00943887047, 1.00167406, 2.83297682)  # fmt: skip


def erfinv(x: Any, /) -> Tensor:
    """The y with erf(y) = x; infinite at -1 and 1, NaN beyond.

    Two steps of Newton's method follow Giles' approximation; they also carry the derivatives,
    which are exact up to the third.
    """
    values = _real(x)
    inside = abs(values) < 1
    safe = where(inside, values, 0.0)
    y = detach(_giles(safe))
    for _ in range(2):
        y = y - (erf(y) - safe) * (math.sqrt(math.pi) / 2) * exp(y * y)
    edge = where(abs(values) == 1, sign(values) * math.inf, math.nan)
    return where(inside, y, edge)


def _giles(x: Tensor) -> Tensor:
    w = -log((1 - x) * (1 + x))
    middle = w < 5
    near, far = where(middle, w, 2.5) - 2.5, sqrt(where(middle, 9.0, w)) - 3
    return where(middle, _polynomial(_MIDDLE, near), _polynomial(_TAIL, far)) * x


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    total = x * 0.0
    for c in coefficients:
        total = total * x + c
    return total


def sinc(x: Any, /) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""
    scaled = _real(x) * math.pi
    zero = scaled == 0
    safe = where(zero, 1.0, scaled)
    return where(zero, 1.0, sin(safe) / safe)


@on_tensors
def logit(x: Tensor, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), of ``x`` limited to [eps, 1 - eps] where ``eps`` is given."""
    values = _real(x)
    if eps is not None:
        if not 0 <= eps <= 0.5:
            raise OutOfRange(f"logit: eps={eps} is not within 0 and 0.5")
        values = clip(values, eps, 1 - eps)
    return log(values / (1 - values))


@answering
def lerp(start: Any, end: Any, weight: Any) -> Tensor:
    """``start + weight * (end - start)``."""
    a, b = tensors(start, end)
    return a + (b - a) * weight


def xlogy(x1: Any, x2: Any, /) -> Tensor:
    """``x1 * log(x2)``; 0 where ``x1`` is 0, unless ``x2`` is NaN."""
    a, b = (_real(v) for v in tensors(x1, x2))
    nothing = (a == 0) & ((b <= 0) | isinf(b))
    return a * log(where(nothing, 1.0, b))


def logaddexp2(x1: Any, x2: Any, /) -> Tensor:
    """log2(2**x1 + 2**x2), without overflow."""
    a, b = (_real(v) for v in tensors(x1, x2))
    top, low = maximum(a, b), minimum(a, b)
    gap = where(equal(top, low), 0.0, subtract(low, top))
    return add(top, log2(exp2(gap) + 1))


def frac(x: Any, /) -> Tensor:
    """What is left of ``x`` without its whole part; it has the sign of ``x``."""
    return subtract(x, trunc(x))


def fmod(x1: Any, x2: Any, /) -> Tensor:
    """The rest of a division rounded towards 0; it has the sign of ``x1``.

    >>> import jairika_nb as jrk
    >>> jrk.fmod(jrk.tensor([-3, 3]), 2).tolist()
    [-1, 1]
    """
    a, b = tensors(x1, x2)
    return multiply(remainder(abs(a), abs(b)), sign(a))


def heaviside(x1: Any, x2: Any, /) -> Tensor:
    """0 below 0, 1 above, and ``x2`` at 0."""
    a, b = tensors(x1, x2)
    step = where(isnan(a), a, astype(a > 0, a.dtype)) if is_float(a.dtype) else a > 0
    return where(a == 0, b, astype(step, a.dtype))


def deg2rad(x: Any, /) -> Tensor:
    """Degrees as radians."""
    return multiply(x, math.pi / 180)


def rad2deg(x: Any, /) -> Tensor:
    """Radians as degrees."""
    return multiply(x, 180 / math.pi)


def isclose(
    x1: Any, x2: Any, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Elementwise: is ``|x1 - x2| <= atol + rtol * |x2|``? Infinities must be equal."""
    if rtol < 0 or atol < 0:
        raise OutOfRange(f"isclose: rtol={rtol} and atol={atol} must not be negative")
    a, b = tensors(x1, x2)
    x, y = _real(a), _real(b)
    near = (abs(x - y) <= abs(y) * rtol + atol) & (abs(y) < math.inf)
    same = equal(a, b) | near
    return same | (isnan(a) & isnan(b)) if equal_nan else same


def allclose(
    x1: Any, x2: Any, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether :func:`isclose` holds everywhere, as a tensor of shape ()."""
    return all(isclose(x1, x2, rtol, atol, equal_nan))
